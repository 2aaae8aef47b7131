"""Cross-products against sums over rows, and chunks against the whole."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from core_trial.engine.linear.crossprod import CrossProducts, cross_products

sizes = st.lists(st.integers(0, 50), min_size=1, max_size=8).filter(any)


def draw(sizes: list[int], seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, csr_array]:
    rng = np.random.default_rng(seed)
    cluster = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    n = len(cluster)
    other = csr_array((np.ones(n), (np.arange(n), rng.integers(0, 3, n))), shape=(n, 3))
    return rng.normal(size=(n, 2)), cluster, rng.normal(size=(n, 3)), other


def arrays(products: CrossProducts) -> list[np.ndarray]:
    crossed = products.crossed
    assert crossed is not None
    return [products.rows, products.zz, products.zw, products.ww, crossed.zu.toarray(), crossed.uu, crossed.uw]


@given(sizes, st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_products_are_sums_over_the_rows_of_each_cluster(sizes, seed):
    z, cluster, w, other = draw(sizes, seed)
    products = cross_products(z, cluster, w, len(sizes), other)
    dense = other.toarray()
    assert products.n_rows == len(cluster)
    assert products.crossed is not None
    for j in range(len(sizes)):
        rows = cluster == j
        np.testing.assert_allclose(products.zz[j], z[rows].T @ z[rows], atol=1e-12)
        np.testing.assert_allclose(products.zw[j], z[rows].T @ w[rows], atol=1e-12)
        np.testing.assert_allclose(products.ww[j], w[rows].T @ w[rows], atol=1e-12)
        np.testing.assert_allclose(
            products.crossed.zu.toarray()[2 * j : 2 * j + 2], z[rows].T @ dense[rows], atol=1e-12
        )
    np.testing.assert_allclose(products.crossed.uu, dense.T @ dense, atol=1e-12)
    np.testing.assert_allclose(products.crossed.uw, dense.T @ w, atol=1e-12)


@given(sizes, st.integers(0, 2**32 - 1), st.floats(0, 1))
@settings(deadline=None)
def test_chunks_of_rows_add_up_to_the_whole(sizes, seed, share):
    z, cluster, w, other = draw(sizes, seed)
    cut = round(share * len(cluster))
    parts = [
        cross_products(z[rows], cluster[rows], w[rows], len(sizes), other[rows])
        for rows in (slice(cut), slice(cut, None))
    ]
    whole = cross_products(z, cluster, w, len(sizes), other)
    for ours, expected in zip(arrays(parts[0] + parts[1]), arrays(whole), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-11)
