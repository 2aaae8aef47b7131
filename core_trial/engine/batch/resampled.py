"""One response, its clusters drawn again and again: the cases of a cluster bootstrap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...errors import DesignError
from ..arrays import Array, Codes
from ..linear.crossprod import CrossProducts
from .design import BatchDesign
from .deviance import BatchDeviance
from .fits import BatchFits, joined, without
from .products import BatchProducts, slices
from .search import search_each
from .summary import EACH, Question, data_scale, summarise

DEPENDENT = 1e-12  # smallest eigenvalue of X'X / n, the columns being of unit size, that is not zero but for rounding


def fit_resampled(
    design: BatchDesign,
    response: Array,
    draws: Codes,
    *,
    reml: bool = True,
    question: Question = EACH,
) -> BatchFits:
    """Fit `response` (n,) with each of the `draws` (B, J) of clusters of the single grouping factor.

    A cluster that is drawn twice counts as two. Where the clusters drawn leave the fixed effects linearly dependent,
    the fit has not converged and its numbers are missing.

    Raises
    ------
    DesignError : more than one grouping factor
    """
    if design.random.crossed:
        raise DesignError("clusters can be drawn again where there is one grouping factor; this design has several")
    residual, units = design.residuals(response[None])
    scale = data_scale(design, units, question.rows(len(design.fixed.kept)))
    products = design.random.products(np.column_stack([design.fixed.columns, residual[0]]))
    parts = []
    for rows in slices(len(draws), design.shared.size):
        estimable = _estimable(products, draws[rows])
        instead = np.where(estimable[:, None], draws[rows], np.arange(len(products.rows)))
        deviance = BatchDeviance(_drawn(products, instead), design.random, reml)
        parts.append(without(summarise(deviance, search_each(deviance), question, scale), ~estimable))
    return joined(parts)


def _estimable(products: CrossProducts, draws: Codes) -> NDArray[np.bool_]:
    """(b,) whether the fixed effects are linearly independent in the clusters drawn."""
    xx, rows = products.ww[:, :-1, :-1][draws].sum(axis=1), products.rows[draws].sum(axis=1)
    return np.asarray(np.linalg.eigvalsh(xx / rows[:, None, None])[:, 0] > DEPENDENT)


def _drawn(products: CrossProducts, draws: Codes) -> BatchProducts:
    """Of the clusters in `draws` (b, J)."""
    rows, ww = products.rows[draws].sum(axis=1), products.ww[draws].sum(axis=1)
    return BatchProducts(rows, products.zz[draws], products.zw[draws], ww, 0)
