"""The bootstrap where its distribution is known, its intervals by definition, and its tests."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import core_trial as ct
from core_trial.engine.batch import products
from core_trial.mixed import simulation

TEAMS, SIZE, DRAWS = 10, 6, 4000
QUIET = pytest.mark.filterwarnings("ignore:boundary fit:core_trial.TrialWarning")


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    """Balanced one-way data."""
    rng = np.random.default_rng(3)
    team = np.repeat(np.arange(TEAMS), SIZE)
    age = rng.normal(size=len(team))
    y = rng.normal(0, 0.8, TEAMS)[team] + rng.normal(size=len(team))
    return pd.DataFrame({"team": team, "arm": team % 2, "age": age, "site": team // 4, "y": y})


@pytest.fixture(scope="module")
def one_way(people) -> ct.LmmFit:
    return ct.lmm("y ~ 1 + (1 | team)", people)


@pytest.fixture(scope="module")
def drawn(one_way):
    return one_way.bootstrap(DRAWS, seed=1)


def test_variance_ratios_of_balanced_data_are_those_of_f(drawn):
    """1 + m gamma is MSB / MSW, or 1 where that is less: (1 + m gamma0) F(J - 1, J (m - 1))."""
    between, within = drawn.observed.values[0, 1:3]
    f = stats.f(TEAMS - 1, TEAMS * (SIZE - 1), scale=1 + SIZE * between / within)
    ratios = 1 + SIZE * drawn.replicates.values[:, 1] / drawn.replicates.values[:, 2]
    zero, expected = np.sum(ratios < 1 + 1e-6), f.cdf(1)
    assert abs(zero - DRAWS * expected) < 4 * np.sqrt(DRAWS * expected)
    assert stats.kstest(ratios[ratios > 1 + 1e-6], lambda x: (f.cdf(x) - f.cdf(1)) / f.sf(1)).pvalue > 0.01
    assert f"{zero} of {DRAWS} fits are on the boundary" in drawn.notes


def test_the_mean_of_balanced_data_has_its_exact_distribution(one_way, drawn):
    between, within = drawn.observed.values[0, 1:3]
    error = np.sqrt((between + within / SIZE) / TEAMS)
    assert stats.kstest((drawn.replicates.values[:, 0] - one_way.estimate[0]) / error, "norm").pvalue > 0.01
    row = drawn.tidy().loc[0]
    np.testing.assert_allclose(row["std_error"], error, rtol=5 / np.sqrt(2 * DRAWS))


def test_the_studentised_interval_of_the_mean_is_that_of_t(one_way, drawn):
    """Balanced data have a t statistic but where the variance is zero."""
    tables = (drawn.tidy(interval="studentised"), one_way.tidy())
    ours, exact = (table.loc[0, ["conf_low", "conf_high"]].astype(float) for table in tables)
    np.testing.assert_allclose(ours, exact, atol=0.05 * (exact["conf_high"] - exact["conf_low"]))


def test_intervals_are_what_they_are_called(drawn):
    values, errors = drawn.replicates
    estimate, std_error = drawn.observed.values[0], drawn.observed.std_errors[0]
    tables = {kind: drawn.tidy(interval=kind, conf_level=0.9) for kind in ("percentile", "basic", "studentised")}
    ordered = np.sort(values, axis=0)  # 4001 times 5 % is 200.05, times 95 % is 3800.95
    for name, place in (("conf_low", 200), ("conf_high", 3800)):
        assert np.all(
            (ordered[place - 1] <= tables["percentile"][name]) & (tables["percentile"][name] <= ordered[place])
        )
    sums = tables["percentile"]["conf_low"] + tables["basic"]["conf_high"]
    np.testing.assert_allclose(sums, 2 * estimate)
    pivots = np.quantile((values - estimate) / errors, [0.95, 0.05], axis=0, method="weibull")
    np.testing.assert_allclose(tables["studentised"][["conf_low", "conf_high"]], (estimate - std_error * pivots).T)
    np.testing.assert_allclose(tables["basic"]["bias"], values.mean(axis=0) - estimate)


def test_quantities_are_those_of_the_fit(people):
    fit = ct.lmm("y ~ age + (age | team)", people)
    table = fit.bootstrap(39, seed=2).tidy()
    assert table["quantity"].tolist() == [*["coefficient"] * 2, "variance", "variance", "covariance", "variance"]
    np.testing.assert_allclose(table["estimate"].iloc[:2], fit.estimate)
    names = ["group", "term", "other"]
    components = fit.variance_components()
    pd.testing.assert_frame_equal(table[names].iloc[2:].reset_index(drop=True), components[names])
    np.testing.assert_allclose(table["estimate"].iloc[2:], components["covariance"])


@QUIET
def test_nested_groups_have_the_correlations_of_icc_intervals(people):
    fit = ct.lmm("y ~ arm + (1 | site / team)", people)
    table = fit.bootstrap(39, seed=2).tidy()
    ours = table[table["quantity"] == "icc"].set_index("group")["estimate"]
    theirs = fit.icc_intervals(interval="wald").query("quantity == 'icc'").set_index("group")["estimate"]
    np.testing.assert_allclose(ours, theirs.loc[ours.index], atol=1e-12)


def test_the_standard_error_of_a_correlation_is_by_the_delta_method(one_way, drawn):
    between, within = drawn.observed.values[0, 1:3]
    step = 1e-6
    covariance = one_way.refit_each(one_way.matrices.y[None]).variances_covariance[0]
    slope = [
        ((between + step) / (between + step + within) - between / (between + within)) / step,
        (between / (between + within + step) - between / (between + within)) / step,
    ]
    np.testing.assert_allclose(drawn.observed.std_errors[0, 3], np.sqrt(slope @ covariance @ slope), rtol=1e-4)


def test_replicates_are_refits_of_simulated_outcomes(one_way):
    fits = one_way.refit_each(one_way.simulate(70, seed=5))
    bootstrap = one_way.bootstrap(70, seed=5)
    np.testing.assert_allclose(bootstrap.replicates.values[:, 0], fits.estimate[:, 0], rtol=1e-10)
    assert bootstrap.method == (
        "Parametric bootstrap: 70 times responses drawn from the fitted model (seed 5) and fitted by restricted"
        " maximum likelihood"
    )


@pytest.mark.parametrize("kind", ["parametric", "clusters"])
def test_chunks_do_not_matter_and_seeds_do(people, kind, monkeypatch):
    fit = ct.lmm("y ~ age + (1 | team)", people)
    whole = fit.bootstrap(150, seed=6, kind=kind).replicates.values
    assert not np.any(fit.bootstrap(150, seed=7, kind=kind).replicates.values[:, 1] == whole[:, 1])
    monkeypatch.setattr(simulation, "AT_ONCE", 1)
    monkeypatch.setattr(products, "AT_ONCE", 1000)
    for n in (150, 100):
        chunked = fit.bootstrap(n, seed=6, kind=kind).replicates.values
        np.testing.assert_allclose(chunked, whole[:n], rtol=1e-8, atol=1e-10)


def test_clusters_drawn_again_give_the_variance_of_cluster_means(people, one_way):
    """The bootstrap variance of the mean of J equal clusters is that of their means over J, not J - 1."""
    bootstrap = one_way.bootstrap(DRAWS, seed=8, kind="clusters")
    means = people.groupby("team")["y"].mean()
    np.testing.assert_allclose(bootstrap.tidy().loc[0, "std_error"], means.std(ddof=0) / np.sqrt(TEAMS), rtol=0.04)
    assert "with 10 clusters, standard errors and intervals by the cluster bootstrap are too" in bootstrap.notes[0]
    assert bootstrap.method.startswith("Cluster bootstrap: 4000 times clusters drawn with replacement (seed 8)")


def test_draws_of_clusters_that_leave_no_fit_are_counted(people):
    rare = people.assign(rare=(people["team"] == 3).astype(int))
    bootstrap = ct.lmm("y ~ rare + (1 | team)", rare).bootstrap(200, seed=9, kind="clusters")
    lost = 200 - len(bootstrap.replicates.values)
    assert 40 < lost < 100  # the team is not drawn with probability 0.9^10 = 0.35
    assert f"{lost} of 200 data sets could not be fitted and are left out" in bootstrap.notes
    assert np.isfinite(bootstrap.tidy()["std_error"]).all()


def test_a_statistic_of_ones_own(people):
    fit = ct.lmm("y ~ age + (1 | team)", people)
    bootstrap = fit.bootstrap(99, seed=1, statistic=lambda fits: {"ratio": fits.estimate[:, 1] / fits.estimate[:, 0]})
    table = bootstrap.tidy()
    assert table[["quantity", "term"]].to_numpy().tolist() == [["statistic", "ratio"]]
    np.testing.assert_allclose(table["estimate"], fit.estimate[1] / fit.estimate[0])
    with pytest.raises(ct.PlanError, match="a statistic of your own has no standard error"):
        bootstrap.tidy(interval="studentised")
    with pytest.raises(ct.PlanError, match=r"statistic 'all' of 1 fits has shape \(1, 2\)"):
        fit.bootstrap(9, seed=1, statistic=lambda fits: {"all": fits.estimate})


@QUIET
def test_options_that_are_wrong_are_named(people, one_way):
    with pytest.raises(ct.PlanError, match="kind 'cases' is unknown; choose from parametric, clusters"):
        one_way.bootstrap(9, seed=1, kind="cases")
    with pytest.raises(ct.PlanError, match="n is -1"):
        one_way.bootstrap(-1, seed=1)
    with pytest.raises(ct.PlanError, match="seed -1 is negative"):
        one_way.bootstrap(9, seed=-1)
    with pytest.raises(ct.PlanError, match="conf_level 95 is no probability"):
        one_way.bootstrap(39, seed=1).tidy(conf_level=95)
    with pytest.raises(ct.PlanError, match="interval 'bca' is unknown; choose from percentile, basic, studentised"):
        one_way.bootstrap(39, seed=1).tidy(interval="bca")
    with pytest.raises(ct.PlanError, match=r"38 replicates are too few for an interval of 0\.95"):
        one_way.bootstrap(38, seed=1).tidy()
    with pytest.raises(ct.DesignError, match="one grouping factor"):
        ct.lmm("y ~ 1 + (1 | site / team)", people).bootstrap(9, seed=1, kind="clusters")


@pytest.fixture(scope="module")
def many() -> pd.DataFrame:
    """Enough teams for the chi-squared distribution to hold."""
    rng = np.random.default_rng(11)
    team = np.repeat(np.arange(80), 5)
    y = rng.normal(0, 1, 80)[team] + rng.normal(size=400)
    return pd.DataFrame({"team": team, "arm": team % 2, "month": np.tile(np.arange(5), 80), "y": y + 0.4 * (team % 2)})


def test_a_fixed_effect_of_many_clusters_has_the_p_value_of_chi_squared(many):
    small, large = (ct.lmm(f"y ~ {fixed} + (1 | team)", many) for fixed in ("1", "arm"))
    test = ct.bootstrap_test(small, large, n=2000, seed=1)
    asymptotic = ct.likelihood_ratio(small, large)
    assert test.statistic == asymptotic.statistic
    assert test.chi_squared_p == asymptotic.p_value
    assert abs(test.p_value - asymptotic.p_value) < 4 * test.p_error
    assert stats.kstest(test.drawn, "chi2", args=(1,)).pvalue > 0.01
    assert "by maximum likelihood to 2000 responses drawn from the smaller (seed 1)" in test.method


def test_a_variance_is_tested_by_restricted_likelihood(many):
    sloping = many.assign(y=many["y"] + 0.2 * np.sin(many["team"]) * many["month"])
    small, large = (ct.lmm(f"y ~ month + {random}", sloping) for random in ("(1 | team)", "(month || team)"))
    test = ct.bootstrap_test(small, large, n=1000, seed=2)
    assert "by restricted maximum likelihood" in test.method
    assert 0.4 < np.mean(test.drawn < 1e-8) < 0.75  # about half, and more in small samples
    assert abs(test.p_value - test.chi_squared_p) < 0.1


def test_p_values_count_the_data_themselves(many):
    clear = many.assign(y=many["y"] + 9 * many["arm"])
    small, large = (ct.lmm(f"y ~ {fixed} + (1 | team)", clear) for fixed in ("1", "arm"))
    table = ct.bootstrap_test(small, large, n=99, seed=3).tidy().loc[0]
    assert table["p_value"] == 0.01
    assert table["draws"] == 99
    np.testing.assert_allclose(table["p_error"], np.sqrt(0.01 * 0.99 / 100))


def test_models_that_are_not_nested_are_refused(many):
    with pytest.raises(ct.PlanError, match="not nested"):
        ct.bootstrap_test(ct.lmm("y ~ month + (1 | team)", many), ct.lmm("y ~ arm + (1 | team)", many), n=9, seed=1)
