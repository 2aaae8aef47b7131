"""The intracluster correlation against R, the textbook balanced case, matrix formulas, and its own identities."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import core_trial as ct
from core_trial.errors import DataError, DesignError, FitError, PlanError, TrialWarning

REFERENCE = Path(__file__).parents[1] / "reference" / "icc"
INTERVALS = ("exact", "searle", "thomas-hultquist", "smith")


def people(seed=1, clusters=12, size=6.0, between=1.0, equal=False):
    """Individuals in clusters of two arms, unequal in size unless `equal`."""
    rng = np.random.default_rng(seed)
    sizes = np.full(clusters, int(size)) if equal else 2 + rng.poisson(size, clusters)
    team = np.repeat(np.arange(clusters), sizes)
    arm = team % 2
    return pd.DataFrame(
        {
            "team": team,
            "arm": np.where(arm, "intervention", "control"),
            "score": 10 + 5 * arm + rng.normal(0, np.sqrt(between), clusters)[team] + rng.normal(0, 3, len(team)),
        }
    )


def limits(result):
    return np.array([result.conf_low, result.conf_high])


# -- Against other routes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case", json.loads((REFERENCE / "expected.json").read_text()).values(), ids=["arms", "overall"]
)
def test_agrees_with_r(case):
    data = pd.read_csv(REFERENCE / "data.csv")
    options = {"cluster": "team", "within": case["within"]}
    assert ct.icc("score", data, **options).estimate == pytest.approx(case["anova"], rel=1e-10)
    np.testing.assert_allclose(limits(ct.icc("score", data, **options)), case["exact"], rtol=1e-8)
    np.testing.assert_allclose(limits(ct.icc("score", data, **options, interval="searle")), case["searle"], rtol=1e-10)
    assert ct.icc("score", data, **options, method="reml").estimate == pytest.approx(case["reml"], rel=1e-6)


def test_balanced_clusters_by_the_textbook():
    """Donner (1986), equations for k clusters of m: F, (F - 1) / (F + m - 1), and its exact limits."""
    rows = people(equal=True)
    values = rows["score"].to_numpy().reshape(12, 6)
    f = 6 * values.mean(axis=1).var(ddof=1) / values.var(axis=1, ddof=1).mean()
    upper, lower = stats.f.ppf([0.975, 0.025], 11, 60)
    expected = [(f / q - 1) / (f / q + 5) for q in (upper, lower)]
    for interval in ("exact", "searle", "thomas-hultquist"):
        result = ct.icc("score", rows, cluster="team", interval=interval)
        assert result.estimate == pytest.approx((f - 1) / (f + 5), rel=1e-12)
        np.testing.assert_allclose(limits(result), expected, rtol=1e-9)


def test_standard_error_is_the_delta_method_on_the_covariance_of_the_mean_squares():
    """Var(y'Ay) = 2 tr(AVAV) for the two sums of squares of the individuals, within arms, written out as matrices."""
    rows = people(3, clusters=6)
    n = len(rows)
    arms, clusters = (pd.get_dummies(rows[column]).to_numpy(float) for column in ("arm", "team"))
    project = lambda x: x @ np.linalg.pinv(x)  # noqa: E731
    between, within = project(clusters) - project(arms), np.eye(n) - project(clusters)
    degrees = [round(np.trace(between)), round(np.trace(within))]
    result = ct.icc("score", rows, cluster="team", within="arm")
    rho = result.estimate
    covariance = rho * clusters @ clusters.T + (1 - rho) * np.eye(n)
    n0 = np.trace(between @ clusters @ clusters.T) / degrees[0]
    variances = [
        2 * np.trace(a @ covariance @ a @ covariance) / df**2 for a, df in zip((between, within), degrees, strict=True)
    ]
    gradient = np.array([(1 - rho) / n0, -(1 + (n0 - 1) * rho) / n0])
    assert result.std_error == pytest.approx(np.sqrt(gradient**2 @ variances), rel=1e-10)
    np.testing.assert_allclose(
        limits(ct.icc("score", rows, cluster="team", within="arm", interval="smith")),
        stats.norm(rho, result.std_error).ppf([0.025, 0.975]),
        rtol=1e-10,
    )


def test_exact_limits_are_the_correlations_that_f_just_does_not_refute():
    """At each limit the generalised F ratio of the individuals, whitened by that correlation, is at its quantile."""
    rows = people(4)
    n, k = len(rows), 12
    arms, clusters = (pd.get_dummies(rows[column]).to_numpy(float) for column in ("arm", "team"))
    result = ct.icc("score", rows, cluster="team", within="arm", conf_level=0.9)
    for rho, quantile in zip(limits(result), stats.f.ppf([0.95, 0.05], k - 2, n - k), strict=True):
        white = np.linalg.inv(np.linalg.cholesky(rho * clusters @ clusters.T + (1 - rho) * np.eye(n)))
        y, x, full = white @ rows["score"].to_numpy(), white @ arms, white @ clusters
        rss = [np.sum((y - design @ np.linalg.lstsq(design, y)[0]) ** 2) for design in (x, full)]
        assert (rss[0] - rss[1]) / (k - 2) / (rss[1] / (n - k)) == pytest.approx(quantile, rel=1e-8)


def test_reml_of_balanced_clusters_is_the_analysis_of_variance():
    rows = people(5, equal=True, between=4)
    anova, reml = (ct.icc("score", rows, cluster="team", within="arm", method=method) for method in ("anova", "reml"))
    assert anova.estimate > 0
    assert reml.estimate == pytest.approx(anova.estimate, rel=1e-6)
    np.testing.assert_array_equal(limits(reml), limits(anova))


def test_reml_stops_at_zero_and_says_so():
    rows = people(8, between=0)
    with pytest.warns(TrialWarning, match="boundary"):
        result = ct.icc("score", rows, cluster="team", within="arm", method="reml")
    assert result.estimate == pytest.approx(0, abs=1e-9)
    assert "boundary" in result.notes[0]
    np.testing.assert_array_equal(limits(result), limits(ct.icc("score", rows, cluster="team", within="arm")))


def test_design_effect_of_unequal_clusters():
    rows = people(6)
    size = rows.groupby("team").size().to_numpy()
    result = ct.icc("score", rows, cluster="team")
    assert result.mean_size == size.mean()
    assert result.cv_size == pytest.approx(size.std() / size.mean())
    assert result.design_effect == pytest.approx(1 + ((size**2).sum() / size.sum() - 1) * result.estimate)


# -- Identities -------------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(INTERVALS), st.floats(-50, 50), st.floats(0.01, 100), st.randoms())
def test_units_origin_labels_and_order_are_irrelevant(seed, interval, origin, unit, random):
    rows = people(seed)
    order = list(range(len(rows)))
    random.shuffle(order)
    other = rows.assign(score=origin + unit * rows["score"], team=100 - rows["team"]).iloc[order]
    first, second = (ct.icc("score", d, cluster="team", within="arm", interval=interval) for d in (rows, other))
    np.testing.assert_allclose(
        [first.estimate, first.std_error, *limits(first)],
        [second.estimate, second.std_error, *limits(second)],
        rtol=1e-6,
        atol=1e-9,
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(-20, 20))
def test_a_shift_of_one_arm_is_not_variation_within_arms(seed, effect):
    rows = people(seed)
    shifted = rows.assign(score=rows["score"] + effect * (rows["arm"] == "intervention"))
    first, second = (ct.icc("score", d, cluster="team", within="arm") for d in (rows, shifted))
    np.testing.assert_allclose([first.estimate, *limits(first)], [second.estimate, *limits(second)], atol=1e-8)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.5, 0.99), st.sampled_from(INTERVALS))
def test_intervals_are_ordered_and_nested(seed, conf_level, interval):
    rows = people(seed, clusters=5, size=2, between=0.1)
    options = {"cluster": "team", "interval": interval}
    narrow = ct.icc("score", rows, **options, conf_level=conf_level)
    wide = ct.icc("score", rows, **options, conf_level=conf_level + 0.005)
    assert wide.conf_low <= narrow.conf_low <= narrow.conf_high <= wide.conf_high
    if interval != "smith":
        assert narrow.conf_low >= -1
        assert narrow.conf_high <= 1


def test_pooling_within_a_single_group_changes_nothing():
    rows = people(7).assign(all="one")
    first, second = (ct.icc("score", rows, cluster="team", within=within) for within in ("all", None))
    assert first.tidy().equals(second.tidy())


# -- What is reported -------------------------------------------------------------------------------------------------


def test_the_effect_of_the_arm_is_not_clustering():
    rows = people(8, between=0)
    assert ct.icc("score", rows, cluster="team").estimate > 0.3
    assert abs(ct.icc("score", rows, cluster="team", within="arm").estimate) < 0.1


def test_clusters_more_alike_than_chance():
    rows = pd.DataFrame({"team": np.repeat(range(4), 3), "score": [1, 5, 9, 2, 5, 8, 1, 6, 8, 0, 5, 10]})
    result = ct.icc("score", rows, cluster="team")
    assert result.estimate == pytest.approx(-1 / 2)  # the least that clusters of three can have
    assert result.between == pytest.approx(-result.within / 3)
    assert result.notes == ("negative estimate: the clusters differ no more than chance would make them",)
    assert result.conf_low == result.conf_high == pytest.approx(-1 / 2)


def test_tidy_and_method():
    rows = people(9)
    rows.loc[[0, 5], "score"] = np.nan
    result = ct.icc("score", rows, cluster="team", within="arm", interval="searle")
    table = result.tidy()
    columns = "term estimate std_error conf_low conf_high design_effect n_clusters nobs mean_size cv_size"
    assert " ".join(table) == columns
    assert table.loc[0, ["term", "n_clusters", "nobs"]].tolist() == ["icc", 12, len(rows) - 2]
    assert result.notes == (f"2 of {len(rows)} rows left out, with no score",)
    assert result.method == (
        "Intracluster correlation by analysis of variance, pooled within arm, with the Searle (1971) interval"
    )


# -- Bad input --------------------------------------------------------------------------------------------------------

ROWS = people(10)
BAD = {
    "unknown column": (ROWS, {"cluster": "tem"}, PlanError, "did you mean 'team'"),
    "unknown group": (ROWS, {"within": "arms"}, PlanError, "did you mean 'arm'"),
    "unknown method": (ROWS, {"method": "ml"}, PlanError, "choose one of 'anova', 'reml'"),
    "unknown interval": (ROWS, {"interval": "swiger"}, PlanError, "choose one of 'exact', 'searle'"),
    "level in percent": (ROWS, {"conf_level": 95}, PlanError, "between 0 and 1"),
    "missing cluster": (ROWS.assign(team=ROWS["team"].where(ROWS.index != 2)), {}, DataError, "missing in row 3"),
    "text": (ROWS.assign(score="high"), {}, DataError, "'score' is not a number in rows 1, 2, 3, 4, 5 and"),
    "group varies": (ROWS.assign(month=ROWS.index % 2), {"within": "month"}, DesignError, "'month' varies within"),
    "one cluster": (ROWS.assign(team=1), {}, DesignError, "more clusters than groups"),
    "a cluster a group": (ROWS.assign(own=ROWS["team"]), {"within": "own"}, DesignError, "more clusters than groups"),
    "one value a cluster": (ROWS.groupby("team").head(1), {}, DesignError, "a cluster with two values"),
    "no values": (ROWS.assign(score=np.nan), {}, DesignError, "0 values of 'score' in 0 clusters"),
    "all equal": (ROWS.assign(score=3), {}, FitError, "'score' does not vary within clusters"),
    "cluster values": (ROWS.assign(score=ROWS["team"] / 3), {}, FitError, "does not vary within clusters"),
}  # fmt: skip


def test_the_data_before_the_outcome():
    with pytest.raises(PlanError, match="data of type str are no data frame"):
        ct.icc(ROWS, "score", cluster="team")


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    data, options, error, message = BAD[case]
    with pytest.raises(error, match=message):
        ct.icc("score", data, **({"cluster": "team"} | options))
