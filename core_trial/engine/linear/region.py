"""The likelihood about its maximum, as a function of all parameters of a mixed model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ..arrays import Array
from .lmm import LmmResult
from .profile import Likelihood

STEP = 1e-5  # of a parameter, for the curvature of the deviance
FLAT = 1e-6  # curvature below this share of the largest counts as this
AWAY = 0.3  # standard errors by which a second search sets out from the estimate


class Components(NamedTuple):
    """One (q, q) covariance a random term, as given, and the residual variance, on the scale of the data."""

    covariances: tuple[Array, ...]
    sigma2: float


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
        """A place near the centre where nothing is at the end of its range."""
        return np.asarray(self.centre + self.axes @ np.full(len(self.centre), AWAY))

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
