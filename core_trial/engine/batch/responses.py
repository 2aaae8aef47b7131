"""Many responses on one design."""

from __future__ import annotations

from ..arrays import Array
from .design import BatchDesign
from .deviance import BatchDeviance
from .fits import BatchFits, joined
from .products import slices
from .search import search
from .summary import EACH, Question, data_scale, summarise


def fit_responses(
    design: BatchDesign,
    responses: Array,
    *,
    reml: bool = True,
    question: Question = EACH,
) -> BatchFits:
    """Fit each of `responses` (B, n) on the `design`.

    Parameters
    ----------
    question : which contrasts and degrees of freedom; by default each coefficient, and no degrees of freedom

    Raises
    ------
    DesignError : a response that the fixed effects fit exactly, or that has missing values

    Examples
    --------
    >>> import numpy as np
    >>> from core_trial.engine.batch import batch_design
    >>> from core_trial.engine.linear.random import RandomTerm
    >>> clusters = RandomTerm(np.ones((6, 1)), np.array([0, 0, 1, 1, 2, 2]), 3, "team")
    >>> responses = np.array([[1.0, 3, 5, 7, 6, 8], [2, 1, 1, 2, 2, 1]])
    >>> fits = fit_responses(batch_design(np.ones((6, 1)), [clusters]), responses)
    >>> fits.estimate[:, 0].round(6).tolist(), fits.singular.tolist()
    ([5.0, 1.5], [False, True])
    """
    contrasts = question.rows(len(design.fixed.kept))
    parts = []
    for rows in slices(len(responses), max(design.shared.size, design.n_rows)):
        residual, units = design.residuals(responses[rows])
        deviance = BatchDeviance(design.with_column(residual), design.random, reml)
        found = search(deviance, design.spectrum)
        parts.append(summarise(deviance, found, question, data_scale(design, units, contrasts)))
    return joined(parts)
