"""Structured covariances of cluster-period effects, and cluster variances of either sign, by `ct.lmm`."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core_trial as ct
from core_trial.engine.linear.random import RandomTerm

REFERENCE = Path(__file__).parents[1] / "reference" / "lmm_structures"
CASES = json.loads((REFERENCE / "expected.json").read_text())
LIKELIHOOD = {"rtol": 1e-9}
ESTIMATE = {"rtol": 2e-5, "atol": 2e-6}
VARIANCE = {"rtol": 2e-4, "atol": 2e-5}
"""The reference programs stop where the gradient is about 1e-4 of a unit of likelihood."""
PERIODS = "score ~ arm + C(period)"


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "data.csv")


def fit(formula: str, data: pd.DataFrame, **options) -> ct.LmmFit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ct.TrialWarning)
        return ct.lmm(formula, data, **{"ddf": "satterthwaite", **options})


def covariance_of(fit: ct.LmmFit) -> np.ndarray:
    """The matrix of the teams' effects that the rows of `variance_components` describe."""
    rows = fit.variance_components().query("group == 'team'")
    names = rows["term"].unique().tolist()
    matrix = np.full((len(names), len(names)), np.nan)
    for row in rows.itertuples():
        i, j = names.index(row.term), names.index(row.other)
        matrix[i, j] = matrix[j, i] = row.covariance
    return matrix


def same_fixed_effects(ours: ct.LmmFit, case: dict) -> None:
    terms = ["(Intercept)", "arm", *(f"C(period)[T.{k}]" for k in range(1, 5))]
    places = [ours.terms.index(term) for term in terms]
    np.testing.assert_allclose(ours.estimate[places], case["estimate"], **ESTIMATE)
    if "std_error" in case:
        np.testing.assert_allclose(np.sqrt(np.diag(ours.covariance))[places], case["std_error"], **ESTIMATE)


@pytest.mark.parametrize("name", CASES["structures"])
def test_structures_are_those_of_nlme_and_glmmtmb(name, data):
    case = CASES["structures"][name]
    ours = fit(f"{PERIODS} + {name}(0 + C(period) | team)", data)
    np.testing.assert_allclose(ours.glance()["loglik"], case["loglik"], **LIKELIHOOD)
    np.testing.assert_allclose(covariance_of(ours), case["covariance"], **VARIANCE)
    np.testing.assert_allclose(ours.glance()["sigma"], case["sigma"], rtol=2e-5)
    same_fixed_effects(ours, case)


@pytest.mark.parametrize("name", CASES["with persons"])
def test_persons_beside_cluster_periods_are_those_of_glmmtmb(name, data):
    case, structure = CASES["with persons"][name], name.partition("_")[0]
    ours = fit(f"{PERIODS} + (1 | person) + {structure}(0 + C(period) | team)", data, reml=not name.endswith("_ml"))
    np.testing.assert_allclose(ours.glance()["loglik"], case["loglik"], **LIKELIHOOD)
    np.testing.assert_allclose(ours.glance()["sigma"], case["sigma"], rtol=2e-5)
    if structure == "ar1":
        np.testing.assert_allclose(covariance_of(ours), case["covariance"], **VARIANCE)
    same_fixed_effects(ours, case)


def test_compound_symmetry_is_a_random_intercept_of_clusters_and_one_of_cluster_periods(data):
    ours = ct.lmm(f"{PERIODS} + cs(0 + C(period) | team)", data)
    nested = ct.lmm(f"{PERIODS} + (1 | team) + (1 | team:period)", data)
    np.testing.assert_allclose(ours.glance()["loglik"], nested.glance()["loglik"], rtol=1e-12)
    np.testing.assert_allclose(ours.glance()["aic"], nested.glance()["aic"], rtol=1e-12)
    by_team, by_period = nested.variance_components()["covariance"][:2]
    np.testing.assert_allclose(covariance_of(ours), by_team + by_period * np.eye(5), rtol=1e-6)
    np.testing.assert_allclose(ours.tidy().drop(columns="term"), nested.tidy().drop(columns="term"), rtol=1e-6)


def test_independent_periods_are_uncorrelated_terms(data):
    ours = ct.lmm(f"{PERIODS} + diag(0 + C(period) | team)", data)
    dummies = data.assign(**{f"p{k}": (data["period"] == k).astype(float) for k in range(5)})
    apart = ct.lmm(f"{PERIODS} + {' + '.join(f'(0 + p{k} | team)' for k in range(5))}", dummies)
    np.testing.assert_allclose(ours.tidy().drop(columns="term"), apart.tidy().drop(columns="term"), rtol=1e-6)


def test_any_covariance_named_is_that_of_the_plain_term(data):
    plain, named = (fit(f"{PERIODS} + {name}(0 + C(period) | team)", data) for name in ("", "us"))
    pd.testing.assert_frame_equal(plain.tidy(), named.tidy())


def test_two_periods_leave_no_difference_between_decay_and_symmetry(data):
    two = data[data["period"] < 2]
    tables = [ct.lmm(f"{PERIODS} + {s}(0 + C(period) | team)", two).tidy().drop(columns="term") for s in ("cs", "ar1")]
    np.testing.assert_allclose(*tables, rtol=1e-6)


def structured(name: str, theta: np.ndarray, periods: int) -> np.ndarray:
    """The covariance by standard deviations (one, or one a period) and a correlation, from the definition."""
    lag = np.abs(np.subtract.outer(np.arange(periods), np.arange(periods)))
    power = {"ar1": lag, "ar1h": lag, "csh": np.minimum(lag, 1)}[name]
    return np.outer(theta[:-1], theta[:-1]) * theta[-1] ** power * np.ones((periods, periods))


def steps_of(function, theta, h):
    return [(function(theta + s) - function(theta - s)) / (2 * h) for s in h * np.eye(len(theta))]


@pytest.mark.parametrize("name", ["ar1", "ar1h", "csh"])
def test_kenward_roger_of_a_curved_covariance_is_the_textbook_with_n_by_n_matrices(name, data):
    """Kenward and Roger (2009): V of standard deviations, a correlation and the residual variance, by differences."""
    some = data[data["period"] > 1].assign(period=lambda d: d["period"] - 2)
    fits = {
        ddf: ct.lmm(f"{PERIODS} + {name}(0 + C(period) | team)", some, ddf=ddf)
        for ddf in ("kenward-roger", "kenward-roger-2009")
    }
    ours = fits["kenward-roger"]
    g, sigma2 = covariance_of(ours), ours.result.sigma**2
    sd = np.sqrt(np.diag(g))
    at = np.array([*(sd[:1] if name == "ar1" else sd), g[0, 1] / sd[0] / sd[1], sigma2])
    z = pd.get_dummies(some["period"]).to_numpy(float)
    same = np.equal.outer(some["team"].to_numpy(), some["team"].to_numpy())

    def v(phi):
        return same * (z @ structured(name, phi[:-1], 3) @ z.T) + phi[-1] * np.eye(len(z))

    x = ours.matrices.x
    inverse = np.linalg.inv(v(at))
    covariance = np.linalg.inv(x.T @ inverse @ x)
    projection = inverse - inverse @ x @ covariance @ x.T @ inverse
    first = steps_of(v, at, 1e-5)
    second = steps_of(lambda phi: np.array(steps_of(v, phi, 1e-4)), at, 1e-4)
    w = np.linalg.inv(0.5 * np.array([[np.sum((projection @ a) * (projection @ b).T) for b in first] for a in first]))
    vx = inverse @ x
    p = [-vx.T @ a @ vx for a in first]
    pairs = [(r, s) for r in range(len(at)) for s in range(len(at))]
    linear = sum(w[r, s] * (vx.T @ first[r] @ inverse @ first[s] @ vx - p[r] @ covariance @ p[s]) for r, s in pairs)
    np.testing.assert_allclose(ours.covariance, covariance + 2 * covariance @ linear @ covariance, rtol=2e-5)
    bent = sum(w[r, s] * vx.T @ second[r][s] @ vx for r, s in pairs)
    traces = [sum(w[t, u] * np.sum((projection @ a) * (projection @ second[t][u]).T) for t, u in pairs) for a in first]
    bias = -w @ np.array(traces) / 4
    drift = sum(b * covariance @ one @ covariance for b, one in zip(bias, p, strict=True))
    full = covariance + 2 * covariance @ (linear - bent / 4) @ covariance + drift
    np.testing.assert_allclose(fits["kenward-roger-2009"].covariance, full, rtol=2e-4, atol=1e-6)
    assert "second derivatives of the covariance left out" in ours.method
    assert "left out" not in fits["kenward-roger-2009"].method


@given(st.integers(0, 2**32 - 1), st.sampled_from(["cs", "csh", "ar1", "ar1h", "diag"]), st.booleans())
@settings(deadline=None, max_examples=25)
def test_no_likelihood_nearby_is_higher_and_it_is_that_of_the_normal_distribution(seed, name, reml):
    rng = np.random.default_rng(seed)
    team, period = rng.integers(0, 8, 90), rng.permutation(np.arange(90) % 3)
    y = rng.normal(size=(8, 3))[team, period] * rng.uniform(0, 2) + rng.normal(size=8)[team] + rng.normal(size=90)
    frame = pd.DataFrame({"team": team, "period": period, "y": y})
    ours = fit(f"y ~ C(period) + {name}(0 + C(period) | team)", frame, reml=reml)
    g, sigma2, x = covariance_of(ours), ours.result.sigma**2, ours.matrices.x
    z, same = np.eye(3)[period], np.equal.outer(team, team)

    def log_likelihood(g, sigma2):
        v = same * (z @ g @ z.T) + sigma2 * np.eye(90)
        inverse = np.linalg.inv(v)
        information = x.T @ inverse @ x
        residual = y - x @ np.linalg.solve(information, x.T @ inverse @ y)
        value = np.linalg.slogdet(v)[1] + residual @ inverse @ residual + reml * np.linalg.slogdet(information)[1]
        return -0.5 * (value + (90 - reml * x.shape[1]) * np.log(2 * np.pi))

    at = log_likelihood(g, sigma2)
    np.testing.assert_allclose(ours.glance()["loglik"], at, rtol=1e-9)
    for factor in (0.97, 1.03):
        assert log_likelihood(factor * g, sigma2) <= at + 1e-9
        assert log_likelihood(g, factor * sigma2) <= at + 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_decay_is_found_wherever_it_is(seed):
    """The deviance over a grid of the correlation, profiled by plain scaling of the columns, is nowhere lower."""
    rng = np.random.default_rng(seed)
    rho, lag = [-0.6, 0.3, 0.95][seed], np.abs(np.subtract.outer(np.arange(6), np.arange(6)))
    team, period = (index.ravel() for index in np.indices((12, 6, 4))[:2])
    effects = rng.multivariate_normal(np.zeros(6), rho**lag, 12)
    frame = pd.DataFrame({"team": team, "period": period, "y": effects[team, period] + rng.normal(size=len(team))})
    ours = fit("y ~ 1 + ar1(0 + C(period) | team)", frame)
    best = -np.inf
    for candidate in np.linspace(-0.98, 0.98, 50):
        factor = np.linalg.cholesky(candidate**lag)
        columns = {f"c{k}": factor[period, k] for k in range(6)}
        terms = [RandomTerm(np.column_stack(list(columns.values())), team, 12, "team")]
        best = max(best, one_variance(frame["y"].to_numpy(), terms[0]))
    assert ours.glance()["loglik"].item() >= best - 1e-8


def one_variance(y, term):
    """The highest REML likelihood with independent effects of one variance, by a search of that alone."""
    from scipy.optimize import minimize_scalar

    blocks = np.array([term.z[term.level == j] for j in range(term.n_levels)])

    def deviance(log_gamma):
        v = np.exp(log_gamma) * blocks @ blocks.mT + np.eye(blocks.shape[1])
        inverse, parts = np.linalg.inv(v), y.reshape(len(blocks), -1)
        information = inverse.sum()
        mean = np.einsum("jab,jb->", inverse, parts) / information
        quadratic = np.einsum("ja,jab,jb->", parts - mean, inverse, parts - mean)
        log_det = np.linalg.slogdet(v)[1].sum() + np.log(information)
        return log_det + (y.size - 1) * (1 + np.log(2 * np.pi * quadratic / (y.size - 1)))

    return -0.5 * minimize_scalar(deviance, bounds=(-12, 6), method="bounded", options={"xatol": 1e-8}).fun


def test_variances_of_zero_and_correlations_of_one_are_boundary_fits(data):
    with pytest.warns(ct.TrialWarning, match="singular covariance"):
        none = ct.lmm("share ~ 1 + ar1(0 + C(period) | team)", data)
    assert none.glance()["singular"].item()
    rng = np.random.default_rng(4)
    team, period = (index.ravel() for index in np.indices((10, 4, 6))[:2])
    still = pd.DataFrame({"team": team, "period": period, "y": rng.normal(size=10)[team] + rng.normal(size=240)})
    still["y"] -= 0.9 * still.groupby(["team", "period"])["y"].transform("mean")
    still["y"] += rng.normal(size=10)[team]
    tables = []
    for formula in ("y ~ 1 + cs(0 + C(period) | team)", "y ~ 1 + (1 | team) + (1 | team:period)"):
        with pytest.warns(ct.TrialWarning, match="boundary"):
            tables.append(ct.lmm(formula, still, ddf="satterthwaite").glance()["loglik"].item())
    assert tables[0] >= tables[1]


def test_method_names_the_structure(data):
    method = ct.lmm(f"{PERIODS} + (1 | person) + ar1(0 + C(period) | team)", data, ddf="satterthwaite").method
    assert "by person (84 levels) and first-order autoregressive random effects of C(period) by team (14" in method


@pytest.mark.parametrize(
    ("bar", "complaint"),
    [
        ("ar2(0 + C(period) | team)", "'ar2' is unknown; choose from us, diag, cs, csh, ar1, ar1h"),
        ("ar1(C(period) | team)", r"write it as 'ar1\(0 \+ C\(month\) \| team\)'"),
        ("ar1(0 + period | team)", "a column a level of one factor"),
        ("cs(1 | team)", "two levels or more"),
        ("cs(0 + C(period) || team)", "leaves nothing for cs to structure"),
    ],
)
def test_structures_that_cannot_be_are_refused(bar, complaint, data):
    with pytest.raises(ct.PlanError, match=complaint):
        ct.lmm(f"{PERIODS} + {bar}", data)


def test_a_structure_that_the_data_do_not_identify_is_refused(data):
    one_each = data.groupby(["team", "period"], as_index=False)["score"].mean()
    with pytest.raises(ct.DesignError, match="team cannot be told"):
        ct.lmm("score ~ C(period) + cs(0 + C(period) | team)", one_each)
    assert fit("score ~ C(period) + ar1(0 + C(period) | team)", one_each).glance()["converged"].item()


@pytest.mark.parametrize("name", CASES["gls"])
def test_unconstrained_variance_is_compound_symmetry_of_gls(name, data):
    case = CASES["gls"][name]
    outcome = "score" if name == "positive" else "share"
    ours = ct.lmm(f"{outcome} ~ trained + (1 | team)", data, reml=case["reml"], unconstrained=True, ddf="normal")
    between, within = ours.variance_components()["covariance"]
    np.testing.assert_allclose(ours.glance()["loglik"], case["loglik"], rtol=1e-10)
    np.testing.assert_allclose(ours.glance()["icc"], case["rho"], rtol=1e-5)
    np.testing.assert_allclose(between + within, case["total_variance"], rtol=1e-5)
    np.testing.assert_allclose(ours.estimate, case["estimate"], rtol=1e-5)
    freedom = 1.0 if case["reml"] else len(data) / (len(data) - 2)
    np.testing.assert_allclose(ours.covariance * freedom, case["covariance"], rtol=1e-5)
    assert not ours.glance()["singular"].item()


def layout(seed: int, between: float, rows: int = 6) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    team = np.repeat(np.arange(10), rows)
    y = rng.normal(size=len(team))
    means = pd.Series(y).groupby(team).transform("mean").to_numpy()
    return pd.DataFrame({"team": team, "arm": team % 2, "y": y - means + between * means})


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 3), st.integers(2, 9))
@settings(deadline=None, max_examples=30)
def test_balanced_unconstrained_fit_is_analysis_of_variance(seed, between, rows):
    """The clusters' variance is the estimator of the analysis of variance of either sign; so is F, with its degrees."""
    data = layout(seed, between, rows)
    cells = data.groupby(["arm", "team"])["y"]
    means = cells.mean()
    mean_square = rows * np.mean([means[arm].var() for arm in (0, 1)])
    within = cells.var().mean()
    ours = ct.lmm("y ~ arm + (1 | team)", data, unconstrained=True)
    np.testing.assert_allclose(
        ours.variance_components()["covariance"], [(mean_square - within) / rows, within], rtol=1e-6, atol=1e-9 * within
    )
    row = ours.anova().set_index("term").loc["arm"]
    f = 5 * rows * (means[1].mean() - means[0].mean()) ** 2 / 2 / mean_square
    np.testing.assert_allclose(row[["num_df", "df", "scale"]].astype(float), [1, 8, 1], rtol=1e-6)
    np.testing.assert_allclose(row["statistic"], f, rtol=1e-6)


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=15)
def test_a_positive_variance_is_the_same_without_the_constraint(seed):
    rng = np.random.default_rng(seed)
    team = np.concatenate([np.arange(9), rng.integers(0, 9, 60)])
    data = pd.DataFrame({"team": team, "arm": team % 2, "y": 2 * rng.normal(size=9)[team] + rng.normal(size=69)})
    free = ct.lmm("y ~ arm + (1 | team)", data, unconstrained=True)
    bound = ct.lmm("y ~ arm + (1 | team)", data)
    np.testing.assert_allclose(free.tidy().drop(columns="term"), bound.tidy().drop(columns="term"), rtol=1e-6)
    np.testing.assert_allclose(free.ranef()["mode"], bound.ranef()["mode"], rtol=1e-6, atol=1e-9)


def test_textbook_kenward_roger_of_a_negative_variance(data):
    """n by n matrices, as printed by Kenward and Roger (1997)."""
    ours = ct.lmm("share ~ trained + (1 | team)", data, unconstrained=True)
    between, within = ours.variance_components()["covariance"]
    x, same = ours.matrices.x, np.equal.outer(*2 * [data["team"].to_numpy()]).astype(float)
    inverse = np.linalg.inv(between * same + within * np.eye(len(x)))
    covariance = np.linalg.inv(x.T @ inverse @ x)
    vx = inverse @ x
    projection = inverse - vx @ covariance @ vx.T
    first = [same, np.eye(len(x))]
    w = np.linalg.inv(0.5 * np.array([[np.sum((projection @ a) * (projection @ b).T) for b in first] for a in first]))
    p = [-vx.T @ a @ vx for a in first]
    adjustment = sum(
        w[r, s] * (vx.T @ first[r] @ inverse @ first[s] @ vx - p[r] @ covariance @ p[s]) for r in (0, 1) for s in (0, 1)
    )
    np.testing.assert_allclose(ours.covariance, covariance + 2 * covariance @ adjustment @ covariance, rtol=1e-7)
    gradient = np.array([-(covariance @ one @ covariance)[1, 1] for one in p])
    np.testing.assert_allclose(ours.tidy()["df"][1], 2 * covariance[1, 1] ** 2 / (gradient @ w @ gradient), rtol=1e-6)


def test_a_negative_variance_is_shown_and_has_no_random_effects(data):
    ours = ct.lmm("share ~ trained + (1 | team)", data, unconstrained=True)
    row = ours.variance_components().iloc[0]
    assert row["covariance"] < 0
    np.testing.assert_allclose(row["correlation"], ours.glance()["icc"].item())
    assert "by team (14 levels) of a variance that may be negative" in ours.method
    with pytest.raises(ct.PlanError, match="variance of the clusters is negative"):
        ours.ranef()


@pytest.mark.parametrize("bars", ["(1 | team) + (1 | person)", "(period | team)", "cs(0 + C(period) | team)"])
def test_unconstrained_is_for_one_random_intercept(bars, data):
    with pytest.raises(ct.PlanError, match="unconstrained=True is for models with one random intercept"):
        ct.lmm(f"share ~ trained + {bars}", data, unconstrained=True)


def test_clusters_whose_means_are_all_the_same_have_no_maximum():
    with pytest.raises(ct.FitError, match="unconstrained=False"):
        ct.lmm("y ~ 1 + (1 | team)", layout(1, between=0.0), unconstrained=True)
