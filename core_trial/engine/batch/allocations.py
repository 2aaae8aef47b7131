"""Many allocations of an arm to clusters, on one design and response."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from ...errors import DesignError
from ..arrays import Array, Codes
from ..basis import DEPENDENT
from .design import BatchDesign
from .deviance import BatchDeviance
from .fits import BatchFits, joined
from .products import BatchProducts, slices
from .search import search
from .summary import EACH, Question, Scale, summarise


def fit_allocations(
    design: BatchDesign,
    response: Array,
    cluster: Codes,
    allocations: Array,
    *,
    reml: bool = True,
    question: Question = EACH,
) -> BatchFits:
    """Fit the effect of an arm under each of many allocations, at a cost that does not grow with rows.

    Parameters
    ----------
    design : the columns of the model but the arm's
    response : (n,)
    cluster : (n,) the cluster of each row, 0 to K - 1; a cluster is in one arm
    allocations : (B, K) the arm of each cluster: 1 and 0, or any numbers

    Returns
    -------
    BatchFits : with one contrast, the effect of the arm

    Raises
    ------
    DesignError : an allocation that the other fixed effects determine, as they do one with an empty arm
    """
    residual, units = design.residuals(response[None])
    arms = _Arms(design, residual, cluster, allocations.shape[1])
    scale = Scale(np.eye(len(design.fixed.kept) + 1)[-1:], np.zeros((1, 1)), units.scale, design.log_det)
    parts = []
    for rows in slices(len(allocations), design.shared.size):
        deviance = BatchDeviance(arms.products(allocations[rows], rows.start), design.random, reml)
        parts.append(summarise(deviance, search(deviance, design.spectrum), question, scale))
    return joined(parts)


class _Arms:
    """Cross-products of arm columns, freed of the other fixed effects, from those of the indicators of K clusters.

    Attributes
    ----------
    random : (M, K) with the random columns
    squares : (K, K) with each other
    residual : (K,) with the `residual` (1, n) of the response
    sizes : (K,) rows
    """

    def __init__(self, design: BatchDesign, residual: Array, cluster: Codes, n_clusters: int):
        n, x = design.n_rows, design.fixed.columns
        indicators = csr_array((np.ones(n), cluster, np.arange(n + 1)), shape=(n, n_clusters))
        fixed = indicators.T @ x
        self.design, self.response = design, design.with_column(residual)
        self.random = (design.random_columns @ indicators).toarray() - design.random_columns @ x @ fixed.T / n
        self.sizes = np.bincount(cluster, minlength=n_clusters)
        self.squares = np.diag(self.sizes) - fixed @ fixed.T / n
        self.residual = indicators.T @ residual[0] - fixed @ (residual[0] @ x) / n

    def products(self, allocations: Array, before: int) -> BatchProducts:
        """Cross-products with w = [u x arm y] of `allocations` (b, K), `before` of which were fitted before."""
        shared, response, m = self.design.shared, self.response, self.design.shared.behind
        _, j, q, c = shared.zw.shape
        random = allocations @ self.random.T
        squares = np.einsum("bk,bk->b", allocations @ self.squares, allocations)
        determined = ~(squares > DEPENDENT**2 * (allocations**2 @ self.sizes))
        if determined.any():
            which = before + np.argmax(determined) + 1
            raise DesignError(f"allocation {which} has an empty arm, or is determined by the other fixed effects")
        with_arm = np.hstack([random[:, j * q :], np.zeros((len(random), c - m)), squares[:, None]])
        with_response = np.insert(np.tile(response.ww[0, -1], (len(random), 1)), c, allocations @ self.residual, axis=1)
        both = shared.append(random[:, : j * q].reshape(-1, j, q), with_arm)
        return both.append(response.zw[..., -1], with_response)
