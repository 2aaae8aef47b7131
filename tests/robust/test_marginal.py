"""Identities of marginal models: what must not matter, and what must be the same by two ways."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import block_diag, inv

import core_trial as ct
from core_trial.errors import TrialWarning

CORRECTIONS = ["none", "kc", "cr2", "md", "fg", "mbn", "avg"]
MODELS = {
    "gaussian": "score ~ arm + age",
    "binomial": "readmitted ~ arm + age",
    "poisson": "days ~ arm + age + offset(log(years))",
    "negative_binomial": "days ~ arm + age + offset(log(years))",
}
WORKING = [
    {"correlation": "independence"},
    {"correlation": "exchangeable"},
    {"correlation": "autoregressive", "time": "visit"},
    {"correlation": "nested", "subcluster": "ward"},
]
each_family = pytest.mark.parametrize("family", MODELS)
each_working = pytest.mark.parametrize("working", WORKING, ids=lambda working: working["correlation"])


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return pd.read_csv(Path(__file__).parents[1] / "reference/gee/data.csv")


@pytest.fixture
def panel():
    """Synthetic admissions of 25 teams before and after, highly correlated within teams."""
    rng = np.random.default_rng(11)
    team = np.repeat(np.arange(25), 2)
    frame = pd.DataFrame({"team": team, "arm": (team < 15).astype(int), "late": np.tile([0, 1], 25)})
    frame["years"] = rng.uniform(100, 400, 25)[team]
    rate = np.exp(rng.normal(-1, 0.4, 25)[team] - 0.1 * frame["arm"] * frame["late"])
    return frame.assign(admissions=rng.poisson(frame["years"] * rate))


def gee(rows, family, **options):
    return ct.gee(options.pop("formula", MODELS[family]), rows, cluster="team", family=family, **options)


def same(one, other, rtol=1e-8, corrections=CORRECTIONS):
    np.testing.assert_allclose(one.estimate, other.estimate, rtol=rtol, atol=1e-10)
    for correction in corrections:
        ours, theirs = one.with_correction(correction), other.with_correction(correction)
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9 * np.abs(theirs).max(), err_msg=correction)


@each_family
def test_independence_with_cr0_is_the_sandwich_of_the_regression(rows, family):
    marginal = gee(rows, family, correlation="independence", correction="none")
    regression = ct.cluster_robust(MODELS[family], rows, cluster="team", family=family, correction="cr0")
    same(marginal, regression, corrections=["none", "cr2", "md", "fg", "mbn"])


@each_working
def test_an_offset_shifted_by_a_constant_moves_only_the_intercept(rows, working):
    one = gee(rows, "poisson", **working)
    other = gee(rows.assign(years=rows["years"] * np.exp(4)), "poisson", **working)
    np.testing.assert_allclose(other.estimate - one.estimate, [-4, 0, 0], atol=1e-8)
    for correction in CORRECTIONS:
        np.testing.assert_allclose(
            other.with_correction(correction), one.with_correction(correction), rtol=1e-6, atol=1e-12
        )


@each_working
def test_order_of_rows_and_names_of_clusters_do_not_matter(rows, working):
    one = gee(rows, "binomial", **working)
    names = dict(zip(rows["team"].unique(), np.random.default_rng(1).permutation(25), strict=True))
    other = gee(rows.sample(frac=1, random_state=3).assign(team=lambda d: d["team"].map(names)), "binomial", **working)
    same(one, other)
    pd.testing.assert_frame_equal(one.correlations(), other.correlations(), rtol=1e-6)


@each_family
@pytest.mark.parametrize("working", [*WORKING[:2], WORKING[3]], ids=lambda working: working["correlation"])
def test_a_weight_is_the_row_so_many_times(rows, family, working):
    weighted = gee(rows, family, weights="times", **working)
    repeated = gee(rows.loc[rows.index.repeat(rows["times"])], family, **working)
    same(weighted, repeated)
    pd.testing.assert_frame_equal(weighted.correlations(), repeated.correlations(), rtol=1e-6)


@each_family
@pytest.mark.parametrize("correction", ["cr0", "cr1", "cr1s", "cr2", "cr3"])
def test_a_weight_of_a_regression_is_the_row_so_many_times(rows, family, correction):
    options = {"cluster": "team", "family": family, "correction": correction}
    weighted = ct.cluster_robust(MODELS[family], rows, weights="times", **options)
    repeated = ct.cluster_robust(MODELS[family], rows.loc[rows.index.repeat(rows["times"])], **options)
    pd.testing.assert_frame_equal(weighted.tidy(), repeated.tidy(), rtol=1e-6)
    pd.testing.assert_frame_equal(weighted.test("arm, age"), repeated.test("arm, age"), rtol=1e-6)


@each_working
def test_events_of_trials_are_as_many_rows(rows, working):
    if working["correlation"] == "autoregressive":
        pytest.skip("one row a time")
    groups = rows.groupby(["team", "arm", "ward"], as_index=False)["readmitted"].agg(["sum", "size"])
    groups["rest"] = groups["size"] - groups["sum"]
    one = gee(rows, "binomial", formula="readmitted ~ arm + ward", **working)
    same(one, gee(groups, "binomial", formula="cbind(sum, rest) ~ arm + ward", **working))


def test_arms_relabelled_flip_the_sign(rows):
    one = gee(rows, "binomial").tidy().set_index("term").loc["arm"]
    other = gee(rows.assign(arm=1 - rows["arm"]), "binomial").tidy().set_index("term").loc["arm"]
    assert other["estimate"] == pytest.approx(-one["estimate"], rel=1e-6)
    assert other["std_error"] == pytest.approx(one["std_error"], rel=1e-6)
    assert other["p_value"] == pytest.approx(one["p_value"], rel=1e-5)


def test_units_of_the_outcome_do_not_matter(rows):
    one = gee(rows, "gaussian")
    other = gee(rows.assign(score=rows["score"] * 1e6 + 1e9), "gaussian")
    np.testing.assert_allclose(other.estimate[1:] / 1e6, one.estimate[1:], rtol=1e-6)
    np.testing.assert_allclose(other.covariance[1:, 1:] / 1e12, one.covariance[1:, 1:], rtol=1e-5)
    pd.testing.assert_frame_equal(one.correlations(), other.correlations(), rtol=1e-5)


def test_contrasts_take_the_full_covariance(rows):
    fit = gee(rows, "binomial")
    row = fit.contrast({"arm": 1, "age": 10}).iloc[0]
    weights = fit.row({"arm": 1, "age": 10})
    assert row["std_error"] == pytest.approx(np.sqrt(weights @ fit.covariance @ weights))
    assert row["df"] == 23
    joint = fit.test("arm, age").iloc[0]
    wald = fit.estimate[1:] @ np.linalg.solve(fit.covariance[1:, 1:], fit.estimate[1:])
    assert joint["df"] == 22
    assert joint["statistic"] == pytest.approx(wald / 2 * 22 / 23)


def test_single_rows_have_no_correlation_and_are_a_regression(rows):
    alone = rows.assign(team=np.arange(len(rows)))
    one = gee(alone, "poisson")
    assert one.correlations().empty
    same(one, ct.cluster_robust(MODELS["poisson"], alone, cluster="team", family="poisson"))


def dense_working(fit, rows, working):
    """(n, n) the working correlation, rows by team and within it by visit."""
    rho = list(fit.working.values())
    blocks = []
    for _, group in rows.groupby("team"):
        n = len(group)
        if working["correlation"] == "autoregressive":
            blocks.append(rho[0] ** np.abs(np.subtract.outer(np.arange(n), np.arange(n))))
            continue
        ward = group["ward"].to_numpy()
        block = np.where(ward[:, None] == ward, rho[0], rho[-1])
        blocks.append(np.where(np.eye(n) > 0, 1.0, block))
    return block_diag(*blocks)


@each_working
def test_parts_are_those_of_the_matrices_of_all_rows(rows, working):
    sorted_rows = rows.sort_values(["team", "visit"])
    fit = gee(sorted_rows, "poisson", correction="none", **working)
    x, mean = fit.observed.x, fit.fitted().to_numpy()
    d, sd = x * mean[:, None], np.sqrt(mean)
    weight = inv(dense_working(fit, sorted_rows, working) * np.outer(sd, sd))
    r = sorted_rows["days"].to_numpy() - mean
    np.testing.assert_allclose(d.T @ weight @ r, 0, atol=1e-5)
    bread = inv(d.T @ weight @ d)
    codes = pd.factorize(sorted_rows["team"])[0]
    influence = np.array([bread @ d.T @ weight @ (r * (codes == i)) for i in range(25)])
    np.testing.assert_allclose(fit.influence_functions, influence, rtol=1e-5, atol=1e-8)


def test_correlations_take_residuals_without_the_cluster(rows):
    fit = gee(rows, "gaussian")
    x, y, codes = fit.observed.x, rows["score"].to_numpy(), fit.observed.cluster.level
    rho = fit.working["within clusters"]
    same_team = codes[:, None] == codes
    v = np.where(same_team, rho, 0.0) + (1 - rho) * np.eye(len(y))
    hat = x @ inv(x.T @ inv(v) @ x) @ x.T @ inv(v)
    e = y - fit.fitted().to_numpy()
    f = inv(np.eye(len(y)) - np.where(same_team, hat, 0)) @ e
    products = np.outer(f, e)
    pairs = same_team & ~np.eye(len(y), dtype=bool)
    expected = products[pairs].mean() / np.diag(products).mean()
    assert fit.correlations()["estimate"].iloc[0] == pytest.approx(expected, rel=1e-8)


def test_correlations_are_unbiased_where_moments_are_not():
    rng = np.random.default_rng(8)
    teams, rho, n = 12, 0.3, 5
    team = np.repeat(np.arange(teams), n)
    frame = pd.DataFrame({"team": team, "arm": team % 2, "severity": rng.normal(size=teams)[team]})
    found = []
    for _ in range(150):
        y = rng.normal(0, np.sqrt(rho), teams)[team] + rng.normal(0, np.sqrt(1 - rho), len(team))
        fit = gee(frame.assign(y=y), "gaussian", formula="y ~ arm + severity")
        found.append(fit.correlations().loc[0, ["working", "estimate"]].to_list())
    found = np.array(found)
    error = found.std(axis=0) / np.sqrt(len(found))
    assert abs(found[:, 1].mean() - rho) < 3 * error[1] + 0.02
    assert found[:, 0].mean() < rho - 2 * error[0]


def test_a_correlation_of_uneven_times_is_noted(rows):
    fit = gee(rows[rows["visit"] != 1], "gaussian", correlation="autoregressive", time="visit")
    assert any("uneven or missing" in note for note in fit.notes)
    assert not any("uneven" in note for note in gee(rows, "gaussian", **WORKING[2]).notes)


def test_links_give_the_effects_that_tables_show():
    frame = pd.DataFrame({"team": np.repeat(np.arange(8), 5), "arm": np.repeat([0, 1], 20), "y": [1, 1, 0, 0, 0] * 8})
    frame.loc[:3, "y"] = 1
    risk = frame.groupby("arm")["y"].mean()
    for link, measure, effect in [
        ("logit", "odds ratio", risk[1] / (1 - risk[1]) / (risk[0] / (1 - risk[0]))),
        ("log", "risk ratio", risk[1] / risk[0]),
        ("identity", "risk difference", risk[1] - risk[0]),
    ]:
        fit = gee(frame, "binomial", formula="y ~ arm", link=link, correlation="independence")
        ratio = link != "identity"
        assert fit.measure == measure
        assert fit.tidy(exponentiate=ratio)["estimate"].iloc[1] == pytest.approx(effect)


def test_every_correction_side_by_side(rows):
    fit = gee(rows, "binomial", correction="cr2", ddf="satterthwaite")
    table = fit.compare_corrections("arm")
    assert table["correction"].tolist() == ["none", "cr1", "cr1s", "cr2", "kc", "md", "fg", "mbn", "avg"]
    assert table.loc[table["chosen"], "correction"].tolist() == ["cr2"]
    chosen = table[table["chosen"]].iloc[0]
    assert chosen["std_error"] == fit.tidy()["std_error"].iloc[1]
    assert chosen["df"] == fit.tidy()["df"].iloc[1]
    assert table.set_index("correction").loc["mbn", "ddf"] == "clusters"
    assert table["std_error"].between(chosen["std_error"] * 0.8, chosen["std_error"] * 1.2).all()


def test_the_two_roots_are_one_where_covariates_do_not_vary_within_clusters(rows):
    fit = gee(rows, "binomial", formula="readmitted ~ arm")
    np.testing.assert_allclose(fit.with_correction("kc"), fit.with_correction("cr2"), rtol=1e-9)
    other = gee(rows, "binomial")
    assert not np.allclose(other.with_correction("kc"), other.with_correction("cr2"), rtol=1e-4)


def test_kc_that_is_far_from_the_exact_root_is_said(panel):
    """The leverage of a team is far from symmetric here: its eigenvectors are not at right angles."""
    formula = "admissions ~ arm * late + offset(log(years))"
    options = {"cluster": "team", "family": "poisson"}
    with pytest.warns(TrialWarning, match=r"arm \(.*take cr2"):
        astray = ct.gee(formula, panel, correction="kc", **options)
    assert "far from those by the exact root" in astray.notes[-1]
    errors = ct.gee(formula, panel, **options).compare_corrections("arm").set_index("correction")["std_error"]
    assert errors["none"] < errors["cr2"] < errors["md"] < errors["kc"]


def test_fitted_values_and_residuals_keep_the_rows(rows):
    fit = gee(rows, "poisson")
    assert fit.fitted().index.equals(rows.index)
    expected = (rows["days"] - fit.fitted()) / np.sqrt(fit.fitted())
    pd.testing.assert_series_equal(fit.residuals(), expected, check_names=False)


def test_marginal_means_are_those_of_the_model(rows):
    means = gee(rows, "gaussian", formula="score ~ arm + ward").marginal_means("ward", at={"arm": 0})
    fit = gee(rows, "gaussian", formula="score ~ arm + ward")
    assert means["estimate"].iloc[0] == pytest.approx(fit.estimate[0])
    assert means["std_error"].iloc[0] == pytest.approx(np.sqrt(fit.covariance[0, 0]))
