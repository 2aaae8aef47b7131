"""The deviance of a mixed model as a function of theta, and the search for its minimum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...errors import DesignError, FitError
from ..arrays import Array, with_residual
from ..newton import Minimum, minimise
from .crossprod import CrossProducts
from .information import inverse
from .patterned import endless
from .profile import Likelihood, Profile, profile
from .random import RandomDesign

UNIDENTIFIED = 1e-9  # share of the information about a parameter that must be its own
EXACT = 1e-11  # residual variance, as a share of all variance about the fixed effects, that only rounding leaves
SMALLEST = 1e-2  # share of all variance that the moment estimates leave to the residuals at least
LEAST = 0.1  # relative standard deviation that the search begins from where the moment estimate is smaller
STARTS = (1.0, 0.1, 10.0)  # the same for all random effects, should the moment estimates not lead to a minimum


@dataclass(frozen=True)
class Point:
    """The deviance at one theta, and its derivatives by theta."""

    value: float
    gradient: Array
    hessian: Array
    profile: Profile


@dataclass(frozen=True)
class Deviance:
    """Minus twice the (restricted) log-likelihood of the random effects' covariances, given by theta."""

    products: CrossProducts
    random: RandomDesign
    reml: bool

    def profile(self, gamma: Array) -> Profile:
        return profile(self.products, self.random.basis, gamma, self.reml)

    def __call__(self, theta: Array) -> Point:
        structure = self.random.structure
        at = self.profile(structure.gamma(theta))
        jacobian = structure.jacobian(theta)
        bent = structure.bend(theta, at.gradient)
        return Point(at.value, jacobian.T @ at.gradient, jacobian.T @ at.hessian @ jacobian + bent, at)


def search(deviance: Deviance) -> Minimum[Point]:
    """The minimum, from the moment estimates or else from the first of `STARTS` that leads to one.

    Correlations that decay may have several minima: then the lowest from all of these.

    Raises
    ------
    DesignError : covariances that the data cannot tell from each other, the fixed effects or the residuals
    FitError : no minimum was found
    """
    tried, found = [], []
    for name, start in _starts(deviance):
        minimum = minimise(deviance, start)
        _check_residual(minimum.at.profile)
        _check_ending(minimum, deviance.random)
        if not minimum.converged:
            tried.append(f"{name}: deviance {minimum.at.value:.6g} after {len(minimum.path)} steps")
            continue
        found.append(minimum)
        if not deviance.random.structure.curved:
            break
    if found:
        return min(found, key=lambda minimum: minimum.at.value)
    raise FitError(
        f"the mixed model did not converge by Newton's method; simplify its random terms ({'; '.join(tried)})"
    )


def _starts(deviance: Deviance) -> Iterator[tuple[str, Array]]:
    none = deviance.profile(np.zeros(deviance.random.structure.elements)).with_residual_variance
    _check_identified(none, deviance.random)
    moments = _moments(none)
    yield "from moment estimates", deviance.random.structure.nearest(moments, LEAST)
    for sd in STARTS:
        yield f"from relative standard deviations of {sd:g}", deviance.random.structure.nearest(0 * moments, sd)


def _moments(none: Likelihood) -> Array:
    """gamma by minimum norm quadratic unbiased estimation about no random effects (Rao, 1971; MINQUE0)."""
    variances = inverse(none.traces) @ none.quadratic
    return np.asarray(variances[:-1] / max(variances[-1], SMALLEST))


def _check_identified(none: Likelihood, random: RandomDesign) -> None:
    """V is linear in gamma: the information about it without random effects shows what can be estimated."""
    structure = random.structure
    ways = with_residual(structure.tangent(structure.nearest(np.ones(structure.elements) / 2, 1.0)))
    size = np.sqrt(np.diagonal(ways.T @ none.derivatives.traces @ ways))
    size = np.where(size > 0, size, 1.0)
    values, axes = np.linalg.eigh(ways.T @ none.traces @ ways / np.outer(size, size))
    if values[0] < UNIDENTIFIED:
        shares = structure.split(axes[:-1, 0])
        confounded = [t.factor for t, s in zip(random.terms, shares, strict=True) if np.linalg.norm(s) > 0.1]
        raise DesignError(
            f"the random effects of {' and '.join(dict.fromkeys(confounded))} cannot be told from the fixed effects,"
            " the residuals or each other: leave out a random term, or the fixed effects of the same columns"
        )


def _check_residual(at: Profile) -> None:
    if at.sigma2 < EXACT:
        raise FitError(
            "the residual variance is zero but for rounding: the outcome does not vary within the grouping factors,"
            " so its likelihood has no maximum; analyse one row a group"
        )


def _check_ending(minimum: Minimum[Point], random: RandomDesign) -> None:
    if endless(random.structure, minimum.theta, minimum.at.profile.gradient):
        raise FitError(
            "the likelihood has no maximum before the negative variance of the clusters reaches its limit, where the"
            " covariance of the rows is no longer positive definite: fit with unconstrained=False"
        )
