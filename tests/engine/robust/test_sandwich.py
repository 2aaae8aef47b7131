"""Robust covariances against the formulas of the papers, written out with the matrices of all rows."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple, get_args

import numpy as np
import pytest
from scipy.linalg import block_diag, inv, sqrtm

from core_trial.engine.robust.degrees import hotelling_robust, satterthwaite_robust
from core_trial.engine.robust.sandwich import (
    ClusterParts,
    Correction,
    cluster_parts,
    influence_functions,
    robust_covariance,
)
from core_trial.errors import FitError, PlanError

LINEAR = ("none", "cr1", "cr1s", "cr2", "kc", "md", "fg")
ROOTS = {"cr2": lambda rest: inv(sqrtm(rest)), "kc": lambda rest: inv(sqrtm(rest)), "md": inv}
SIZES = (1, 2, 3, 5, 8, 4, 6, 2, 7)
P = 3


class Dense(NamedTuple):
    """The matrices of all rows."""

    d: np.ndarray
    v: np.ndarray
    r: np.ndarray
    blocks: list[slice]

    @property
    def bread(self):
        return inv(self.d.T @ inv(self.v) @ self.d)

    def leverage(self, i):
        s = self.blocks[i]
        return self.d[s] @ self.bread @ self.d[s].T @ inv(self.v[s, s])


def dense(seed=1):
    rng = np.random.default_rng(seed)
    d = rng.normal([3.0, 0, 0], size=(sum(SIZES), P))
    d[:, 1] = np.repeat(rng.normal(size=len(SIZES)), SIZES)
    halves = [rng.normal(size=(n, n + 2)) for n in SIZES]
    v = block_diag(*[h @ h.T + n * np.eye(n) for h, n in zip(halves, SIZES, strict=True)])
    ends = np.cumsum((0, *SIZES))
    y = rng.normal(size=len(d))
    r = y - d @ np.linalg.solve(d.T @ inv(v) @ d, d.T @ inv(v) @ y)
    return Dense(d, v, r, [slice(a, b) for a, b in pairwise(ends)])


def parts_of(all_rows, units=None):
    """In the units of other columns, d @ units, if given."""
    units = np.eye(P) if units is None else units
    d, v, r, blocks = all_rows
    inverses = [d[s].T @ inv(v[s, s]) for s in blocks]
    information = np.array([w @ d[s] for w, s in zip(inverses, blocks, strict=True)])
    scores = np.array([w @ r[s] for w, s in zip(inverses, blocks, strict=True)])
    return ClusterParts(scores @ units, units.T @ information @ units, float(len(d)), units)


def adjusted_scores(rows, correction):
    """(K, p) by the papers: D'V^-1 f(H) r, and for Fay and Graubard diag(...) D'V^-1 r."""
    scores = []
    for i, s in enumerate(rows.blocks):
        rest, weighted = np.eye(SIZES[i]) - rows.leverage(i), rows.d[s].T @ inv(rows.v[s, s])
        adjust = ROOTS.get(correction, lambda rest: np.eye(len(rest)))
        score = weighted @ adjust(rest) @ rows.r[s]
        if correction == "fg":
            shares = np.diag(weighted @ rows.d[s] @ rows.bread)
            score = score / np.sqrt(1 - np.minimum(0.75, shares))
        scores.append(score)
    return np.real(np.array(scores))


def by_the_papers(rows, correction):
    k, n, p = len(SIZES), len(rows.r), P
    if correction == "avg":
        kc, md = by_the_papers(rows, "kc"), by_the_papers(rows, "md")
        mean = (kc + md) / 2
        errors = (np.sqrt(np.diag(kc)) + np.sqrt(np.diag(md))) / 2
        return np.outer(errors, errors) * mean / np.sqrt(np.outer(np.diag(mean), np.diag(mean)))
    scores = adjusted_scores(rows, correction)
    factor = {"cr1": k / (k - 1), "cr1s": k / (k - 1) * (n - 1) / (n - p), "mbn": k / (k - 1) * (n - 1) / (n - p)}
    meat = factor.get(correction, 1.0) * scores.T @ scores
    covariance = rows.bread @ meat @ rows.bread
    if correction == "mbn":
        covariance += min(0.5, p / (k - p)) * max(1, np.trace(rows.bread @ scores.T @ scores) / p) * rows.bread
    return covariance


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("correction", get_args(Correction))
def test_corrections_are_those_of_the_papers(correction, seed):
    rows = dense(seed)
    expected = by_the_papers(rows, correction)
    np.testing.assert_allclose(robust_covariance(parts_of(rows), correction), expected, rtol=1e-9)
    units = np.array([[1.0, -3, 0.5], [0, 2, 1], [0, 0, 10]])
    np.testing.assert_allclose(robust_covariance(parts_of(rows, units), correction), expected, rtol=1e-8)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_unit_axes_are_eigenvectors_taken_to_be_at_right_angles(seed):
    rows = dense(seed)
    square = np.array([rows.d[s].T @ rows.d[s] for s in rows.blocks])
    pull = np.array([rows.d[s].T @ rows.r[s] for s in rows.blocks])
    scores = []
    for i, s in enumerate(rows.blocks):
        values, u = np.linalg.eig(np.eye(SIZES[i]) - rows.leverage(i))
        scores.append(rows.d[s].T @ inv(rows.v[s, s]) @ u @ np.diag(values**-0.5) @ u.T @ rows.r[s])
    meat = np.real(np.array(scores).T @ np.array(scores))
    plain = replace(parts_of(rows), plain=(pull, square))
    np.testing.assert_allclose(robust_covariance(plain, "kc"), rows.bread @ meat @ rows.bread, rtol=1e-8)
    np.testing.assert_allclose(robust_covariance(plain, "cr2"), robust_covariance(parts_of(rows), "cr2"), rtol=1e-12)


@pytest.mark.parametrize("correction", LINEAR)
def test_products_of_influence_functions_sum_to_the_covariance(correction):
    parts = parts_of(dense())
    influence = influence_functions(parts, correction)
    np.testing.assert_allclose(influence.T @ influence, robust_covariance(parts, correction), rtol=1e-12)


def estimator_matrices(rows, correction, contrast):
    """(K, q, n) of white noise: the contrast's covariance estimate is the sum of (B_i z)(B_i z)'."""
    half = np.real(sqrtm(rows.v))
    residual = np.eye(len(rows.r)) - rows.d @ rows.bread @ rows.d.T @ inv(rows.v)
    made = []
    for i, s in enumerate(rows.blocks):
        rest = np.eye(SIZES[i]) - rows.leverage(i)
        adjust = ROOTS.get(correction, lambda rest: np.eye(len(rest)))
        weighted = rows.d[s].T @ inv(rows.v[s, s]) @ adjust(rest)
        if correction == "fg":
            shares = np.diag(rows.d[s].T @ inv(rows.v[s, s]) @ rows.d[s] @ rows.bread)
            weighted = weighted / np.sqrt(1 - np.minimum(0.75, shares))[:, None]
        made.append(contrast @ rows.bread @ weighted @ (residual @ half)[s])
    return np.real(np.array(made))


@pytest.mark.parametrize("correction", LINEAR)
def test_satterthwaite_is_two_squared_means_over_the_variance(correction):
    rows, contrast = dense(), np.array([0.5, 1, -1.0])
    b = estimator_matrices(rows, correction, contrast[None])[:, 0]
    form = b.T @ b
    df = np.trace(form) ** 2 / np.trace(form @ form)
    assert satterthwaite_robust(parts_of(rows), correction, contrast) == pytest.approx(df, rel=1e-9)
    assert hotelling_robust(parts_of(rows), correction, contrast).df == pytest.approx(df, rel=1e-9)


@pytest.mark.parametrize("correction", LINEAR)
def test_hotelling_matches_the_total_variance_of_the_elements(correction):
    rows, contrast = dense(), np.array([[0, 1, 0], [0.3, 1, -1.0]])
    b = estimator_matrices(rows, correction, contrast)
    root = inv(sqrtm(np.einsum("kan,kbn->ab", b, b)))
    b = root @ b
    q, total = len(contrast), 0.0
    for s in range(q):
        for t in range(q):
            form = b[:, s].T @ b[:, t]
            form = (form + form.T) / 2
            total += 2 * np.trace(form @ form)
    nu = q * (q + 1) / total
    found = hotelling_robust(parts_of(rows), correction, contrast)
    assert found.df == pytest.approx(nu - q + 1, rel=1e-9)
    assert found.scale == pytest.approx((nu - q + 1) / nu, rel=1e-9)


@pytest.mark.parametrize("correction", ["mbn", "avg"])
def test_corrections_that_are_no_quadratic_form_of_scores_have_no_satterthwaite(correction):
    with pytest.raises(PlanError, match="ddf='clusters'"):
        satterthwaite_robust(parts_of(dense()), correction, np.eye(P)[0])


def expected_white(rows, correction):
    """The mean of a covariance estimate where V is the covariance of the outcomes."""
    b = estimator_matrices(rows, correction, np.eye(P))
    return np.einsum("kan,kbn->ab", b, b)


def test_cr2_is_unbiased_under_the_working_model():
    rows = dense()
    np.testing.assert_allclose(expected_white(rows, "cr2"), rows.bread, rtol=1e-9)
    parts = parts_of(rows)
    turned = parts.leverage_power(-0.5)
    u = parts.shares @ turned
    ours = (turned @ u).sum(axis=0) - np.einsum("kas,kat->st", u, u)
    np.testing.assert_allclose(ours, np.eye(P), atol=1e-12)


def test_uncorrected_is_too_small_and_md_too_large_on_average():
    rows = dense()
    bread = np.diag(rows.bread)
    assert np.all(np.diag(expected_white(rows, "none")) < bread)
    assert np.all(np.diag(expected_white(rows, "md")) > bread)


def test_rows_in_any_order_and_clusters_of_one():
    rng = np.random.default_rng(4)
    x, weight, pull = rng.normal(size=(30, 2)), rng.uniform(1, 2, 30), rng.normal(size=30)
    cluster, order = rng.integers(0, 6, 30), rng.permutation(30)
    cluster[:6] = np.arange(6)
    one = cluster_parts(x, weight, pull, cluster, np.eye(2))
    other = cluster_parts(x[order], weight[order], pull[order], cluster[order], np.eye(2))
    np.testing.assert_allclose(one.scores, other.scores, rtol=1e-12)
    np.testing.assert_allclose(one.information, other.information, rtol=1e-12)
    single = cluster_parts(x, weight, pull, np.arange(30), np.eye(2))
    np.testing.assert_allclose(single.scores, pull[:, None] * x)


def test_what_a_single_cluster_determines_is_known_and_does_no_harm():
    rng = np.random.default_rng(5)
    cluster = np.repeat(np.arange(8), 4)
    alone = (cluster == 3).astype(float)
    x = np.column_stack([np.ones(32), rng.normal(size=32), alone])
    y = rng.normal(size=32)
    r = y - x @ np.linalg.lstsq(x, y)[0]
    parts = cluster_parts(x, np.ones(32), r, cluster, np.eye(3))
    assert [parts.is_lone(row) for row in np.eye(3)] == [False, False, True]
    cr3 = robust_covariance(parts, "md")
    assert np.isfinite(cr3).all()
    assert cr3[1, 1] == pytest.approx(jackknife(x, y, cluster)[1, 1], rel=1e-9)


def jackknife(x, y, cluster):
    """Sum of squared changes of the coefficients without each cluster, by the pseudo-inverse."""
    whole = np.linalg.lstsq(x, y)[0]
    changes = [np.linalg.lstsq(x[cluster != i], y[cluster != i])[0] - whole for i in np.unique(cluster)]
    return np.array(changes).T @ np.array(changes)


def test_leverage_above_one_is_refused():
    parts = ClusterParts(np.array([[0.0], [0.0]]), np.array([[[2.0]], [[-0.5]]]), 4.0, np.eye(1))
    with pytest.raises(FitError, match="leverage"):
        robust_covariance(parts, "kc")


def test_singular_information_is_refused():
    parts = ClusterParts(np.zeros((2, 2)), np.array([np.diag([1.0, 0.0])] * 2), 4.0, np.eye(2))
    with pytest.raises(FitError, match="not positive definite"):
        robust_covariance(parts, "none")
