"""Variation between clusters of proportions and rates against R, sums over every count, closed forms and identities."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import core_trial as ct
from core_trial.clusters import binary, counts
from core_trial.errors import DataError, DesignError, FitError, PlanError

REFERENCE = Path(__file__).parents[1] / "reference" / "icc_events"
PROPORTION = {"cluster": "team", "kind": "proportion", "denominator": "people"}
RATE = {"cluster": "team", "kind": "rate", "person_time": "years"}


def teams(seed=1, clusters=25, rho=0.1, p=0.3, k=0.4):
    """A row a cluster of two arms, with successes of so many people and events in so many years."""
    rng = np.random.default_rng(seed)
    people, years = 2 + rng.poisson(12, clusters), 10 + rng.gamma(4, 10, clusters)
    risk = rng.beta(p * (1 - rho) / rho, (1 - p) * (1 - rho) / rho, clusters)
    return pd.DataFrame(
        {
            "team": np.arange(clusters),
            "arm": np.where(np.arange(clusters) % 5 < 2, "control", "intervention"),
            "people": people,
            "events": rng.binomial(people, risk),
            "years": years,
            "admissions": rng.poisson(years * 0.5 * rng.gamma(k**-2, k**2, clusters)),
        }
    )


def individuals(rows):
    """The zeros and ones behind the successes."""
    each = rows.loc[rows.index.repeat(rows["people"]), ["team", "arm", "events"]]
    return each.assign(events=(each.groupby("team").cumcount() < each["events"]).astype(int))


def limits(result):
    return np.array([result.conf_low, result.conf_high])


# -- Against other routes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case", json.loads((REFERENCE / "expected.json").read_text()).values(), ids=["arms", "overall"]
)
def test_agrees_with_r(case):
    data = pd.read_csv(REFERENCE / "data.csv")
    options = {"cluster": "team", "within": case["within"]}
    proportion = options | {"kind": "proportion", "denominator": "people"}
    found = {method: ct.icc("readmitted", data, **proportion, method=method) for method in ("anova", "fleiss-cuzick")}
    assert found["anova"].estimate == pytest.approx(case["anova"], rel=1e-10)
    assert found["fleiss-cuzick"].estimate == pytest.approx(case["fleiss_cuzick"], rel=1e-10)
    for result in found.values():
        np.testing.assert_allclose(limits(result), case["beta_binomial"], rtol=1e-7, atol=1e-10)
    wide = ct.icc("readmitted", data, **proportion, interval="zou-donner")
    np.testing.assert_allclose(limits(wide), case["zou_donner"], rtol=1e-7, atol=1e-10)
    k = ct.icc("admissions", data, **options, kind="rate", person_time="person_years")
    np.testing.assert_allclose([k.estimate, *limits(k)], [case["k"], *case["q_profile"]], rtol=1e-8)


def test_a_proportion_is_the_mean_of_zeros_and_ones():
    rows = teams(2)
    people = individuals(rows)
    options = {"cluster": "team", "within": "arm", "interval": "smith"}
    mean = ct.icc("events", people, **options)
    for data, denominator in ((rows, "people"), (people, None)):
        result = ct.icc("events", data, **options, kind="proportion", denominator=denominator)
        assert result.nobs == mean.nobs
        np.testing.assert_allclose([result.estimate, *limits(result)], [mean.estimate, *limits(mean)], rtol=1e-10)
        assert result.design_effect == pytest.approx(mean.design_effect)


@pytest.mark.parametrize("rho", [0, 0.02, 0.4])
def test_the_variance_is_that_of_every_count_that_a_cluster_can_have(rho):
    anova = binary.one_way(
        teams(3).rename(columns={"events": "value", "people": "size", "team": "cluster", "arm": "group"})
    )
    p = (anova.sum(anova.size * anova.mean) / anova.sum(anova.size))[anova.group]
    total, clusters = anova.sum(anova.size)[anova.group], anova.sum(np.ones(25))[anova.group]
    b = anova.sum((anova.size - anova.size / total * clusters) * p * (1 - p)).sum()
    for moments in (binary.beta_binomial, binary.common_correlation):
        expected = 0
        for n, q, slope in zip(anova.size, p, (1 - rho) * (1 - clusters / total) * (1 - 2 * p), strict=True):
            y = np.arange(n + 1)
            weight = stats.binom.pmf(y, n, q)
            if rho and moments is binary.beta_binomial:
                weight = stats.betabinom.pmf(y, n, q * (1 - rho) / rho, (1 - q) * (1 - rho) / rho)
            elif rho:
                weight = (1 - rho) * weight + rho * np.where(y == 0, 1 - q, np.where(y == n, q, 0))
            change = -y * (n - y) / n + slope * y
            expected += weight @ change**2 - (weight @ change) ** 2
        assert binary.variance(anova, rho, moments) == pytest.approx(expected / b**2, rel=1e-9)


def test_k_of_equal_person_time_in_closed_form():
    """k^2 = (s^2 - mean / t) / mean^2: the variance of the rates less that of Poisson counts."""
    rows = teams(4).assign(years=50.0)
    rates = rows["admissions"] / 50
    expected = np.sqrt(rates.var() - rates.mean() / 50) / rates.mean()
    assert ct.icc("admissions", rows, **RATE).estimate == pytest.approx(expected, rel=1e-9)


def test_limits_of_k_are_where_q_meets_chi_squared():
    rows = teams(5)
    result = ct.icc("admissions", rows, **RATE, within="arm", conf_level=0.9)
    rates = counts.Rates(
        *(rows[c].to_numpy(float) for c in ("admissions", "years")), (rows["arm"] == "control").to_numpy(int)
    )
    for k, tail in zip(limits(result), (0.05, 0.95), strict=True):
        assert rates.q(k**2) == pytest.approx(stats.chi2.isf(tail, 23), rel=1e-8)


def test_design_effect_and_data_scale_of_a_rate():
    """Var(total) / E(total) of counts with rates that vary by k, and the correlation of two Poisson counts of them."""
    rows = teams(6)
    result = ct.icc("admissions", rows, **RATE)
    k2, rate, years = result.estimate**2, rows["admissions"].sum() / rows["years"].sum(), rows["years"].to_numpy()
    variance = (rate * years + k2 * (rate * years) ** 2).sum()
    assert result.design_effect == pytest.approx(variance / (rate * years.sum()))
    events = rows["admissions"].mean()
    assert result.tidy()["term"].tolist() == ["k", "icc"]
    assert result.tidy().loc[1, "estimate"] == pytest.approx(k2 * events**2 / (k2 * events**2 + events))


def test_rows_of_a_cluster_add_up():
    rows = teams(7)
    halves = pd.concat(
        [rows.assign(years=rows["years"] / 2, admissions=rows["admissions"] // 2)] * 2, ignore_index=True
    )
    whole = halves.groupby("team", as_index=False)[["years", "admissions"]].sum()
    first, second = (ct.icc("admissions", data, **RATE) for data in (halves, whole))
    np.testing.assert_allclose([first.estimate, *limits(first)], [second.estimate, *limits(second)], rtol=1e-9)


# -- Identities -------------------------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["beta-binomial", "zou-donner"]), st.randoms())
def test_success_or_failure_labels_and_order_are_irrelevant(seed, interval, random):
    rows = teams(seed)
    order = list(range(len(rows)))
    random.shuffle(order)
    other = rows.assign(events=rows["people"] - rows["events"], team=100 - rows["team"]).iloc[order]
    first, second = (
        ct.icc("events", data, **PROPORTION, within="arm", interval=interval, method="fleiss-cuzick")
        for data in (rows, other)
    )
    np.testing.assert_allclose(
        [first.estimate, first.std_error, *limits(first)],
        [second.estimate, second.std_error, *limits(second)],
        rtol=1e-6,
        atol=1e-9,
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 1000))
def test_the_unit_of_person_time_is_irrelevant(seed, unit):
    rows = teams(seed)
    first, second = (
        ct.icc("admissions", data, **RATE, within="arm").tidy().drop(columns=["term", "mean_size"]).to_numpy()
        for data in (rows, rows.assign(years=unit * rows["years"]))
    )
    np.testing.assert_allclose(first, second, rtol=1e-6, atol=1e-7)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.5, 0.99), st.sampled_from(["proportion", "rate"]))
def test_intervals_are_nested_and_hold_the_estimate(seed, conf_level, kind):
    outcome, options = ("events", PROPORTION) if kind == "proportion" else ("admissions", RATE)
    rows = teams(seed, rho=0.2)
    narrow, wide = (ct.icc(outcome, rows, **options, conf_level=level) for level in (conf_level, conf_level + 0.005))
    assert 0 <= wide.conf_low <= narrow.conf_low <= narrow.conf_high <= wide.conf_high
    assert wide.conf_low <= wide.estimate <= wide.conf_high


def test_bootstrap_is_seeded_and_draws_clusters_within_arms():
    rows = teams(8)
    options = {"within": "arm", "interval": "bootstrap", "replicates": 199}
    for outcome, kind in (("events", PROPORTION), ("admissions", RATE)):
        first, again, other = (ct.icc(outcome, rows, **kind, **options, seed=seed) for seed in (1, 1, 2))
        assert first == again
        assert first.conf_low != other.conf_low
        assert first.conf_low < first.estimate < first.conf_high
        assert "199 draws of clusters, seed 1" in first.method
    people = individuals(rows)
    mean = ct.icc("events", people, cluster="team", **options, seed=1)
    proportion = ct.icc("events", people, cluster="team", kind="proportion", **options, seed=1)
    np.testing.assert_allclose(limits(mean), limits(proportion), rtol=1e-9)


def test_the_interval_of_a_proportion_holds_where_that_of_means_does_not():
    """Rare events of clusters that differ much: 95 % of intervals hold the correlation, within Monte Carlo error."""
    held = {"beta-binomial": 0, "smith": 0}
    for seed in range(100):
        rows = teams(seed, rho=0.15, p=0.08)
        for interval in held:
            result = ct.icc("events", rows, **PROPORTION, within="arm", interval=interval)
            held[interval] += result.conf_low <= 0.15 <= result.conf_high
    assert held["beta-binomial"] >= 90
    assert held["smith"] < 85


def test_the_interval_of_k_holds():
    held = 0
    for seed in range(100):
        result = ct.icc("admissions", teams(seed), **RATE, within="arm")
        held += result.conf_low <= 0.4 <= result.conf_high
    assert held >= 88


# -- What is reported -------------------------------------------------------------------------------------------------


def test_no_more_variation_than_chance():
    rows = teams(9).assign(events=lambda d: d["people"] // 3, admissions=lambda d: d["years"].round())
    negative = ct.icc("events", rows, **PROPORTION)
    assert negative.estimate < 0
    assert negative.conf_low == 0
    assert negative.notes == ("negative estimate: the clusters differ no more than chance would make them",)
    zero = ct.icc("admissions", rows, **RATE)
    assert zero.estimate == zero.conf_low == 0
    assert zero.design_effect == 1
    assert zero.notes == ("k is zero: the clusters' rates differ no more than Poisson counts would",)


def test_an_arm_without_events_is_left_out_and_named():
    rows = teams(10)
    control = rows["arm"] == "control"
    remark = "which says nothing of the variation between clusters: left out"
    for outcome, options in (("events", PROPORTION), ("admissions", RATE)):
        none = ct.icc(outcome, rows.assign(**{outcome: rows[outcome].where(~control, 0)}), **options, within="arm")
        assert none.notes == (f"arm control has no events, {remark}",)
        assert (
            none.tidy()
            .drop(columns="term")
            .equals(ct.icc(outcome, rows[~control], **options).tidy().drop(columns="term"))
        )
    every = ct.icc(
        "events", rows.assign(events=rows["events"].where(~control, rows["people"])), **PROPORTION, within="arm"
    )
    assert every.notes == (f"arm control has nothing but events, {remark}",)


def test_rows_without_events_or_person_time_are_counted():
    rows = teams(11)
    rows.loc[3, "years"] = np.nan
    result = ct.icc("admissions", rows, **RATE)
    assert result.notes == ("1 of 25 rows left out, with no admissions or years",)
    assert result.n_clusters == 24
    assert result.method == (
        "Coefficient of variation between clusters (k) by moments of precision-weighted rates, with the Q-profile"
        " (Viechtbauer 2007) interval"
    )


# -- Bad input --------------------------------------------------------------------------------------------------------

ROWS = teams(12)
BOOTSTRAP = {"interval": "bootstrap"}
BAD = {
    "unknown kind": ("events", ROWS, {"kind": "count"}, PlanError, "choose one of 'mean', 'proportion', 'rate'"),
    "method of another kind": ("events", ROWS, PROPORTION | {"method": "reml"}, PlanError, "one of 'anova', 'fl"),
    "interval of another kind": ("admissions", ROWS, RATE | {"interval": "exact"}, PlanError, "'q-profile'"),
    "a mean of many": ("events", ROWS, {"denominator": "people"}, PlanError, "a mean takes rows of individuals"),
    "a rate of nothing": ("admissions", ROWS, {"kind": "rate"}, PlanError, "a rate needs person_time"),
    "no seed": ("admissions", ROWS, RATE | BOOTSTRAP, PlanError, "give a seed"),
    "few draws": ("admissions", ROWS, RATE | BOOTSTRAP | {"seed": 1, "replicates": 9}, PlanError, "9 replicates"),
    "bootstrap of REML": ("years", ROWS, BOOTSTRAP | {"seed": 1, "method": "reml"}, PlanError, "by lmm"),
    "no binary values": ("events", ROWS.assign(events=2), {"kind": "proportion"}, DataError, "greater than 1 in rows"),
    "halves": ("events", ROWS.assign(events=0.5), PROPORTION, DataError, "is not a count in rows 1, 2"),
    "negative": ("admissions", ROWS.assign(admissions=-1), RATE, DataError, "is not a count"),
    "too many successes": ("events", ROWS.assign(events=99), PROPORTION, DataError, "than the denominator 'people'"),
    "0/0": ("admissions", ROWS.assign(years=0, admissions=0), RATE, DataError, "'years' is zero or negative"),
    "negative time": ("admissions", ROWS.assign(years=-1.0), RATE, DataError, "'years' is zero or negative in rows 1"),
    "no events": ("events", ROWS.assign(events=0), PROPORTION, FitError, "'events' has no events"),
    "only events": ("events", ROWS.assign(events=ROWS["people"]), PROPORTION, FitError, "nothing but events"),
    "no admissions": ("admissions", ROWS.assign(admissions=0), RATE, FitError, "report the counts alone"),
    "single cluster": ("admissions", ROWS.head(1), RATE, DesignError, "1 clusters in 1 groups"),
    "one each": ("events", ROWS.assign(people=1, events=ROWS.index % 2), PROPORTION, DesignError, "a cluster with two"),
    "a cluster a group": ("events", ROWS, PROPORTION | {"within": "team"}, DesignError, "more clusters than groups"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    outcome, data, options, error, message = BAD[case]
    with pytest.raises(error, match=message):
        ct.icc(outcome, data, **({"cluster": "team"} | options))
