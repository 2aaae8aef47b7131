"""Generalised mixed models whose parameters obey linear equations: for likelihood-ratio tests and profiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import null_space

from ...errors import FitError
from ..arrays import Array
from ..newton import Minimum, minimise
from .deviance import DeviancePoint, GlmmDeviance
from .glmm import STEERED, TOLERANCE, GlmmResult

CLOSE = 1e-6  # how near to its target the root of the rise of the deviance must come
MAX_SEARCH = 40
FAR = 60.0  # standard errors beyond which a parameter has no end


@dataclass(frozen=True)
class Restricted:
    """A deviance as a function of xi (l,), where psi = origin + xi `ways` (l, k)."""

    deviance: GlmmDeviance
    origin: Array
    ways: Array

    def psi(self, xi: Array) -> Array:
        return np.asarray(self.origin + xi @ self.ways)

    def __call__(self, xi: Array) -> DeviancePoint:
        at = self.deviance(self.psi(xi))
        return at._replace(gradient=self.ways @ at.gradient, hessian=self.ways @ at.hessian @ self.ways.T)


@dataclass(frozen=True)
class RestrictedFit:
    """The parameters psi (k,) of least deviance under the restriction, and that deviance."""

    psi: Array
    value: float
    minimum: Minimum[DeviancePoint]


def fit_restricted(result: GlmmResult, rows: Array, values: Array) -> RestrictedFit:
    """The fit with `rows` (q, k) times psi equal to `values` (q,).

    Raises
    ------
    FitError : no minimum of the deviance was found
    """
    spread = result.joint_covariance @ rows.T
    away = rows @ result.minimum.theta - values
    origin = result.minimum.theta - spread @ np.linalg.lstsq(rows @ spread, away, rcond=None)[0]
    origin = origin - np.linalg.pinv(rows) @ (rows @ origin - values)
    chord, tolerance = (None, TOLERANCE) if result.n_nodes == 1 else (result.hessian, STEERED)
    deviance = GlmmDeviance(result.deviance.approximation, chord=chord, effects=result.minimum.at.effects)
    restricted = Restricted(deviance, origin, null_space(rows).T)
    try:
        minimum = minimise(restricted, np.zeros(len(restricted.ways)), tolerance=tolerance)
    except np.linalg.LinAlgError as error:
        raise FitError(f"the restricted model could not be fitted: {error}") from error
    if not minimum.converged:
        raise FitError("the restricted model did not converge")
    return RestrictedFit(restricted.psi(minimum.theta), minimum.at.value, minimum)


def contrast_rows(result: GlmmResult, rows: Array, values: Array) -> tuple[Array, Array]:
    """Equations of psi for `rows` (q, p) times the coefficients as given being `values` (q,)."""
    fixed = result.problem.fixed
    more = rows[:, 0] * result.shift / fixed.intercept if result.shift else 0.0
    others = np.zeros((len(rows), len(result.minimum.theta) - len(fixed.kept)))
    return np.hstack([rows @ fixed.transform, others]), np.asarray(values + more)


def profile_interval(result: GlmmResult, row: Array, rise: float, least: float = -np.inf) -> tuple[float, float]:
    """The values of row'psi, row (k,), at which the least deviance is `rise` above its minimum; not below `least`.

    Infinite where the deviance never rises so far.
    """
    centre = float(row @ result.minimum.theta)
    error = max(float(row @ result.joint_covariance @ row), 0.0) ** 0.5 or 1.0

    def height(value: float) -> float:
        found = fit_restricted(result, row[None], np.array([value]))
        return float(np.sqrt(max(found.value - result.minimum.at.value, 0.0)))

    target = float(rise**0.5)
    return _reach(height, centre, -error, target, least), _reach(height, centre, error, target, least)


def _reach(height: Callable[[float], float], centre: float, step: float, target: float, least: float) -> float:
    """Where `height`, zero at `centre` and nearly linear away from it, reaches `target` in the direction of `step`."""
    if least > -np.inf and step < 0 and height(least) <= target:
        return least
    inner, outer, share = (0.0, 0.0), None, target
    for _ in range(MAX_SEARCH):
        share = min(share, (least - centre) / step) if step < 0 else share
        reached = height(centre + share * step)
        if abs(reached - target) < CLOSE * target:
            break
        inner, outer = ((share, reached), outer) if reached < target else (inner, (share, reached))
        share = _between(inner, outer, target) if outer else share * min(max(target / max(reached, 0.1), 1.2), 3.0)
        if share > FAR:
            return float(np.copysign(np.inf, step))
    return centre + share * step


def _between(inner: tuple[float, float], outer: tuple[float, float], target: float) -> float:
    """Where the line through two points reaches `target`, kept away from both."""
    (a, low), (b, high) = inner, outer
    share = (target - low) / (high - low)
    return a + (b - a) * min(max(share, 0.02), 0.98)
