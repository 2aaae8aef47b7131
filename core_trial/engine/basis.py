"""Columns of a design made orthogonal, so that offsets of 1e9 and units of 1e-9 do no harm further on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import qr

from .arrays import Array, Codes

DEPENDENT = 1e-7  # share of a column that must remain when the earlier ones are taken out; lme4 uses the same
NEAR = 1e-3  # share below which Cholesky's rounding could matter
CONSTANT = 1e-14  # share that must remain when the mean is taken out, which is done before anything is squared


@dataclass(frozen=True)
class OrthogonalBasis:
    """Orthogonal columns of mean square 1 that span those of a design.

    Attributes
    ----------
    columns : (n, p) = design[:, kept] @ transform
    transform : (p, p) upper triangular
    kept : (p,) the columns of the design that do not depend on earlier ones
    intercept : the value of the design's first column if that is a constant, or else 0
    """

    columns: Array
    transform: Array
    kept: Codes
    intercept: float


def orthogonal_basis(design: Array) -> OrthogonalBasis:
    """Basis of the columns of `design` (n, p0); where the first is constant, the others are centred on the way."""
    n, p = design.shape
    intercept = _constant(design[:, 0])
    mean = design.mean(axis=0) if intercept else np.zeros(p)
    mean[0] = 0
    centred, kept = design - mean, np.arange(p)
    products = centred.T @ centred
    length = np.sqrt(np.diagonal(products))
    triangle = _cholesky(products, length)
    if triangle is None:
        kept = np.flatnonzero(length > CONSTANT * np.sqrt(n) * np.abs(mean))
        independent, triangle = _triangle(centred[:, kept] / length[kept])
        kept = kept[independent]
        centred = centred[:, kept]
    transform = np.linalg.inv(triangle) * np.sqrt(n) / length[kept, None]
    columns = centred @ transform
    if intercept:
        transform[0] -= mean[kept] / intercept @ transform
    return OrthogonalBasis(columns, transform, kept, intercept)


def _constant(column: Array) -> float:
    """The value of a constant column, or 0."""
    return float(column[0]) if np.all(column == column[0]) else 0.0


def _cholesky(products: Array, length: Array) -> Array | None:
    """R of the columns' QR decomposition by Cholesky: cheap, and exact enough where no column comes near dependence."""
    if not np.all(length > 0):
        return None
    try:
        triangle = np.linalg.cholesky(products / np.outer(length, length)).T
    except np.linalg.LinAlgError:
        return None
    return triangle if np.all(np.diagonal(triangle) > NEAR) else None


def _triangle(columns: Array) -> tuple[Codes, Array]:
    """The columns (of length 1) that do not depend on earlier ones, and R of their QR decomposition."""
    kept = np.arange(columns.shape[1])
    while True:
        (triangle,) = qr(columns[:, kept], mode="r", check_finite=False)
        short = np.abs(np.diagonal(triangle)) <= DEPENDENT
        if len(short) == len(kept) and not short.any():
            return kept, triangle[: len(kept)]
        kept = np.delete(kept, np.argmax(np.append(short, True)))
