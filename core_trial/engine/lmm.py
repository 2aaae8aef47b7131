"""Linear mixed models by maximum likelihood or REML, from cross-products (Bates et al., 2015, J Stat Softw 67(1)).

y = X beta + sum_t Z_t b_t + e. Inside, the columns of [X y] and of each Z_t are orthogonal and of unit size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .arrays import Array, Codes
from .inference import VarianceParts
from .information import variance_parts
from .newton import Minimum
from .random import RandomDesign, RandomTerm, random_design
from .response import Response, standardise
from .search import Deviance, Point, search

SINGULAR = 1e-4  # a relative standard deviation below this is on its boundary; lme4 uses the same


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
    path : a row an accepted point of the search: deviance, fall still expected, theta (internal units)
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
    path: Array
    parts: VarianceParts

    @property
    def covariance(self) -> Array:
        """(p, p) of the estimate, as if the variance parameters were known."""
        return self.units @ self.parts.covariance @ self.units.T

    @property
    def singular(self) -> bool:
        return any(self.boundary)


def fit_lmm(y: Array, x: Array, terms: Sequence[RandomTerm], *, reml: bool = True) -> LmmResult:
    """Fit y (n,) on the fixed columns x (n, p0) and random `terms`.

    Raises
    ------
    DesignError : as many coefficients as rows, or effects that the data cannot tell apart
    FitError : no minimum of the deviance was found
    """
    response = standardise(y, x)
    random = random_design(terms)
    return _result(response, random, search(Deviance(random.products(response.columns), random, reml)))


def _result(response: Response, random: RandomDesign, minimum: Minimum[Point]) -> LmmResult:
    at = minimum.at.profile
    sigma = response.scale * float(np.sqrt(at.sigma2))
    factors = random.structure.factors(minimum.theta)
    given = [frame @ factor for frame, factor in zip(random.frames, factors, strict=True)]
    effects = random.split(response.scale * at.marginal.effects(at.residual[:, -1]))
    modes = [u @ f @ g.T for u, f, g in zip(effects, factors, given, strict=True)]
    return LmmResult(
        kept=response.fixed.kept,
        estimate=response.estimate(at.beta),
        units=sigma * response.fixed.transform,
        sigma=sigma,
        log_likelihood=-0.5 * (at.value + response.change_of_units(at.df, at.reml)),
        covariances=random.as_given([sigma**2 * g @ g.T for g in given]),
        modes=random.as_given(modes),
        boundary=random.as_given([bool(np.any(np.abs(np.diagonal(f)) < SINGULAR)) for f in factors]),
        path=minimum.path,
        parts=variance_parts(at, random.given_structure, random.given_structure.theta(factors)),
    )
