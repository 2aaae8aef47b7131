"""`ct.glmm`: identities that any such model obeys, inference with few clusters, predictions and draws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import core_trial as ct
from core_trial.engine.generalised.approximation import laplace_approximation
from core_trial.engine.generalised.deviance import GlmmDeviance

ARM = "arm[T.intervention]"
COUNT = "count ~ arm + period + offset(log(people)) + (1 | team)"
SHARE = "cbind(readmitted, admitted - readmitted) ~ arm + (1 | team)"
MODELS = [
    (COUNT, {"family": "poisson"}),
    (COUNT, {"family": "poisson", "n_agq": 5}),
    (COUNT.replace("count", "varied"), {"family": "negative_binomial"}),
    (COUNT.replace("count", "varied"), {"family": "nb1"}),
]


@pytest.fixture(scope="module")
def fit(visits) -> ct.GlmmFit:
    return ct.glmm(COUNT, visits, family="poisson")


def same_inference(one: ct.GlmmFit, other: ct.GlmmFit, shift: float = 0.0) -> None:
    left, right = one.tidy(), other.tidy()
    np.testing.assert_allclose(left["estimate"] + shift * (left["term"] == "(Intercept)"), right["estimate"], atol=2e-6)
    np.testing.assert_allclose(left["std_error"], right["std_error"], rtol=2e-5)


@pytest.mark.parametrize(("formula", "options"), MODELS)
def test_a_constant_in_the_offset_moves_the_intercept_only(visits, formula, options):
    shifted = formula.replace("log(people)", "log(people) + 7.5")
    one, other = ct.glmm(formula, visits, **options), ct.glmm(shifted, visits, **options)
    same_inference(one, other, shift=-7.5)
    assert one.glance()["loglik"][0] == pytest.approx(other.glance()["loglik"][0], abs=1e-8)


def test_offsets_add_up(visits, fit):
    parts = visits.assign(half=np.log(visits["people"]) / 2)
    two = COUNT.replace("offset(log(people))", "offset(half) + offset(0.5 * log(people))")
    same_inference(ct.glmm(two, parts, family="poisson"), fit)


def test_other_links_give_differences_and_risk_ratios(visits):
    difference = ct.glmm(SHARE, visits, family="binomial", link="identity")
    sums = visits.groupby("arm")[["readmitted", "admitted"]].sum()
    risk = sums["readmitted"] / sums["admitted"]
    assert difference.measure == "risk difference"
    assert difference.estimate[1] == pytest.approx(risk["intervention"] - risk["control"], abs=0.03)
    with pytest.raises(ct.FitError, match="use another link than identity"):
        ct.glmm("yes ~ arm + (1 | team)", visits, family="binomial", link="identity")
    assert ct.glmm(SHARE, visits, family="binomial", link="log").measure == "risk ratio"


@pytest.mark.parametrize(("formula", "options"), [*MODELS, (SHARE, {"family": "binomial"})])
def test_order_of_rows_and_names_of_clusters_do_not_matter(visits, formula, options):
    shuffled = visits.sample(frac=1, random_state=1)
    shuffled["team"] = "Z" + shuffled["team"].str[::-1]
    same_inference(ct.glmm(formula, visits, **options), ct.glmm(formula, shuffled, **options))


@pytest.mark.parametrize(
    ("formula", "options"), [*MODELS, (SHARE.replace("readmitted", "clumped"), {"family": "beta_binomial"})]
)
def test_a_weight_of_two_is_a_row_twice(visits, formula, options):
    twice = pd.concat([visits, visits], ignore_index=True)
    same_inference(ct.glmm(formula, visits.assign(w=2), weights="w", **options), ct.glmm(formula, twice, **options))


def test_proportions_of_trials_are_two_columns_of_counts(visits):
    shares = visits.assign(share=visits["readmitted"] / visits["admitted"])
    one = ct.glmm(SHARE, visits, family="binomial")
    other = ct.glmm("share ~ arm + (1 | team)", shares, family="binomial", weights="admitted")
    same_inference(one, other)
    assert one.glance()["loglik"][0] == pytest.approx(other.glance()["loglik"][0])


def test_relabelled_arms_flip_the_sign(visits, fit):
    swapped = visits.assign(arm=visits["arm"].map({"control": "z", "intervention": "a"}))
    assert ct.glmm(COUNT, swapped, family="poisson").tidy().loc[1, "estimate"] == pytest.approx(
        -fit.tidy().loc[1, "estimate"], abs=1e-6
    )


def test_few_clusters_have_between_within_degrees_of_freedom(fit):
    assert fit.tidy()["df"].tolist() == [23.0, 23.0, 74.0]
    assert "between-within" in fit.method
    assert fit.measure == "rate ratio"
    np.testing.assert_allclose(fit.tidy(exponentiate=True)["estimate"], np.exp(fit.tidy()["estimate"]))


@pytest.mark.parametrize(
    ("ddf", "df", "words"),
    [("clusters", 23.0, "less cluster-level"), ("residual", 97.0, "rows less"), ("normal", np.inf, "normal reference")],
)
def test_degrees_of_freedom_are_those_asked_for(visits, ddf, df, words):
    fit = ct.glmm(COUNT, visits, family="poisson", ddf=ddf)
    assert fit.tidy()["df"].tolist() == [df] * 3
    assert words in fit.method


def test_rows_as_levels_are_no_clusters(visits):
    numbered = visits.assign(row=range(len(visits)))
    formula = COUNT.replace("count", "varied").replace("(1 | team)", "(1 | team) + (1 | row)")
    fit = ct.glmm(formula, numbered, family="poisson")
    assert fit.tidy()["df"].tolist() == [23.0, 23.0, 74.0]
    assert fit.glance()["n_clusters"][0] == 25


def test_crossed_factors_take_clusters(visits):
    fit = ct.glmm(COUNT.replace("+ period", "").replace("team)", "team) + (1 | period)"), visits, family="poisson")
    assert "clusters (team)" in fit.method
    assert fit.tidy()["df"].tolist() == [23.0, 23.0]


def test_the_likelihood_ratio_is_that_of_the_model_without(visits, fit):
    without = ct.glmm(COUNT.replace("arm + ", ""), visits, family="poisson")
    ratio = 2 * (fit.glance()["loglik"][0] - without.glance()["loglik"][0])
    test = fit.likelihood_ratio_test(ARM).loc[0]
    assert test["chi_squared"] == pytest.approx(ratio, abs=1e-6)
    assert test["p_value"] == pytest.approx(stats.f.sf(ratio, 1, 23), abs=1e-6)
    assert test["chi_squared_p"] == pytest.approx(stats.chi2.sf(ratio, 1), abs=1e-6)


def test_likelihood_ratios_of_several_equations(visits, fit):
    test = fit.likelihood_ratio_test(f"{ARM}, period").loc[0]
    without = ct.glmm(COUNT.replace("arm + period +", ""), visits, family="poisson")
    assert test["num_df"] == 2
    assert test["chi_squared"] == pytest.approx(2 * (fit.summary["loglik"] - without.summary["loglik"]), abs=1e-6)


@pytest.mark.parametrize("options", [{}, {"n_agq": 4}])
def test_profile_intervals_end_where_the_likelihood_ratio_is_significant(visits, options):
    fit = ct.glmm(COUNT, visits, family="poisson", **options)
    for row in fit.profile_intervals().itertuples():
        assert row.conf_low < row.estimate < row.conf_high
        if row.term != "(Intercept)":
            for end in (row.conf_low, row.conf_high):
                assert fit.likelihood_ratio_test(f"{row.term} = {end!r}").loc[0, "p_value"] == pytest.approx(
                    0.05, abs=1e-4
                )


def test_intervals_of_deviations_and_dispersions_hold_their_estimates(visits):
    fit = ct.glmm(COUNT.replace("count", "varied"), visits, family="negative_binomial")
    table = fit.variance_intervals()
    assert table["quantity"].tolist() == ["standard deviation", "theta"]
    assert (table["conf_low"] < table["estimate"]).all()
    assert (table["estimate"] < table["conf_high"]).all()
    assert table.loc[0, "estimate"] ** 2 == pytest.approx(fit.variance_components().loc[0, "covariance"])


@pytest.mark.parametrize(("family", "parameter", "end"), [("negative_binomial", "theta", np.inf), ("nb1", "alpha", 0)])
def test_counts_that_vary_no_more_than_poisson_counts_are_poisson(visits, family, parameter, end):
    with pytest.warns(ct.TrialWarning, match=f"{parameter} runs to"):
        fit = ct.glmm("even ~ arm + (1 | team)", visits, family=family)
    assert fit.dispersion().to_numpy().tolist() == [[parameter, end]]
    poisson = ct.glmm("even ~ arm + (1 | team)", visits, family="poisson")
    same_inference(fit, poisson)
    assert fit.glance()["aic"][0] == pytest.approx(poisson.glance()["aic"][0] + 2)


def test_nodes_double_until_the_estimates_stop_moving(visits):
    fit = ct.glmm("yes ~ arm + (1 | team)", visits, family="binomial", n_agq="auto")
    nodes = int(fit.glance()["n_agq"][0])
    assert fit.notes[-1] == f"the estimates stopped moving at {nodes} quadrature nodes"
    twice = ct.glmm("yes ~ arm + (1 | team)", visits, family="binomial", n_agq=2 * nodes)
    assert np.abs(twice.estimate - fit.estimate).max() < 1e-3 * fit.tidy()["std_error"].min()


def test_robust_standard_errors_are_of_one_step_without_each_cluster(visits):
    fit = ct.glmm(COUNT.replace("count", "varied"), visits, family="negative_binomial", covariance="robust")
    problem, psi = fit.result.problem, fit.result.minimum.theta
    total = np.zeros((len(psi), len(psi)))
    for cluster in range(25):
        kept = (problem.random.terms[0].level != cluster).astype(float)
        without = replace(problem, rows=replace(problem.rows, weights=kept))
        at = GlmmDeviance(laplace_approximation(without))(psi)
        step = np.linalg.solve(at.hessian, at.gradient)
        total += np.outer(step, step)
    transform = problem.fixed.transform
    np.testing.assert_allclose(fit.covariance, transform @ total[:3, :3] @ transform.T, rtol=1e-3, atol=1e-7)
    assert "Mancl and DeRouen" in fit.method


def test_bootstrap_tests_repeat_and_agree_with_the_f_test(visits):
    fit = ct.glmm("yes ~ arm + (1 | team)", visits, family="binomial")
    test = fit.bootstrap_test(ARM, n=60, seed=1)
    assert test.p_value == fit.bootstrap_test(ARM, n=60, seed=1).p_value
    assert abs(test.p_value - fit.likelihood_ratio_test(ARM).loc[0, "p_value"]) < 4 * test.p_error + 0.02
    assert len(test.drawn) + sum("left out" in note for note in test.notes) >= 55


def test_predictions_of_typical_teams_are_the_inverse_link(fit):
    new = pd.DataFrame({"arm": ["control", "intervention"], "period": [0, 2], "people": [100, 50]})
    predicted = fit.predict(new)
    eta = np.array([[1, 0, 0], [1, 1, 2]]) @ fit.estimate + np.log([100, 50])
    np.testing.assert_allclose(predicted["estimate"], np.exp(eta))
    assert (predicted["conf_low"] < predicted["estimate"]).all()
    variance = fit.variance_components().loc[0, "covariance"]
    np.testing.assert_allclose(fit.predict(new, kind="marginal")["estimate"], np.exp(eta + variance / 2))
    np.testing.assert_allclose(fit.predict(new, scale="link")["estimate"], eta)


def test_conditional_predictions_take_the_modes(visits, fit):
    modes = fit.ranef().set_index("level")["mode"]
    first = fit.predict(visits.head(1), kind="conditional").iloc[0]
    typical = fit.predict(visits.head(1)).iloc[0]
    assert first["estimate"] == pytest.approx(typical["estimate"] * np.exp(modes["T00"]))
    new = visits.head(1).assign(team="unknown")
    assert fit.predict(new, kind="conditional").iloc[0]["estimate"] == pytest.approx(typical["estimate"])


def test_scores_of_the_modes_balance_their_prior(visits, fit):
    """At the mode b of a random intercept, b / variance is the sum of y - mu."""
    variance, modes = fit.variance_components().loc[0, "covariance"], fit.ranef().set_index("level")["mode"]
    gap = (visits["count"] - fit.predict(kind="conditional")["estimate"]).groupby(visits["team"]).sum()
    np.testing.assert_allclose(modes / variance, gap[modes.index], atol=1e-6)


def test_draws_have_the_mean_of_the_model(fit):
    drawn = fit.simulate(2000, seed=3)
    assert drawn.shape == (2000, 100)
    np.testing.assert_array_equal(drawn[:100], fit.simulate(100, seed=3))
    mean = fit.predict(kind="marginal")["estimate"]
    np.testing.assert_allclose(drawn.mean(axis=0), mean, rtol=0.08)
    assert fit.simulate(500, seed=3, conditional=True).var() < drawn[:500].var()


def test_marginal_means_and_tests_of_the_fit_work(fit):
    assert len(fit.marginal_means("arm")) == 2
    assert fit.test(ARM).loc[0, "df"] == 23
    assert fit.contrast({ARM: 1.0}, exponentiate=True).loc[0, "estimate"] == pytest.approx(np.exp(fit.estimate[1]))


def test_zero_inflation_is_part_of_the_mean(visits):
    rng = np.random.default_rng(2)
    zeros = visits.assign(count=visits["count"] * (rng.random(100) < 0.7))
    fit = ct.glmm(COUNT, zeros, family="poisson", zero_inflated=True)
    share = fit.dispersion().loc[0, "estimate"]
    assert share == pytest.approx(0.3, abs=0.1)
    eta = fit.predict(scale="link")["estimate"]
    np.testing.assert_allclose(fit.predict()["estimate"], (1 - share) * np.exp(eta))


def test_large_counts_lose_no_digits(visits):
    """The posterior of effects is then normal, so that Laplace's approximation is exact."""
    many = visits.assign(count=visits["count"] * 2_000)
    one, seven = (ct.glmm(COUNT, many, family="poisson", n_agq=n) for n in (1, 7))
    same_inference(one, seven)


def test_parameters_near_their_end_have_no_end_of_their_interval(visits):
    slight = ct.glmm("slight ~ arm + (1 | team)", visits, family="negative_binomial")
    theta = slight.variance_intervals().iloc[-1]
    assert theta["conf_low"] < theta["estimate"] < theta["conf_high"] == np.inf


# -- Several maxima ----------------------------------------------------------------------------------------------------


def slopes_of_groups(seed: int) -> pd.DataFrame:
    """Overdispersed counts of 7 rows a group, with random intercepts and slopes; from seed 60 on with excess zeros."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(rng.integers(6, 14)), 7)
    n, groups = len(group), group[-1] + 1
    x = rng.normal(size=n)
    effects = rng.normal(0, 1, groups)[group] + rng.normal(0, 0.5, groups)[group] * x
    counts = rng.poisson(np.exp(-0.5 + 0.5 * (group % 2) + 0.5 * x + effects) * rng.gamma(1.2, 1 / 1.2, n))
    if seed >= 60:
        counts = np.where(rng.random(n) < 0.3, 0, counts)
    return pd.DataFrame({"count": counts, "x": x, "arm": group % 2, "group": group})


SLOPES = "count ~ arm + x + (1 + x | group)"


@pytest.mark.filterwarnings("ignore::core_trial.errors.TrialWarning")
@pytest.mark.parametrize("seed", [4, 25, 40, 79, 84, 110])
def test_zero_inflation_never_lowers_the_likelihood(seed):
    """A search that follows theta or the inflation to its end, or finds the lower of two maxima, is not the last."""
    rows = slopes_of_groups(seed)
    plain, inflated = (
        ct.glmm(SLOPES, rows, family="negative_binomial", zero_inflated=inflation) for inflation in (False, True)
    )
    assert inflated.glance()["loglik"].item() >= plain.glance()["loglik"].item() - 1e-6


@pytest.mark.filterwarnings("ignore::core_trial.errors.TrialWarning")
def test_a_maximum_inside_is_found_from_the_end_of_theta():
    """Log-likelihood of glmmTMB 1.1.5; that without zero inflation is -52.0546."""
    fit = ct.glmm(SLOPES, slopes_of_groups(97), family="negative_binomial", zero_inflated=True)
    assert fit.glance()["loglik"].item() == pytest.approx(-51.8730, abs=1e-3)
    assert fit.dispersion().set_index("parameter")["estimate"].to_dict() == pytest.approx(
        {"theta": 3.0895, "zero_inflation": 0.41975}, abs=2e-3
    )


def test_a_likelihood_that_rises_without_end_is_no_fit():
    """glmmTMB has none here either."""
    with pytest.raises(ct.FitError, match="leave out zero inflation: with both, Laplace's likelihood may rise without"):
        ct.glmm(SLOPES, slopes_of_groups(65), family="poisson", zero_inflated=True)
