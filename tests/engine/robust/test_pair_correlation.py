"""Correlations of pairs against sums over all pairs, written out."""

from __future__ import annotations

import numpy as np
import pytest

from core_trial.engine.robust.pair_correlation import Residuals, pair_correlations

CLUSTER = np.repeat(np.arange(6), [1, 3, 5, 4, 2, 6])
INNER = np.array([0, 1, 1, 2, 3, 3, 4, 4, 4, 5, 6, 6, 6, 7, 8, 9, 9, 9, 10, 10, 10])
RNG = np.random.default_rng(6)
E, F = RNG.normal(size=(2, len(CLUSTER))) + 0.5
RESIDUALS = Residuals(E, F, CLUSTER, INNER)
TOGETHER = (CLUSTER[:, None] == CLUSTER) & ~np.eye(len(CLUSTER), dtype=bool)
SAME_INNER = INNER[:, None] == INNER
PAIRS = {
    "exchangeable": {"within clusters": TOGETHER},
    "nested": {"within subclusters": TOGETHER & SAME_INNER, "between subclusters": TOGETHER & ~SAME_INNER},
    "autoregressive": {"adjacent": TOGETHER & (np.abs(np.subtract.outer(np.arange(21), np.arange(21))) == 1)},
}


@pytest.mark.parametrize("kind", PAIRS)
def test_estimates_are_mean_products_of_pairs(kind):
    products = np.outer(F, E)
    found = pair_correlations(kind, RESIDUALS)
    assert list(found) == list(PAIRS[kind])
    for name, pairs in PAIRS[kind].items():
        assert found[name].estimate == pytest.approx(products[pairs].mean() / np.diag(products).mean())


@pytest.mark.parametrize("kind", PAIRS)
def test_standard_errors_are_those_of_clusters_reweighted(kind):
    """The derivative of the estimate by the weight of each cluster, numerically."""
    products = np.outer(F, E)
    found = pair_correlations(kind, RESIDUALS)
    for name, pairs in PAIRS[kind].items():

        def estimate(weights, pairs=pairs):
            w = weights[CLUSTER]
            own = (w * np.diag(products)).sum() / w.sum()
            return ((w[:, None] * products)[pairs].sum() / (w[:, None] * pairs).sum()) / own

        step = 1e-6
        slopes = [(estimate(1 + step * row) - estimate(1 - step * row)) / (2 * step) for row in np.eye(6)]
        assert found[name].std_error == pytest.approx(np.sqrt(6 / 5 * np.square(slopes).sum()), rel=1e-6)


def test_without_pairs_there_is_no_correlation():
    alone = Residuals(E, F, np.arange(len(E)), np.arange(len(E)))
    assert all(not pair_correlations(kind, alone) for kind in PAIRS)
