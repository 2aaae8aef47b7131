"""Columns of a design made orthogonal, so that offsets of 1e9 and units of 1e-9 do no harm further on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import qr

from .arrays import Array, Codes

DEPENDENT = 1e-7  # share of a column that must remain when the earlier ones are taken out; lme4 uses the same
CONSTANT = 1e-14  # share that must remain when the mean is taken out, which is done before anything is squared


@dataclass(frozen=True)
class OrthogonalBasis:
    """Orthogonal columns of mean square 1 that span those of a design.

    Attributes
    ----------
    columns : (n, p) = design[:, kept] @ transform
    transform : (p, p) upper triangular
    kept : (p,) the columns of the design that do not depend on earlier ones
    """

    columns: Array
    transform: Array
    kept: Codes


def orthogonal_basis(design: Array) -> OrthogonalBasis:
    """Basis of the columns of `design` (n, p0); where the first is constant, the others are centred on the way."""
    n = len(design)
    mean = np.zeros(design.shape[1])
    if has_intercept(design):
        mean[1:] = design[:, 1:].mean(axis=0)
    centred = design - mean
    length = np.sqrt(np.einsum("ij,ij->j", centred, centred))
    kept = np.flatnonzero(length > CONSTANT * np.sqrt(n) * np.abs(mean))
    centred, length = centred[:, kept], length[kept]
    independent, triangle = _triangle(centred / length)
    kept, centred, length = kept[independent], centred[:, independent], length[independent]
    transform = np.linalg.inv(triangle) * np.sqrt(n) / length[:, None]
    columns = centred @ transform
    if mean.any():
        transform[0] -= mean[kept] / design[0, 0] @ transform
    return OrthogonalBasis(columns, transform, kept)


def has_intercept(design: Array) -> bool:
    """Whether the first column is a constant other than zero."""
    return bool(design.size and design[0, 0] != 0 and np.all(design[:, 0] == design[0, 0]))


def _triangle(columns: Array) -> tuple[Codes, Array]:
    """The columns (of length 1) that do not depend on earlier ones, and their R of the QR decomposition."""
    kept = np.arange(columns.shape[1])
    while True:
        (triangle,) = qr(columns[:, kept], mode="r", check_finite=False)
        remaining = np.abs(np.diagonal(triangle))
        if len(remaining) == len(kept) and np.all(remaining > DEPENDENT):
            return kept, triangle[: len(kept)]
        short = np.append(remaining <= DEPENDENT, True)
        kept = np.delete(kept, np.argmax(short))
