"""Intervals by the profile likelihood: how far a quantity goes while the deviance stays near its minimum.

The least deviance at a value of a quantity, its profile, is below minimum + q just where the region

    {parameters : deviance <= minimum + q}

reaches that value. So the interval {value : profile <= minimum + q} ends at the extremes of the quantity over the
region; q is the quantile of chi-squared with 1 degree of freedom.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.optimize import approx_fprime, minimize

from ..errors import FitError
from .arrays import Array
from .lmm import LmmResult
from .profile import Likelihood

STEP = 1e-5  # of a parameter, for the curvature of the deviance
FLAT = 1e-6  # curvature below this share of the largest counts as this
AWAY = 0.3  # relative standard deviation that a second search sets out from
LEVEL = 1e-7  # slope of a quantity of unit size that is level: where a variance is zero
MET = 1e-4  # how near to its bound the deviance is at the end of a search

FORBIDDEN = 1e6  # stands for an infinite deviance


class Components(NamedTuple):
    """One (q, q) covariance a random term, as given, and the residual variance, on the scale of the data."""

    covariances: tuple[Array, ...]
    sigma2: float


class Quantity(NamedTuple):
    """What an interval is asked for: a smooth function of the variances, and the range that it cannot leave."""

    value: Callable[[Components], float]
    least: float = -np.inf
    most: float = np.inf


@dataclass(frozen=True)
class Region:
    """Parameters x = (theta, log sigma2), or (theta, log sigma2, c), by which the likelihood of `result` is given.

    c is what `contrast` (p,) times the coefficients of the engine has more than at the estimate. All units are those of
    the engine.
    """

    result: LmmResult
    contrast: Array | None = None

    @cached_property
    def centre(self) -> Array:
        estimate = [*self.result.minimum.theta, np.log(self.result.minimum.at.profile.sigma2)]
        return np.array(estimate if self.contrast is None else [*estimate, 0.0])

    @cached_property
    def axes(self) -> Array:
        """(k, k) steps in which the deviance rises by about half of their squared length."""
        steps = STEP * np.eye(len(self.centre))
        curvature = np.array([self(self.centre + s)[1] - self(self.centre - s)[1] for s in steps]) / (2 * STEP)
        values, axes = np.linalg.eigh((curvature + curvature.T) / 2)
        return np.asarray(axes / np.sqrt(np.maximum(values, FLAT * values.max())))

    def __call__(self, x: Array) -> tuple[float, Array]:
        """The deviance at x above its minimum, and its gradient (k,)."""
        deviance, theta, sigma2 = self.result.deviance, x[: len(self.result.minimum.theta)], float(np.exp(self._log(x)))
        at = deviance.profile(deviance.random.structure.gamma(theta))
        spread, likelihood = at.sigma2 / sigma2, replace(at.likelihood, sigma2=sigma2)
        value = at.value - self.result.minimum.at.value + at.df * (spread - 1 - np.log(spread))
        by_gamma, others = likelihood.gradient, [at.df * (1 - spread)]
        if self.contrast is not None:
            distance = float(x[-1] + self.contrast @ (self.result.minimum.at.profile.beta - at.beta))
            more, by_gamma_more, by_c = _shifted(likelihood, self.contrast, distance)
            value, by_gamma, others = value + more, by_gamma + by_gamma_more, [others[0] - more, by_c]
        return value, np.array([*deviance.random.structure.jacobian(theta).T @ by_gamma, *others])

    def components(self, x: Array) -> Components:
        random, response = self.result.deviance.random, self.result.response
        inside = random.structure.covariances(x[: len(self.result.minimum.theta)])
        sigma2 = response.scale**2 * float(np.exp(self._log(x)))
        given = [sigma2 * frame @ g @ frame.T for frame, g in zip(random.frames, inside, strict=True)]
        return Components(random.as_given(given), sigma2)

    def away(self) -> Array:
        """The centre, but no random effects without variance."""
        structure = self.result.deviance.random.structure
        theta = self.result.minimum.theta
        return np.array([*structure.nearest(structure.gamma(theta), AWAY), *self.centre[len(theta) :]])

    def _log(self, x: Array) -> float:
        return float(x[len(self.result.minimum.theta)])


def _shifted(likelihood: Likelihood, contrast: Array, distance: float) -> tuple[float, Array, float]:
    """distance^2 / (l'Phi l sigma2), what it adds to the deviance, with derivatives by gamma (r,) and by distance."""
    first = likelihood.derivatives.first
    spread = likelihood.unscaled @ contrast
    phi = float(contrast @ spread)
    moved, widened = first[:, :-1, -1] @ spread, first[:, :-1, :-1] @ spread @ spread
    by_gamma = (2 * distance * moved / phi - distance**2 * widened / phi**2) / likelihood.sigma2
    return distance**2 / phi / likelihood.sigma2, by_gamma, 2 * distance / phi / likelihood.sigma2


def contrast_interval(result: LmmResult, contrast: Array, excess: float) -> tuple[float, float]:
    """Interval of l'beta for l (p,), on the scale of the data; `result` is by maximum likelihood."""
    inside = result.response.fixed.transform.T @ contrast
    size = float(np.linalg.norm(inside))
    region = Region(result, inside / size)
    low, high = (_extreme(region, lambda x: float(x[-1]), sign, excess, np.inf) for sign in (-1, 1))
    centre, unit = float(contrast @ result.estimate), result.response.scale * size
    return centre + unit * low, centre + unit * high


def quantity_estimate(result: LmmResult, quantity: Quantity) -> tuple[float, float]:
    """A quantity of the variances, and its standard error by observed information (delta method)."""
    region = Region(result)
    slope = approx_fprime(region.centre, lambda x: quantity.value(region.components(x))) @ region.axes
    return quantity.value(region.components(region.centre)), float(np.sqrt(2) * np.linalg.norm(slope))


def quantity_interval(result: LmmResult, quantity: Quantity, excess: float) -> tuple[float, float]:
    """Interval of a quantity of the variances, by the likelihood of `result`."""
    region = Region(result)

    def measure(x: Array) -> float:
        return quantity.value(region.components(x))

    low, high = (
        _extreme(region, measure, sign, excess, bound) for sign, bound in ((-1, quantity.least), (1, quantity.most))
    )
    return low, high


def _extreme(region: Region, measure: Callable[[Array], float], sign: int, excess: float, bound: float) -> float:
    """The least (`sign` -1) or largest (1) value of `measure` in the region; `bound` if it goes as far as that."""
    starts = (region.centre, region.away())
    unit = max(abs(measure(start)) for start in starts) or 1.0
    for start in starts:
        x = _search(region, lambda x: sign * measure(x) / unit, excess, start)
        value = measure(x)
        if abs(value - bound) < MET * unit:
            return bound
        if abs(region(x)[0] - excess) < MET:
            return value
    raise FitError("the likelihood region could not be followed to its end: ask for another interval")


def _search(region: Region, measure: Callable[[Array], float], excess: float, start: Array) -> Array:
    """Largest `measure` by sequential quadratic programming, from where the region of a parabola would end."""
    slope = approx_fprime(start, measure) @ region.axes
    length = float(np.linalg.norm(slope))
    if length < LEVEL:
        return start
    rise, first = _Once(region, start), np.sqrt(2 * excess) * slope / length
    while rise(first)[0] == FORBIDDEN:
        first = first / 2
    found = minimize(
        lambda v: -measure(start + region.axes @ v) / length,
        first,
        jac="3-point",
        method="SLSQP",
        constraints={"type": "ineq", "fun": lambda v: excess - rise(v)[0], "jac": lambda v: -rise(v)[1]},
        options={"ftol": 1e-10, "maxiter": 200},
    )
    return np.asarray(start + region.axes @ found.x)


class _Once:
    """The deviance and its gradient along the axes of a region, computed once for each point in turn.

    Where the parameters give no covariance matrix, `FORBIDDEN` and no slope.
    """

    def __init__(self, region: Region, start: Array):
        self.region, self.start = region, start
        self.point: Array | None = None
        self.last = (np.nan, start)

    def __call__(self, v: Array) -> tuple[float, Array]:
        if self.point is None or not np.array_equal(v, self.point):
            self.point, self.last = v.copy(), self._evaluate(v)
        return self.last

    def _evaluate(self, v: Array) -> tuple[float, Array]:
        try:
            value, gradient = self.region(self.start + self.region.axes @ v)
        except np.linalg.LinAlgError:
            return FORBIDDEN, np.zeros_like(v)
        return value, gradient @ self.region.axes
