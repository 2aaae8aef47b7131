"""Intervals by the profile likelihood: how far a quantity goes while the deviance stays near its minimum.

The least deviance at a value of a quantity, its profile, is below minimum + q just where the region

    {parameters : deviance <= minimum + q}

reaches that value. So the interval {value : profile <= minimum + q} ends at the extremes of the quantity over the
region; q is the quantile of chi-squared with 1 degree of freedom.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from scipy.optimize import approx_fprime, minimize

from ...errors import FitError
from ..arrays import Array
from .lmm import LmmResult
from .region import Components, Region

LEVEL = 1e-7  # slope of a quantity of unit size that is level: where a variance is zero
TOP = 1e-3  # slope of a quantity of unit size that is at the end of its range
MET = 1e-4  # how near to its bound the deviance is at the end of a search
NOTHING = 1e-8  # a variance below this share is none
FORBIDDEN = 1e6  # stands for an infinite deviance
FAR = 15.0  # standard errors that no parameter is moved beyond
STAGES = ((1.0,), (0.1, 0.3, 0.6, 1.0))  # shares of q; should the way to all of it be too long, it is gone in stages


class Surroundings(Protocol):
    """A likelihood about its maximum; see `region.Region`."""

    @property
    def centre(self) -> Array: ...
    @property
    def axes(self) -> Array: ...
    def __call__(self, x: Array) -> tuple[float, Array]: ...
    def components(self, x: Array) -> Components: ...
    def away(self) -> Array: ...


class Quantity(NamedTuple):
    """What an interval is asked for: a smooth function of the variances, and the range that it cannot leave."""

    value: Callable[[Components], float]
    least: float = -np.inf
    most: float = np.inf


def quantity_estimate(region: Surroundings, quantity: Quantity) -> tuple[float, float]:
    """A quantity of the variances, and its standard error by observed information (delta method)."""
    slope = approx_fprime(region.centre, lambda x: quantity.value(region.components(x))) @ region.axes
    return quantity.value(region.components(region.centre)), float(np.sqrt(2) * np.linalg.norm(slope))


def contrast_interval(result: LmmResult, contrast: Array, excess: float) -> tuple[float, float]:
    """Interval of l'beta for l (p,), on the scale of the data; `result` is by maximum likelihood."""
    inside = result.response.fixed.transform.T @ contrast
    size = float(np.linalg.norm(inside))
    region = Region(result, inside / size)
    low = -_largest(region, lambda x: -float(x[-1]), np.inf, excess)
    high = _largest(region, lambda x: float(x[-1]), np.inf, excess)
    centre, unit = float(contrast @ result.estimate), result.response.scale * size
    return centre + unit * low, centre + unit * high


def quantity_interval(region: Surroundings, quantity: Quantity, excess: float) -> tuple[float, float]:
    """Interval of a quantity of the variances, by the likelihood that the region is one of."""

    def measure(x: Array) -> float:
        return quantity.value(region.components(x))

    unit = max(abs(measure(start)) for start in (region.centre, region.away())) or 1.0
    low = -_largest(region, lambda x: -measure(x) / unit, -quantity.least / unit, excess)
    if quantity.least == 0 and np.isinf(quantity.most):
        log = _largest(region, lambda x: float(np.log(max(measure(x) / unit, NOTHING))), np.inf, excess)
        return unit * low, unit * float(np.exp(log))
    return unit * low, unit * _largest(region, lambda x: measure(x) / unit, quantity.most / unit, excess)


def _largest(region: Surroundings, measure: Callable[[Array], float], bound: float, excess: float) -> float:
    """The largest value of `measure` in the region; `bound` if it goes as far as that.

    Where a variance is none, the region mirrors itself, and a search that sets out from its middle stays there: another
    sets out from beside it.
    """
    ends = []
    for start in (region.centre, region.away()):
        end = _end(Climb(region, measure, start), bound, excess)
        if end == bound:
            return bound
        if end is not None:
            ends.append(end)
    if not ends:
        raise FitError("the likelihood region could not be followed to its end: ask for another interval")
    return max(ends)


def _end(climb: Climb, bound: float, excess: float) -> float | None:
    """Where the search comes to; None where it finds no end."""
    if abs(climb.measure(climb.start) - bound) < MET:
        return bound
    for stages in STAGES:
        if (v := climb.first(stages[0] * excess)) is None:
            return None
        for stage in stages:
            v = climb(v, stage * excess)
        if abs(climb.height(v) - bound) < MET:
            return bound
        if abs(climb.deviance(v)[0] - excess) < MET or np.linalg.norm(climb.slope(v)) < TOP:
            return climb.height(v)
    return None


class Climb:
    """The search for the largest `measure`, in steps v (k,) from `start` along the axes of a region."""

    def __init__(self, region: Surroundings, measure: Callable[[Array], float], start: Array):
        self.region, self.measure, self.start = region, measure, start
        self.last: tuple[bytes, tuple[float, Array]] | None = None

    def height(self, v: Array) -> float:
        return self.measure(self.start + self.region.axes @ v)

    def slope(self, v: Array) -> Array:
        return np.asarray(approx_fprime(self.start + self.region.axes @ v, self.measure) @ self.region.axes)

    def deviance(self, v: Array) -> tuple[float, Array]:
        """With its gradient by v, remembered; `FORBIDDEN` where the parameters give no covariance matrix."""
        if self.last is None or self.last[0] != v.tobytes():
            self.last = (v.tobytes(), self._deviance(v))
        return self.last[1]

    def _deviance(self, v: Array) -> tuple[float, Array]:
        try:
            value, gradient = self.region(self.start + self.region.axes @ v)
        except np.linalg.LinAlgError:
            return FORBIDDEN, np.zeros_like(v)
        return value, gradient @ self.region.axes

    def first(self, excess: float) -> Array | None:
        """Where the region would end if the deviance were a parabola; None where the measure has no slope."""
        slope = self.slope(np.zeros_like(self.start))
        if (length := np.linalg.norm(slope)) < LEVEL:
            return None
        v = np.sqrt(2 * excess) * slope / length
        while self.deviance(v)[0] == FORBIDDEN:
            v = v / 2
        return np.asarray(v)

    def __call__(self, v: Array, excess: float) -> Array:
        """Where sequential quadratic programming comes to from v."""
        unit = float(np.linalg.norm(self.slope(v))) or 1.0
        found = minimize(
            lambda v: -self.height(v) / unit,
            v,
            jac="3-point",
            method="SLSQP",
            bounds=[(-FAR, FAR)] * len(v),
            constraints={
                "type": "ineq",
                "fun": lambda v: excess - self.deviance(v)[0],
                "jac": lambda v: -self.deviance(v)[1],
            },
            options={"ftol": 1e-10, "maxiter": 200},
        )
        return np.asarray(found.x)
