"""One more response on a design that others were fitted on."""

from __future__ import annotations

import numpy as np

from ..arrays import Array
from ..linear.lmm import LmmResult, fit_products, lmm_result
from ..linear.search import EXACT, Deviance, Point
from ..newton import Minimum
from ..response import Response
from .design import BatchDesign
from .deviance import BatchDeviance
from .products import BatchProducts
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
    deviance = Deviance(design.random.products(standard.columns), design.random, reml)
    minimum = _minimum(design, design.with_column(residual), deviance)
    if minimum is None:
        return fit_products(deviance.products, standard, design.random, reml)
    return lmm_result(standard, deviance, minimum)


def _minimum(design: BatchDesign, products: BatchProducts, deviance: Deviance) -> Minimum[Point] | None:
    """Where a batch finds it sooner than a search for one fit, which it does not for slopes of a single factor."""
    if design.spectrum is None and not design.random.crossed:
        return None
    (theta,), (found,) = search(BatchDeviance(products, design.random, deviance.reml), design.spectrum)
    at = deviance(theta)
    if not found or at.profile.sigma2 < EXACT:
        return None
    return Minimum(theta, at, True, np.array([[at.value, 0.0, *theta]]))
