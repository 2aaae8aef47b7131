"""Families of outcomes: densities against SciPy, every derivative against differences, draws against their moments."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from core_trial.engine.generalised.density import Rows
from core_trial.engine.generalised.family import FAMILIES, find_family
from core_trial.engine.generalised.gamma_ratio import digamma_rise, log_rise
from core_trial.errors import PlanError

STEP = 1e-5
MODELS = [
    (name, family.link.name, inflated)
    for name, families in FAMILIES.items()
    for family in families
    for inflated in ([False, True] if family.link.name == "log" and not family.proportions else [False])
]


class Case:
    """Forty rows drawn from a family, its parameters at their start, or near the end at which it is a simpler one."""

    def __init__(self, name: str, link: str, inflated: bool, *, near_end: bool = False):
        rng = np.random.default_rng(3)
        self.family = find_family(name, link, zero_inflated=inflated)
        ends = {"theta": 6.0, "precision": 6.0, "alpha": -6.0, "zero_inflation": 0.0}
        self.parameters = [p.start + near_end * ends[p.name] for p in self.family.parameters]
        share = self.family.proportions
        centre = {"log": -1.5 if share else 1.0, "logit": 0.0, "identity": 0.5 if share else 3.0}[link]
        self.eta = centre + rng.uniform(-0.4, 0.4, 40)
        trials = rng.integers(1, 30, 40).astype(float) if share else np.ones(40)
        values = np.array([p.of(v) for p, v in zip(self.family.parameters, self.parameters, strict=True)])
        self.rows = Rows(self.family.draw(rng, self.family.link.mean(self.eta), values, trials), trials)

    def at(self, eta: float = 0.0, place: int = 0, other: float = 0.0):
        others = [np.array(v + other * (i == place)) for i, v in enumerate(self.parameters)]
        return self.family.at(self.eta + eta, tuple(others), self.rows)


@pytest.mark.parametrize("near_end", [False, True])
@pytest.mark.parametrize(("name", "link", "inflated"), MODELS)
def test_derivatives_are_the_limits_of_differences(name, link, inflated, near_end):
    case = Case(name, link, inflated, near_end=near_end)
    at, up, down = case.at(), case.at(STEP), case.at(-STEP)
    for of, sign, derivative in (("value", 1, "score"), ("score", -1, "weight"), ("weight", 1, "bend")):
        difference = sign * (getattr(up, of) - getattr(down, of)) / (2 * STEP)
        np.testing.assert_allclose(getattr(at, derivative), difference, rtol=1e-5, atol=1e-5)
    for i, other in enumerate(at.others):
        up, down = case.at(place=i, other=STEP), case.at(place=i, other=-STEP)
        for of in ("value", "score", "weight"):
            difference = (getattr(up, of) - getattr(down, of)) / (2 * STEP)
            np.testing.assert_allclose(getattr(other, of), difference, rtol=1e-5, atol=1e-5)


def log_densities(case: Case) -> np.ndarray:
    return case.at().value + np.array(
        [
            case.family.constant(Rows(*pair))
            for pair in zip(case.rows.y[:, None], case.rows.trials[:, None], strict=True)
        ]
    )


@pytest.mark.parametrize(
    ("name", "link", "known"),
    [
        ("poisson", "log", lambda y, _, mean, __: stats.poisson.logpmf(y, mean)),
        ("poisson", "identity", lambda y, _, mean, __: stats.poisson.logpmf(y, mean)),
        ("binomial", "logit", lambda y, m, mean, _: stats.binom.logpmf(y, m, mean)),
        ("binomial", "log", lambda y, m, mean, _: stats.binom.logpmf(y, m, mean)),
        ("negative_binomial", "log", lambda y, _, mean, t: stats.nbinom.logpmf(y, t, t / (t + mean))),
        ("nb1", "log", lambda y, _, mean, a: stats.nbinom.logpmf(y, mean / a, 1 / (1 + a))),
        ("beta_binomial", "logit", lambda y, m, p, s: stats.betabinom.logpmf(y, m, p * s, (1 - p) * s)),
    ],
)
def test_densities_are_those_of_scipy(name, link, known):
    case = Case(name, link, False)
    value = case.family.parameters[0].of(case.parameters[0]) if case.parameters else None
    mean = case.family.link.mean(case.eta)
    np.testing.assert_allclose(log_densities(case), known(case.rows.y, case.rows.trials, mean, value), atol=1e-11)


def test_zero_inflation_is_a_mixture():
    case, plain = Case("poisson", "log", True), find_family("poisson")
    share = case.family.parameters[0].of(case.parameters[0])
    counts = np.exp(plain.at(case.eta, (), case.rows).value)
    mixed = share * (case.rows.y == 0) + (1 - share) * counts
    np.testing.assert_allclose(np.exp(case.at().value), mixed, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("poisson", lambda mean, _: mean),
        ("negative_binomial", lambda mean, theta: mean + mean**2 / theta),
        ("nb1", lambda mean, alpha: mean * (1 + alpha)),
    ],
)
def test_draws_have_the_mean_and_variance_of_the_family(name, variance):
    family, mean, value = find_family(name), 4.0, np.array([2.5])
    drawn = family.draw(np.random.default_rng(1), np.full(200_000, mean), value, np.ones(200_000))
    assert drawn.mean() == pytest.approx(mean, rel=0.01)
    assert drawn.var() == pytest.approx(variance(mean, value[0]), rel=0.03)


def test_beta_binomial_draws_have_the_intracluster_correlation_of_their_precision():
    drawn = find_family("beta_binomial").draw(
        np.random.default_rng(1), np.full(200_000, 0.3), np.array([4.0]), np.full(200_000, 10.0)
    )
    assert drawn.var() == pytest.approx(10 * 0.21 * (1 + 9 / 5), rel=0.02)


def test_gamma_ratios_keep_their_digits_where_t_is_large():
    t, y = np.array([1e3, 1e6, 1e12]), 7.0
    exact = [np.sum(np.log1p(np.arange(7) / large)) for large in t]
    np.testing.assert_allclose(log_rise(t, np.full(3, y)), exact, rtol=1e-6, atol=1e-14)
    sums = [np.sum(1 / (large + np.arange(7))) for large in t]
    np.testing.assert_allclose(digamma_rise(t, np.full(3, y)), sums, rtol=1e-11)


def test_rows_that_count_twice_double_everything():
    case = Case("negative_binomial", "log", False)
    once, rows = case.at(), Rows(case.rows.y, case.rows.trials, np.full(40, 2.0))
    twice = case.family.at(case.eta, tuple(np.array(v) for v in case.parameters), rows)
    for name in ("value", "score", "weight", "bend"):
        np.testing.assert_allclose(getattr(twice, name), 2 * getattr(once, name))
    np.testing.assert_allclose(twice.others[0].score, 2 * once.others[0].score)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("gauss",), "choose from poisson, binomial"),
        (("poisson", "logit"), "choose from log, identity"),
        (("binomial", None, True), "zero inflation is for counts"),
    ],
)
def test_unknown_families_are_refused(arguments, words):
    name, link, inflated = (*arguments, None, False)[:3]
    with pytest.raises(PlanError, match=words):
        find_family(name, link, zero_inflated=bool(inflated))
