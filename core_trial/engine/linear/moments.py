"""Mixed models from sums of products of groups of rows, when the rows themselves are too many to keep.

A Gaussian likelihood sees rows v = (1, v_2, ..., v_m) of one group only through M = sum v v'. Any rows with the same M
can stand in for them: here m, of which the first is sqrt(n) times the mean, and the others, with 0 in place of 1, are
the axes of the scatter about it. All that is done to rows elsewhere is then done to these few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..arrays import Array
from ..basis import OrthogonalBasis
from ..response import Response, standardise
from .lmm import LmmResult, fit_products
from .random import RandomDesign, RandomTerm, random_design

ROUNDING = 1e-14  # share of the sums of squares of a group that their rounding may leave as scatter


@dataclass(frozen=True)
class Shifted:
    """Columns (n, k) less the constants `shift` (k,).

    Where one of these is not zero, the first column is that of the intercept, or stands in for it.
    """

    columns: Array
    shift: Array


@dataclass(frozen=True)
class ShiftedTerm:
    """A random term, its columns less the constants `shift` (q,)."""

    term: RandomTerm
    shift: Array


def stand_ins(moments: Array) -> Array:
    """(G, m, m): m rows for each group, with its sums of products `moments` (G, m, m).

    Examples
    --------
    >>> rows = np.array([[1.0, 2], [1, 4], [1, 9]])
    >>> few = stand_ins((rows.T @ rows)[None])[0]
    >>> np.allclose(few.T @ few, rows.T @ rows), few[:, 0].round(3).tolist()
    (True, [1.732, 0.0])
    """
    n = moments[:, 0, 0]
    mean = moments[:, 0] / n[:, None]
    scatter = (moments - moments[:, 0, :, None] * mean[:, None])[:, 1:, 1:]
    size = np.sqrt(np.diagonal(moments.sum(axis=0))[1:])
    size = np.where(size > 0, size, 1.0)
    values, axes = np.linalg.eigh(scatter / np.outer(size, size))
    rounding = ROUNDING * (np.diagonal(moments, axis1=1, axis2=2)[:, 1:] / size**2).sum(axis=1)
    rows = np.zeros_like(moments)
    rows[:, 0] = np.sqrt(n)[:, None] * mean
    rows[:, 1:, 1:] = np.sqrt(np.where(values > rounding[:, None], values, 0))[:, :, None] * axes.mT * size
    return rows


def fit_stand_ins(
    y: Shifted, x: Shifted, terms: Sequence[ShiftedTerm], count: Array, *, reml: bool = True
) -> LmmResult:
    """Fit rows that stand in for others, `count` (n,) of which are theirs: see `fit_lmm`.

    y has a single column; it may be shifted where x has an intercept.
    """
    root = np.sqrt(len(count) / count.sum())  # gives the columns the mean squares that they have over all rows
    response = standardise(root * y.columns[:, 0], root * x.columns)
    response = _response(response, y.shift[0], x.shift, root)
    random = random_design([replace(shifted.term, z=root * shifted.term.z) for shifted in terms])
    random = _random(random, [shifted.shift for shifted in terms], root)
    absorbed = random.absorbed[0]
    rows = np.bincount(absorbed.level, count, absorbed.n_levels).astype(float)
    return fit_products(replace(random.products(response.columns), rows=rows), response, random, reml)


def _response(response: Response, offset: float, shift: Array, root: float) -> Response:
    """The response with its columns, and those of the design, as they were before the shift and without `root`."""
    fixed, kept = response.fixed, response.fixed.kept
    basis = OrthogonalBasis(
        fixed.columns / root, _unshifted(fixed.transform, shift[kept]), kept, float(offset != 0 or shift.any())
    )
    return replace(response, fixed=basis, offset=offset, residual=response.residual / root)


def _random(random: RandomDesign, shifts: Sequence[Array], root: float) -> RandomDesign:
    frames = [_unshifted(frame, shifts[i]) for frame, i in zip(random.frames, random.order, strict=True)]
    terms = [replace(term, z=term.z / root) for term in random.terms]
    n = len(random.absorbed)
    return replace(random, absorbed=tuple(terms[:n]), crossed=tuple(terms[n:]), frames=tuple(frames))


def _unshifted(transform: Array, shift: Array) -> Array:
    """The transform of columns from which `shift` times the first, a constant 1, was not taken out."""
    first = np.zeros_like(transform)
    first[0] = shift @ transform
    return np.asarray(transform - first)
