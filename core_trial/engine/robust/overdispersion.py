"""Maximum likelihood of a negative binomial regression: the variance is mean + mean^2 / theta."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize_scalar

from ...errors import FitError
from ..arrays import Array
from ..generalised.densities import NegativeBinomial2, PoissonLog
from ..generalised.density import Rows
from .quasi_likelihood import Data, MeanModel, QuasiFit, fit_quasi

LEAST = -9.0  # log theta at which a grid begins, or of theta over the mean outcome where that is less
MOST = 15.0  # log of theta over the mean outcome at which it ends: the Poisson limit
APART = 3.0  # distance of two points of a grid
RISE = 1e-6  # of the log-likelihood over that of the Poisson limit, below which theta is infinite


@dataclass(frozen=True)
class Overdispersed:
    """The fit at the theta of most likelihood, infinite where that is the Poisson limit; `log_likelihood` of it."""

    fit: QuasiFit
    log_likelihood: float

    @property
    def theta(self) -> float:
        return self.fit.model.theta


def fit_negative_binomial(model: MeanModel, data: Data, limit: QuasiFit) -> Overdispersed:
    """Maximise the profile likelihood of log theta: over a grid, as it may have two maxima, then by Brent's method.

    `limit` is the Poisson fit. FitError where the likelihood rises as theta falls to zero.
    """
    poisson = log_likelihood(limit)

    def at(phi: float) -> QuasiFit:
        return fit_quasi(replace(model, theta=float(np.exp(phi))), data, limit.coefficients)

    mean = np.log(data.weights @ data.y / data.weights.sum())
    grid = np.arange(mean + MOST, min(mean, 0.0) + LEAST - APART, -APART)[::-1]
    values = np.array([log_likelihood(at(phi)) for phi in grid])
    best = int(values.argmax())
    if best == 0:
        raise FitError("theta runs to zero: the counts vary more than a negative binomial allows; look for outliers")
    if best == len(grid) - 1:
        return Overdispersed(limit, poisson)
    ends = (grid[best - 1], grid[best + 1])
    found = minimize_scalar(
        lambda phi: -log_likelihood(at(phi)), bounds=ends, method="bounded", options={"xatol": 1e-9}
    )
    if -found.fun <= poisson + RISE:
        return Overdispersed(limit, poisson)
    fit = at(float(found.x))
    return Overdispersed(fit, log_likelihood(fit))


def log_likelihood(fit: QuasiFit) -> float:
    """Of a Poisson or negative binomial fit, without the terms that depend on the counts alone."""
    y, eta = fit.data.y, np.log(fit.mean)
    rows = Rows(y, np.ones_like(y))
    if np.isinf(fit.model.theta):
        return float(fit.data.weights @ PoissonLog(eta, (), rows).value)
    theta: tuple[Array, ...] = (np.asarray(np.log(fit.model.theta)),)
    return float(fit.data.weights @ NegativeBinomial2(eta, theta, rows).value)
