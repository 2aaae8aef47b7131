"""Other responses for a model that was fitted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..engine.arrays import Array
from ..engine.batch import BatchFits, Question, fit_response, fit_responses
from ..errors import DataError, PlanError
from ..formula.matrices import Matrices
from .degrees import small_sample
from .summary import lmm_notes, lmm_summary

if TYPE_CHECKING:
    from .fit import LmmFit


def refit(fit: LmmFit, response: ArrayLike) -> LmmFit:
    """See `LmmFit.refit`."""
    (y,) = numbers(fit.matrices, np.asarray(response)[None])
    (ddf, information), reml = fit.ddf, fit.result.deviance.reml
    result, matrices = fit_response(fit.design, y, reml=reml), replace(fit.matrices, y=y)
    inference = small_sample(ddf, result, matrices, reml=reml, information=information)
    return replace(
        fit,
        estimate=result.estimate,
        covariance=inference.covariance,
        degrees=inference.degrees,
        joint=inference.joint,
        notes=lmm_notes(matrices, result, stacklevel=3),
        summary=lmm_summary(matrices, result),
        result=result,
        matrices=matrices,
    )


def refit_each(fit: LmmFit, responses: ArrayLike) -> BatchFits:
    """See `LmmFit.refit_each`."""
    many, reml = numbers(fit.matrices, np.asarray(responses)), fit.result.deviance.reml
    ddf, information = fit.ddf
    if ddf == "kenward-roger-2009":
        raise PlanError("many responses at once have no kenward-roger-2009: fit with ddf='kenward-roger'")
    if ddf == "kenward-roger" or ddf == "satterthwaite":
        return fit_responses(fit.design, many, reml=reml, question=Question(None, ddf, information or "observed"))
    fits = fit_responses(fit.design, many, reml=reml)
    df = np.array([fit.degrees(row) for row in np.eye(len(fit.terms))])
    return replace(fits, df=np.tile(df, (len(fits), 1)))


def numbers(matrices: Matrices, responses: Array) -> Array:
    """(B, rows) of numbers; PlanError for another shape, DataError where a value is missing."""
    rows = matrices.n_rows
    if responses.ndim != 2 or responses.shape[1] != rows:
        raise PlanError(f"responses of shape {responses.shape} do not go with the {rows} rows of the fit")
    values = np.asarray(responses, float)
    if not np.isfinite(values.sum()):
        response, row = np.argwhere(~np.isfinite(values))[0] + 1
        raise DataError(f"response {response} has no number in row {row} of the fit")
    return values
