"""One more response on a design that others were fitted on."""

from __future__ import annotations

import numpy as np

from ..arrays import Array
from ..lmm import LmmResult, fit_products, lmm_result
from ..newton import Minimum
from ..response import Response
from ..search import EXACT, Deviance
from .design import BatchDesign
from .deviance import BatchDeviance
from .search import search


def fit_response(design: BatchDesign, response: Array, *, reml: bool = True) -> LmmResult:
    """Fit one `response` (n,): what `fit_lmm` returns, sooner, with nothing but the end of the search in its path.

    Raises
    ------
    DesignError : a response that the fixed effects fit exactly
    FitError : no minimum of the deviance was found
    """
    residual, units = design.residuals(response[None])
    offset, (coefficient,), (scale,) = float(units.offset[0]), units.coefficient, units.scale
    standard = Response(design.fixed, offset, coefficient, float(scale), residual[0])
    (theta,), (found,) = search(BatchDeviance(design.with_column(residual), design.random, reml), design.spectrum)
    deviance = Deviance(design.random.products(standard.columns), design.random, reml)
    at = deviance(theta)
    if not found or at.profile.sigma2 < EXACT:
        return fit_products(deviance.products, standard, design.random, reml)
    path = np.array([[at.value, 0.0, *theta]])
    return lmm_result(standard, deviance, Minimum(theta, at, True, path))
