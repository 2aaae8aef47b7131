"""Linear mixed models by maximum likelihood or REML, from cross-products (Bates et al., 2015, J Stat Softw 67(1)).

y = X beta + sum_t Z_t b_t + e. Inside, the columns of [X y] and of each Z_t are orthogonal and of unit size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..arrays import Array, Codes
from ..inference import VarianceParts
from ..newton import Minimum
from ..response import Response, standardise
from .crossprod import CrossProducts
from .information import variance_parts
from .random import RandomDesign, RandomTerm, random_design
from .search import Deviance, Point, search


@dataclass(frozen=True)
class LmmResult:
    """A fitted linear mixed model, on the scale of the data.

    Attributes
    ----------
    kept : (p,) the columns of X that do not depend on earlier ones; the others have no coefficient
    estimate : (p,) beta
    units : (p, p); a contrast l of beta is `units.T @ l` of the fixed effects that `parts` speaks of
    sigma : residual standard deviation
    log_likelihood : restricted or not, constants included
    covariances : one (q, q) a random term
    modes : one (levels, q) a random term, the conditional modes (best linear unbiased predictors)
    boundary : whether each of the covariances is singular
    response : the outcome and design in internal units
    deviance, minimum : the function whose minimum was searched, and where the search ended (internal units)
    parts : how the covariance of beta hangs on the variance parameters (internal units)
    """

    kept: Codes
    estimate: Array
    units: Array
    sigma: float
    log_likelihood: float
    covariances: tuple[Array, ...]
    modes: tuple[Array, ...]
    boundary: tuple[bool, ...]
    response: Response
    deviance: Deviance
    minimum: Minimum[Point]
    parts: VarianceParts

    @property
    def covariance(self) -> Array:
        """(p, p) of the estimate, as if the variance parameters were known."""
        return self.units @ self.parts.covariance @ self.units.T

    @property
    def singular(self) -> bool:
        return any(self.boundary)

    @property
    def path(self) -> Array:
        """A row an accepted point of the search: deviance, fall still expected, theta (internal units)."""
        return self.minimum.path


def fit_lmm(y: Array, x: Array, terms: Sequence[RandomTerm], *, reml: bool = True) -> LmmResult:
    """Fit y (n,) on the fixed columns x (n, p0) and random `terms`.

    Raises
    ------
    DesignError : as many coefficients as rows, or effects that the data cannot tell apart
    FitError : no minimum of the deviance was found
    """
    response = standardise(y, x)
    random = random_design(terms)
    return fit_products(random.products(response.columns), response, random, reml)


def fit_products(products: CrossProducts, response: Response, random: RandomDesign, reml: bool) -> LmmResult:
    """Fit cross-products with the columns of `response`."""
    deviance = Deviance(products, random, reml)
    return lmm_result(response, deviance, search(deviance))


def refit_lmm(result: LmmResult, *, reml: bool) -> LmmResult:
    """The same model by the other likelihood, from the cross-products of the first."""
    return fit_products(result.deviance.products, result.response, result.deviance.random, reml)


def lmm_result(response: Response, deviance: Deviance, minimum: Minimum[Point]) -> LmmResult:
    """The fit at the `minimum` of its deviance."""
    random = deviance.random
    at = minimum.at.profile
    sigma = response.scale * float(np.sqrt(at.sigma2))
    inside = random.structure.covariances(minimum.theta)
    given = [frame @ g @ frame.T for frame, g in zip(random.frames, inside, strict=True)]
    effects = random.split(response.scale * at.marginal.effects(at.residual[:, -1]))
    modes = [u @ g @ frame.T for u, g, frame in zip(effects, inside, random.frames, strict=True)]
    return LmmResult(
        kept=response.fixed.kept,
        estimate=response.estimate(at.beta),
        units=sigma * response.fixed.transform,
        sigma=sigma,
        log_likelihood=-0.5 * (at.value + response.change_of_units(at.df, at.reml)),
        covariances=random.as_given([sigma**2 * g for g in given]),
        modes=random.as_given(modes),
        boundary=random.as_given([bool(part) for part in random.structure.on_boundary(minimum.theta)]),
        response=response,
        deviance=deviance,
        minimum=minimum,
        parts=variance_parts(at, *random.in_given_columns(minimum.theta)),
    )
