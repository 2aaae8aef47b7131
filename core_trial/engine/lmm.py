"""Linear mixed models by maximum likelihood or REML, from cross-products (Bates et al., 2015, J Stat Softw 67(1)).

y = X beta + sum_t Z_t b_t + e. Inside, the columns of [X y] and of each Z_t are orthogonal and of unit size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import DesignError, FitError
from .arrays import Array, Codes
from .basis import OrthogonalBasis, has_intercept, orthogonal_basis
from .covariance import Stacked
from .crossed import Basis
from .crossprod import CrossProducts
from .inference import VarianceParts, inverse_information
from .newton import Minimum, minimise
from .profile import Profile, profile
from .random import RandomDesign, RandomTerm, random_design

SINGULAR = 1e-4  # a relative standard deviation below this is on its boundary; lme4 uses the same
EXACT = 1e-12  # a share of the outcome's spread that only rounding leaves
LEAST = 0.1  # relative standard deviation that the search begins from where the moment estimate is smaller
STARTS = (1.0, 0.1, 10.0)  # the same for all random effects, should the moment estimates not lead to a minimum


@dataclass(frozen=True)
class Response:
    """y = offset + columns @ coefficient + scale * residual, the residual orthogonal to the columns, of unit size."""

    offset: float
    coefficient: Array
    scale: float
    residual: Array


@dataclass(frozen=True)
class Objective:
    """The deviance as a function of theta, in the coordinates of `structure`."""

    products: CrossProducts
    basis: Basis
    structure: Stacked
    reml: bool

    def profile(self, gamma: Array) -> Profile:
        return profile(self.products, self.basis, gamma, self.reml)

    def __call__(self, theta: Array) -> Point:
        at = self.profile(self.structure.gamma(theta))
        jacobian = self.structure.jacobian(theta)
        bent = np.einsum("r,rab->ab", at.gradient, self.structure.curvature)
        return Point(at.value, jacobian.T @ at.gradient, jacobian.T @ at.hessian @ jacobian + bent, at)


@dataclass(frozen=True)
class Point:
    """The deviance and its derivatives at one theta."""

    value: float
    gradient: Array
    hessian: Array
    profile: Profile


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
    singular : whether a covariance is on its boundary
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
    singular: bool
    path: Array
    parts: VarianceParts

    @property
    def covariance(self) -> Array:
        """(p, p) of the estimate, as if the variance parameters were known."""
        return self.units @ self.parts.covariance @ self.units.T


def fit_lmm(y: Array, x: Array, terms: Sequence[RandomTerm], *, reml: bool = True) -> LmmResult:
    """Fit y (n,) on the fixed columns x (n, p0) and random `terms`.

    Raises
    ------
    DesignError : as many coefficients as rows, or a random term that cannot be told from the residuals
    FitError : no minimum of the deviance was found
    """
    fixed = orthogonal_basis(x)
    if len(y) <= len(fixed.kept):
        raise DesignError(f"{len(fixed.kept)} coefficients for {len(y)} rows: no rows are left to estimate a variance")
    response = _standardise(y, x, fixed)
    random = random_design(terms)
    products = random.products(np.column_stack([fixed.columns, response.residual]))
    minimum = _search(Objective(products, random.basis, random.structure, reml))
    return _result(fixed, response, random, minimum)


def _standardise(y: Array, x: Array, fixed: OrthogonalBasis) -> Response:
    offset = float(y.mean() / x[0, 0]) if has_intercept(x) else 0.0
    centred = y - offset * x[0, 0] if offset else y
    coefficient = fixed.columns.T @ centred / len(y)
    residual = centred - fixed.columns @ coefficient
    scale = float(np.sqrt(np.mean(residual**2)))
    if not scale > EXACT * np.sqrt(np.mean(centred**2)):
        raise DesignError("the fixed effects fit the outcome exactly: no variation is left to estimate a variance")
    return Response(offset, coefficient, scale, residual / scale)


def _search(objective: Objective) -> Minimum[Point]:
    """The minimum from the first of `_starts` that leads to one."""
    tried = []
    for name, start in _starts(objective):
        minimum = minimise(objective, start)
        if minimum.converged:
            return minimum
        tried.append(f"{name}: deviance {minimum.at.value:.6g} after {len(minimum.path)} steps")
    raise FitError(
        f"the mixed model did not converge by Newton's method ({'; '.join(tried)}). A residual variance near zero does"
        " this, when the outcome hardly varies within a grouping factor, or random effects that the data cannot tell"
        " apart: try a simpler random term"
    )


def _starts(objective: Objective) -> Iterator[tuple[str, Array]]:
    moments = _moments(objective)
    yield "from moment estimates", objective.structure.nearest(moments, LEAST)
    for sd in STARTS:
        yield f"from relative standard deviations {sd:g}", objective.structure.nearest(0 * moments, sd)


def _moments(objective: Objective) -> Array:
    """gamma by minimum norm quadratic unbiased estimation, as if there were no random effects (Rao, 1971; MINQUE0)."""
    none = objective.profile(np.zeros(objective.structure.size)).with_residual_variance
    variances = np.linalg.lstsq(none.traces, none.quadratic)[0]
    return np.asarray(variances[:-1] / variances[-1])


def _result(fixed: OrthogonalBasis, response: Response, random: RandomDesign, minimum: Minimum[Point]) -> LmmResult:
    at, theta = minimum.at.profile, minimum.theta
    sigma = response.scale * np.sqrt(at.sigma2)
    estimate = fixed.transform @ (response.coefficient + response.scale * at.beta)
    estimate[0] += response.offset
    factors = [part.factor(t) for part, t in zip(random.structure.parts, random.structure.split(theta), strict=True)]
    effects = random.split(response.scale * at.marginal.effects(at.residual[:, -1]))
    modes = [u @ f @ f.T @ frame.T for u, f, frame in zip(effects, factors, random.frames, strict=True)]
    scaled = [sigma * frame @ f for f, frame in zip(factors, random.frames, strict=True)]
    return LmmResult(
        kept=fixed.kept,
        estimate=estimate,
        units=sigma * fixed.transform,
        sigma=float(sigma),
        log_likelihood=-0.5 * (at.value + _change_of_units(at, fixed, response)),
        covariances=random.as_given([f @ f.T for f in scaled]),
        modes=random.as_given(modes),
        singular=any(np.any(np.abs(np.diagonal(f)) < SINGULAR) for f in factors),
        path=minimum.path,
        parts=variance_parts(at, random.given_structure, factors),
    )


def _change_of_units(at: Profile, fixed: OrthogonalBasis, response: Response) -> float:
    """What the deviance gains on the scale of the data."""
    log_det = -2 * float(np.log(np.abs(np.diagonal(fixed.transform))).sum()) if at.reml else 0.0
    return 2 * at.df * float(np.log(response.scale)) + log_det


def variance_parts(at: Profile, structure: Stacked, factors: Sequence[Array]) -> VarianceParts:
    """Parts for the covariances F F' with the `factors` F, where the residual variance is 1.

    Observed information is that of (theta, sigma), as lmerTest takes it: on the boundary it differs from that of the
    variances, because the gradient by them is not zero there.
    """
    likelihood = at.with_residual_variance
    theta = np.concatenate([part.theta(f) for part, f in zip(structure.parts, factors, strict=True)])
    jacobian, curvature = _by_theta_and_sigma(at.gamma, structure.jacobian(theta), structure.curvature)
    hessian = jacobian.T @ likelihood.hessian @ jacobian + np.tensordot(likelihood.gradient, curvature, 1)
    derivatives = likelihood.derivatives
    return VarianceParts(
        covariance=at.unscaled,
        first=derivatives.first[:, :-1, :-1],
        second=derivatives.second[:, :, :-1, :-1],
        parameter_covariance={
            "expected": 2 * inverse_information(likelihood.traces),
            "observed": jacobian @ (2 * inverse_information(hessian)) @ jacobian.T,
        },
    )


def _by_theta_and_sigma(gamma: Array, jacobian: Array, curvature: Array) -> tuple[Array, Array]:
    """First and second derivatives of (sigma^2 gamma, sigma^2) by (theta, sigma), where sigma is 1."""
    r = len(gamma)
    first = np.zeros((r + 1, r + 1))
    first[:r, :r], first[:r, r], first[r, r] = jacobian, 2 * gamma, 2
    second = np.zeros((r + 1, r + 1, r + 1))
    second[:r, :r, :r] = curvature
    second[:r, :r, r] = second[:r, r, :r] = 2 * jacobian
    second[:, r, r] = np.append(2 * gamma, 2)
    return first, second
