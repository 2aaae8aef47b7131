"""Gauss-Hermite nodes: exact for polynomials, and one node is Laplace's approximation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import factorial2

from core_trial.engine.generalised.quadrature import gauss_hermite


def mean(values: np.ndarray, n: int, size: int) -> float:
    """Of a function at the nodes, over standard normal effects."""
    nodes = gauss_hermite(n, size)
    return float(np.sum(np.exp(nodes.log_weight - np.sum(nodes.node**2, axis=1) / 2) * values))


@pytest.mark.parametrize("n", [1, 2, 5, 20])
def test_moments_of_the_normal_are_exact(n):
    x = gauss_hermite(n, 1).node[:, 0]
    for power in range(0, 2 * n, 2):
        assert mean(x**power, n, 1) == pytest.approx(factorial2(power - 1) if power else 1.0, rel=1e-10)
        assert mean(x ** (power + 1), n, 1) == pytest.approx(0.0, abs=1e-6 * factorial2(power + 1))


def test_two_effects_have_a_grid_of_nodes():
    x, y = gauss_hermite(4, 2).node.T
    assert len(x) == 16
    assert mean(x**2 * y**4, 4, 2) == pytest.approx(3.0)


def test_one_node_stands_at_zero_with_weight_one():
    nodes = gauss_hermite(1, 3)
    assert nodes.node.tolist() == [[0.0, 0.0, 0.0]]
    assert nodes.log_weight.tolist() == [0.0]
