"""Regression of a mean on columns by quasi-likelihood: a link and a variance function, by Fisher scoring."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from scipy import special

from ...errors import FitError
from ..arrays import Array
from ..basis import OrthogonalBasis
from ..generalised.links import Link

QuasiName = Literal["gaussian", "binomial", "poisson", "negative_binomial"]
ITERATIONS, HALVINGS = 60, 40
WORTH, STUCK = 1e-18, 1e-9  # shares of the deviance: what a last step is worth, and what rounding may keep it at
SLACK = 1e-12  # by which rounding may seem to raise the deviance


class Moments(NamedTuple):
    """Variance of an outcome as a function of its mean and theta, and the deviance of y from it; inf out of range."""

    variance: Callable[[Array, float], Array]
    deviance: Callable[[Array, Array, float], Array]
    guess: Callable[[Array], Array]


def _poisson_deviance(y: Array, mean: Array, _: float) -> Array:
    return 2 * np.asarray(special.xlogy(y, y) - special.xlogy(y, mean) - y + mean)


def _binomial_deviance(y: Array, mean: Array, _: float) -> Array:
    full = special.xlogy(y, y) + special.xlog1py(1 - y, -y)
    return 2 * np.asarray(full - special.xlogy(y, mean) - special.xlog1py(1 - y, -mean))


def _negative_binomial_deviance(y: Array, mean: Array, theta: float) -> Array:
    if np.isinf(theta):
        return _poisson_deviance(y, mean, theta)
    more = (y + theta) * np.log1p((y - mean) / (mean + theta))
    return 2 * np.asarray(special.xlogy(y, y) - special.xlogy(y, mean) - more)


MOMENTS: Mapping[QuasiName, Moments] = {
    "gaussian": Moments(lambda mean, _: np.ones_like(mean), lambda y, mean, _: (y - mean) ** 2, lambda y: y),
    "poisson": Moments(lambda mean, _: mean, _poisson_deviance, lambda y: y + 0.5),
    "binomial": Moments(lambda mean, _: mean * (1 - mean), _binomial_deviance, lambda y: (y + 0.5) / 2),
    "negative_binomial": Moments(
        lambda mean, theta: mean + mean**2 / theta, _negative_binomial_deviance, lambda y: y + 0.5
    ),
}
UPPER: Mapping[QuasiName, float] = {"gaussian": np.inf, "binomial": 1.0, "poisson": np.inf, "negative_binomial": np.inf}


@dataclass(frozen=True)
class MeanModel:
    """How the mean and variance of an outcome hang on its linear predictor; `theta` of the negative binomial."""

    name: QuasiName
    link: Link
    theta: float = np.inf

    def variance(self, mean: Array) -> Array:
        return MOMENTS[self.name].variance(mean, self.theta)

    def deviance(self, y: Array, mean: Array, weights: Array) -> float:
        """Infinite where a mean is out of its range."""
        low = -np.inf if self.name == "gaussian" else 0.0
        if not np.all((mean > low) & (mean < UPPER[self.name])):
            return np.inf
        return float(weights @ MOMENTS[self.name].deviance(y, mean, self.theta))

    def guess(self, y: Array) -> Array:
        """(n,) linear predictors near the outcomes."""
        near = MOMENTS[self.name].guess(y)
        return np.asarray(self.link.of(near if self.link.name == "identity" else np.maximum(near, near.mean() / 10)))


@dataclass(frozen=True)
class Data:
    """Outcomes (n,) or shares, an orthogonal basis of the columns, an offset (n,) and weights (n,)."""

    y: Array
    basis: OrthogonalBasis
    offset: Array
    weights: Array


@dataclass(frozen=True)
class QuasiFit:
    """Where Fisher scoring came to an end.

    Attributes
    ----------
    coefficients : (p,) of the basis
    eta, mean, slope : (n,) linear predictor, mean, and derivative of the mean by the linear predictor
    deviance : of the outcomes from the means
    converged : whether the last step was worth nothing
    """

    model: MeanModel
    data: Data
    coefficients: Array
    eta: Array
    mean: Array
    slope: Array
    deviance: float
    converged: bool = False

    @property
    def estimate(self) -> Array:
        """(p,) of the columns of the design."""
        return self.data.basis.transform @ self.coefficients

    @cached_property
    def variance(self) -> Array:
        """(n,) of the outcomes, but for the dispersion."""
        return self.model.variance(self.mean)

    @cached_property
    def weight(self) -> Array:
        """(n,) of each row in the information."""
        return np.asarray(self.data.weights * self.slope**2 / self.variance)

    @cached_property
    def pull(self) -> Array:
        """(n,) of each row on its linear predictor."""
        return np.asarray(self.data.weights * self.slope * (self.data.y - self.mean) / self.variance)

    @property
    def dispersion(self) -> float:
        """Pearson's chi-squared over its degrees of freedom, of single trials where outcomes are shares of several."""
        y, n = self.data.y, float(self.data.weights.sum())
        within = y * (1 - y) if self.model.name == "binomial" else 0.0
        squares = self.data.weights @ (((y - self.mean) ** 2 + within) / self.variance)
        return float(squares / (n - len(self.coefficients)))


def fit_quasi(model: MeanModel, data: Data, start: Array | None = None) -> QuasiFit:
    """Fit by Fisher scoring; steps that do not lower the deviance are halved.

    FitError where no coefficients were found whose means are in range.
    """
    fit, x = _first(model, data, start), data.basis.columns
    for _ in range(ITERATIONS):
        score = x.T @ fit.pull
        step = np.linalg.lstsq((x * fit.weight[:, None]).T @ x, score)[0]
        worth, better = float(step @ score), _halved(fit, step)
        fit = better or fit
        if better is None or worth <= WORTH * fit.deviance:
            break
    return replace(fit, converged=worth <= STUCK * fit.deviance)


def _first(model: MeanModel, data: Data, start: Array | None) -> QuasiFit:
    """The coefficients given, or those of least squares on a transformed outcome, or of equal means."""
    with np.errstate(all="ignore"):
        eta = model.guess(data.y) - data.offset
        candidates = [] if start is None else [start]
        candidates += [_least_squares(data, eta), _least_squares(data, np.full_like(eta, eta.mean()))]
        for coefficients in candidates:
            fit = evaluate(model, data, coefficients)
            if np.isfinite(fit.deviance):
                return fit
    raise FitError(
        f"no coefficients give means in the range of the {model.name} family with link {model.link.name!r}: use another"
        " link, or standardise risks from a logistic model"
    )


def _halved(fit: QuasiFit, step: Array) -> QuasiFit | None:
    """The fit after the step, or the largest half of a half ... of it that does not raise the deviance; or None."""
    with np.errstate(all="ignore"):
        for _ in range(HALVINGS):
            there = evaluate(fit.model, fit.data, fit.coefficients + step)
            if there.deviance <= fit.deviance * (1 + SLACK):
                return there
            step = step / 2
    return None


def evaluate(model: MeanModel, data: Data, coefficients: Array) -> QuasiFit:
    """The fit at given coefficients (p,) of the basis."""
    eta = data.basis.columns @ coefficients + data.offset
    mean, slope, *_ = model.link.inverse(eta)
    deviance = model.deviance(data.y, mean, data.weights)
    return QuasiFit(model, data, coefficients, eta, mean, slope, deviance)


def _least_squares(data: Data, target: Array) -> Array:
    root = np.sqrt(data.weights)
    return np.asarray(np.linalg.lstsq(data.basis.columns * root[:, None], target * root)[0])
