"""Likelihoods of generalised mixed models: dense integration, exact gradients, one likelihood by two ways."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import dblquad, quad
from scipy.stats import norm

from core_trial.engine.generalised.approximation import Approximation, ManyFactors, laplace_approximation, with_nodes
from core_trial.engine.generalised.density import Rows
from core_trial.engine.generalised.family import find_family
from core_trial.engine.generalised.glmm import fit_glmm, pose, starting_point
from core_trial.engine.generalised.laplace import Arrangement
from core_trial.engine.generalised.layout import by_cluster
from core_trial.engine.generalised.problem import Problem
from core_trial.engine.linear.random import RandomTerm

CLUSTERS, EACH = 12, 5


def problem(family: str = "poisson", terms: str = "one", *, inflated: bool = False, seed: int = 2) -> Problem:
    rng = np.random.default_rng(seed)
    level, within = np.repeat(np.arange(CLUSTERS), EACH), np.tile(np.arange(EACH) / 4, CLUSTERS)
    n, one = len(level), np.ones((CLUSTERS * EACH, 1))
    x = np.column_stack([np.ones(n), level % 2, within])
    kinds = {
        "one": [RandomTerm(one, level, CLUSTERS, "team")],
        "slope": [RandomTerm(x[:, [0, 2]], level, CLUSTERS, "team")],
        "uncorrelated": [RandomTerm(x[:, [j]], level, CLUSTERS, "team") for j in (0, 2)],
        "nested": [RandomTerm(one, level, CLUSTERS, "team"), RandomTerm(one, level // 3, 4, "trust")],
        "crossed": [
            RandomTerm(one, level, CLUSTERS, "team"),
            RandomTerm(x[:, :2], level * 0 + np.arange(n) % 6, 6, "r"),
        ],
        "periods": [RandomTerm(np.tile(np.eye(EACH), (CLUSTERS, 1)), level, CLUSTERS, "team", "ar1")],
    }
    model = find_family(family, zero_inflated=inflated)
    trials = rng.integers(2, 9, n).astype(float) if model.proportions else np.ones(n)
    eta = 0.2 + 0.3 * x[:, 1] + rng.normal(0, 0.5, CLUSTERS)[level]
    values = np.array([p.of(p.start) for p in model.parameters])
    y = model.draw(rng, model.link.mean(eta), values, trials)
    return pose(model, Rows(y, trials), rng.normal(0, 0.1, n), x, kinds[terms])[0]


def typical(of: Problem) -> np.ndarray:
    """A point near which the models of this file have their maximum."""
    structure = of.random.structure
    theta = structure.nearest(np.zeros(structure.elements), 0.5)
    return np.concatenate([[0.3, 0.1, 0.1], theta, [p.start for p in of.family.parameters]])


def cluster_integrand(of: Problem, psi: np.ndarray, cluster: int):
    """The joint density of a cluster's outcome and random effects, (effects,) -> value."""
    parameters = of.split(psi[None])
    rows = np.flatnonzero(of.random.absorbed[0].level == cluster)
    z = np.hstack([term.z for term in of.random.absorbed])[rows]
    factor = np.tensordot(parameters.theta[0], by_cluster(of).units, 1)
    fixed = of.offset[rows] + of.fixed.columns[rows] @ parameters.beta[0]

    def density(*u: float) -> float:
        at = of.family.at(fixed + z @ factor @ np.array(u), tuple(parameters.others[0]), of.rows.take(rows))
        return float(np.exp(at.value.sum()) * np.prod(norm.pdf(u)))

    return density


def approximation(of: Problem, nodes: int = 1) -> Approximation:
    laplace = laplace_approximation(of)
    return laplace if nodes == 1 else with_nodes(laplace, nodes)


def evaluate(of: Problem, psi: np.ndarray, nodes: int = 1):
    function = approximation(of, nodes)
    return function(psi[None], function.start)


@pytest.mark.parametrize("family", ["poisson", "binomial", "negative_binomial", "nb1", "beta_binomial"])
def test_quadrature_is_the_integral_over_random_intercepts(family):
    of = problem(family)
    psi = typical(of)
    exact = [quad(cluster_integrand(of, psi, j), -9, 9, epsabs=0, epsrel=1e-11)[0] for j in range(CLUSTERS)]
    assert evaluate(of, psi, 30).value[0] == pytest.approx(-2 * np.sum(np.log(exact)), abs=1e-7)


def test_quadrature_is_the_integral_over_intercepts_and_slopes():
    of = problem("binomial", "slope")
    psi, ends = typical(of), (-7, 7)
    exact = [dblquad(cluster_integrand(of, psi, j), *ends, *ends, epsabs=1e-12, epsrel=1e-8)[0] for j in range(2)]
    function = approximation(of, 25)
    at = function.integral(psi[None], function.start)
    np.testing.assert_allclose(at.each[0, :2], -2 * np.log(exact), rtol=1e-7)


@pytest.mark.parametrize("nodes", [1, 2, 7])
@pytest.mark.parametrize(
    ("family", "inflated", "terms"),
    [
        ("poisson", False, "one"),
        ("binomial", False, "slope"),
        ("negative_binomial", True, "uncorrelated"),
        ("nb1", True, "one"),
        ("beta_binomial", False, "slope"),
    ],
)
def test_gradients_are_the_limits_of_differences(family, inflated, terms, nodes):
    of = problem(family, terms, inflated=inflated)
    check_gradient(approximation(of, nodes), typical(of))


@pytest.mark.parametrize(
    ("family", "inflated", "terms"),
    [("poisson", False, "nested"), ("nb1", True, "crossed"), ("beta_binomial", False, "periods")],
)
def test_gradients_with_several_factors_are_the_limits_of_differences(family, inflated, terms):
    of = problem(family, terms, inflated=inflated)
    check_gradient(approximation(of), typical(of))


@pytest.mark.parametrize(
    ("family", "link", "psi"),
    [
        ("poisson", "identity", [3.0, 0.1, 0.1, 0.2]),
        ("binomial", "identity", [0.4, 0.02, 0.02, 0.03]),
        ("binomial", "log", [-1.2, 0.05, 0.05, 0.1]),
    ],
)
def test_other_links_have_gradients_and_integrals_too(family, link, psi):
    of = replace(problem(family), family=find_family(family, link))
    psi = np.array(psi)
    for nodes in (1, 4):
        check_gradient(approximation(of, nodes), psi)
    exact = [quad(cluster_integrand(of, psi, j), -9, 9, epsabs=0, epsrel=1e-9)[0] for j in range(CLUSTERS)]
    assert evaluate(of, psi, 15).value[0] == pytest.approx(-2 * np.sum(np.log(exact)), abs=1e-6)


def check_gradient(function: Approximation, psi: np.ndarray, step: float = 1e-5) -> None:
    ways, start = step * np.eye(len(psi)), function.start
    differences = (function(psi + ways, start).value - function(psi - ways, start).value) / (2 * step)
    np.testing.assert_allclose(function(psi[None], start).gradient[0], differences, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("family", "inflated"), [("poisson", False), ("beta_binomial", False), ("nb1", True)])
@pytest.mark.parametrize("terms", ["one", "slope", "uncorrelated", "nested", "crossed"])
def test_both_ways_to_the_laplace_approximation_agree(family, inflated, terms):
    of = problem(family, terms, inflated=inflated)
    blocks, many = evaluate(of, typical(of)), ManyFactors(Arrangement(of))
    by_cross_products = many(typical(of)[None], many.start)
    np.testing.assert_allclose(by_cross_products.value, blocks.value, rtol=1e-11)
    np.testing.assert_allclose(by_cross_products.gradient, blocks.gradient, atol=1e-7)


def test_shares_of_clusters_add_up_to_the_gradient():
    of = problem("negative_binomial", "slope", inflated=True)
    function = approximation(of, 3)
    at = function.integral(typical(of)[None], function.start)
    np.testing.assert_allclose(at.cluster_gradients()[0].sum(axis=1), at.gradient[0], atol=1e-9)


def test_the_search_ends_at_a_minimum():
    of = problem("poisson", "slope")
    result = fit_glmm(of, 0.0, starting_point(of)[0])
    assert np.abs(result.minimum.at.gradient).max() < 1e-4
    assert np.linalg.eigvalsh(result.hessian)[0] > 0


def test_cluster_order_does_not_matter():
    of = problem("negative_binomial")
    order = np.random.default_rng(1).permutation(len(of.rows.y))
    term = of.random.terms[0]
    renamed = replace(term, z=term.z[order], level=(CLUSTERS - 1 - term.level)[order])
    shuffled = replace(
        of,
        rows=of.rows.take(order),
        offset=of.offset[order],
        fixed=replace(of.fixed, columns=of.fixed.columns[order]),
        random=replace(of.random, absorbed=(renamed,)),
    )
    psi = typical(of)
    assert evaluate(shuffled, psi, 5).value == pytest.approx(evaluate(of, psi, 5).value, rel=1e-12)
