"""Small matrices of many clusters, (..., q, q, J), the clusters last as rows are; those of one effect are numbers."""

from __future__ import annotations

import numpy as np

from ..arrays import Array


def inverse_root(matrices: Array) -> Array:
    """(..., q, q, J) upper triangular C with C C' the inverse; LinAlgError unless each is positive definite."""
    if matrices.shape[-2] == 1:
        if not matrices.min() > 0:
            raise np.linalg.LinAlgError("a curvature is not positive")
        return np.asarray(1 / np.sqrt(matrices))
    lower = np.linalg.cholesky(np.moveaxis(matrices, -1, -3))
    return np.moveaxis(np.linalg.inv(lower).mT, -3, -1)


def log_determinant(root: Array) -> Array:
    """(..., J) of the matrices whose `inverse_root` this is."""
    if root.shape[-2] == 1:
        return np.asarray(-2 * np.log(root[..., 0, 0, :]))
    return np.asarray(-2 * np.log(np.einsum("...aaj->...aj", root)).sum(axis=-2))


def solve(root: Array, vectors: Array) -> Array:
    """(..., q, J) the matrices whose `inverse_root` this is, inverted, times `vectors`."""
    if root.shape[-2] == 1:
        return np.asarray(root[..., 0, :] ** 2 * vectors)
    return np.asarray(np.einsum("...abj,...bj->...aj", root, np.einsum("...baj,...bj->...aj", root, vectors)))


def inner(left: Array, right: Array) -> Array:
    """(..., n) sums over effects of the products of (..., q, n) and (..., q, n)."""
    if left.shape[-2] == 1:
        return np.asarray((left * right)[..., 0, :])
    return np.asarray(np.einsum("...an,...an->...n", left, right))


def times(left: Array, right: Array) -> Array:
    """Matrix products (..., q, q, J)."""
    if left.shape[-2] == 1:
        return np.asarray(left * right)
    return np.asarray(np.moveaxis(np.moveaxis(left, -1, -3) @ np.moveaxis(right, -1, -3), -3, -1))


def transposed(matrices: Array) -> Array:
    return np.swapaxes(matrices, -3, -2)


def lower_half(matrices: Array) -> Array:
    """The lower triangle, with half of the diagonal: the change of a Cholesky factor of I (Smith, 1995)."""
    q = matrices.shape[-2]
    return matrices * (np.tril(np.ones((q, q)), -1) + np.eye(q) / 2)[..., None]
