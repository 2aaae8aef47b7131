"""Poisson, binomial and negative binomial densities, and those by their mean for any link."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

from ..arrays import Array
from .density import At, ByParameter
from .gamma_ratio import digamma_rise, log_rise, polygamma_rise
from .links import Link


class PoissonLog(At):
    """y eta - mu, mu = exp(eta)."""

    @cached_property
    def weight(self) -> Array:
        return np.exp(self.eta)

    @property
    def bend(self) -> Array:
        return self.weight

    @cached_property
    def value(self) -> Array:
        return np.asarray(self.rows.y * self.eta - self.weight)

    @cached_property
    def score(self) -> Array:
        return np.asarray(self.rows.y - self.weight)


class BinomialLogit(At):
    """y eta - m log(1 + exp(eta)) of m trials."""

    @cached_property
    def _p(self) -> Array:
        return np.asarray(special.expit(self.eta))

    @cached_property
    def value(self) -> Array:
        return np.asarray(self.rows.y * self.eta - self.rows.trials * np.logaddexp(0.0, self.eta))

    @cached_property
    def score(self) -> Array:
        return np.asarray(self.rows.y - self.rows.trials * self._p)

    @cached_property
    def weight(self) -> Array:
        return np.asarray(self.rows.trials * self._p * special.expit(-self.eta))

    @cached_property
    def bend(self) -> Array:
        return np.asarray(self.weight * (1 - 2 * self._p))


class NegativeBinomial2(At):
    """Variance mu + mu^2 / theta, log link; the parameter is phi = log theta. p = mu / (mu + theta)."""

    @cached_property
    def _theta(self) -> Array:
        return np.exp(self.parameters[0])

    @cached_property
    def _p(self) -> Array:
        return np.asarray(special.expit(self.eta - self.parameters[0]))

    @cached_property
    def _log_more(self) -> Array:
        """log(1 + mu / theta)."""
        return np.logaddexp(0.0, self.eta - self.parameters[0])

    @cached_property
    def value(self) -> Array:
        y = self.rows.y
        return np.asarray(log_rise(self._theta, y) + y * self.eta - (y + self._theta) * self._log_more)

    @cached_property
    def score(self) -> Array:
        return np.asarray(self.rows.y - (self.rows.y + self._theta) * self._p)

    @cached_property
    def weight(self) -> Array:
        return np.asarray((self.rows.y + self._theta) * self._p * (1 - self._p))

    @cached_property
    def bend(self) -> Array:
        return np.asarray(self.weight * (1 - 2 * self._p))

    @cached_property
    def others(self) -> tuple[ByParameter, ...]:
        theta, p = self._theta, self._p
        rise = theta * (digamma_rise(theta, self.rows.y) - self._log_more)
        return (
            ByParameter(
                value=np.asarray(rise - self.score),
                score=np.asarray(self.weight - theta * p),
                weight=np.asarray(theta * p * (1 - p) - self.bend),
            ),
        )


class NegativeBinomial1(At):
    """Variance mu (1 + alpha), log link; the parameter is log alpha. r = mu / alpha."""

    @cached_property
    def _alpha(self) -> Array:
        return np.exp(self.parameters[0])

    @cached_property
    def _r(self) -> Array:
        return np.exp(self.eta - self.parameters[0])

    @cached_property
    def _rises(self) -> tuple[Array, Array, Array]:
        """r (psi(r + y) - psi(r) - log(1 + alpha)), and r^2, r^3 times the differences of its derivatives."""
        r, y = self._r, self.rows.y
        first = r * (digamma_rise(r, y) - np.log1p(self._alpha))
        return np.asarray(first), r**2 * polygamma_rise(1, r, y), r**3 * polygamma_rise(2, r, y)

    @cached_property
    def value(self) -> Array:
        y, alpha = self.rows.y, self._alpha
        return np.asarray(log_rise(self._r, y) + y * self.eta - (y + self._r) * np.log1p(alpha))

    @property
    def score(self) -> Array:
        return self._rises[0]

    @cached_property
    def weight(self) -> Array:
        return np.asarray(-self._rises[0] - self._rises[1])

    @cached_property
    def bend(self) -> Array:
        first, second, third = self._rises
        return np.asarray(-first - 3 * second - third)

    @cached_property
    def others(self) -> tuple[ByParameter, ...]:
        p = self._alpha / (1 + self._alpha)
        return (
            ByParameter(
                value=np.asarray(self.rows.y * (1 - p) - self._r * p - self.score),
                score=np.asarray(self.weight - self._r * p),
                weight=np.asarray(self._r * p - self.bend),
            ),
        )


@dataclass(frozen=True)
class ByMean(At):
    """A density given by its mean mu (a share, for binomial outcomes), eta = link(mu); -inf where mu cannot be.

    Attributes
    ----------
    link : with mu and its derivatives as functions of eta
    """

    link: Link

    @cached_property
    def mean(self) -> tuple[Array, Array, Array, Array]:
        return self.link.inverse(self.eta)

    @property
    def by_mean(self) -> tuple[Array, Array, Array, Array]:
        """log f and three derivatives of it by mu."""
        raise NotImplementedError

    @cached_property
    def _derivatives(self) -> tuple[Array, Array, Array, Array]:
        return self.by_mean

    @property
    def value(self) -> Array:
        return self._derivatives[0]

    @cached_property
    def score(self) -> Array:
        return self._derivatives[1] * self.mean[1]

    @cached_property
    def weight(self) -> Array:
        (_, f1, f2, _), (_, m1, m2, _) = self._derivatives, self.mean
        return np.asarray(-f2 * m1**2 - f1 * m2)

    @cached_property
    def bend(self) -> Array:
        (_, f1, f2, f3), (_, m1, m2, m3) = self._derivatives, self.mean
        return np.asarray(-f3 * m1**3 - 3 * f2 * m1 * m2 - f1 * m3)


class PoissonMean(ByMean):
    """y log mu - mu."""

    @property
    def by_mean(self) -> tuple[Array, Array, Array, Array]:
        y, mu = self.rows.y, np.where(self.mean[0] > 0, self.mean[0], np.nan)
        value = np.where(self.mean[0] > 0, special.xlogy(y, mu) - mu, -np.inf)
        return value, y / mu - 1, -y / mu**2, 2 * y / mu**3


class BinomialMean(ByMean):
    """y log mu + (m - y) log(1 - mu)."""

    @property
    def by_mean(self) -> tuple[Array, Array, Array, Array]:
        inside = (self.mean[0] > 0) & (self.mean[0] < 1)
        y, rest, mu = self.rows.y, self.rows.trials - self.rows.y, np.where(inside, self.mean[0], np.nan)
        value = np.where(inside, special.xlogy(y, mu) + special.xlog1py(rest, -mu), -np.inf)
        of, others = 1 / mu, 1 / (1 - mu)
        return value, y * of - rest * others, -y * of**2 - rest * others**2, 2 * (y * of**3 - rest * others**3)


class BetaBinomial(ByMean):
    """mu of each group of m trials is Beta(mu s, (1 - mu) s); the parameter is log s."""

    @cached_property
    def _s(self) -> Array:
        return np.exp(self.parameters[0])

    @cached_property
    def _shapes(self) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """The two shapes of the beta, each with the outcomes that add to it; none is zero but for rounding."""
        p, q, y = special.expit(self.eta), special.expit(-self.eta), self.rows.y
        return (np.maximum(self._s * p, 1e-300), y), (np.maximum(self._s * q, 1e-300), self.rows.trials - y)

    def _rise(self, order: int) -> tuple[Array, Array]:
        (a, y), (b, rest) = self._shapes
        if order == 0:
            return digamma_rise(a, y), digamma_rise(b, rest)
        return polygamma_rise(order, a, y), polygamma_rise(order, b, rest)

    @cached_property
    def by_mean(self) -> tuple[Array, Array, Array, Array]:
        (a, y), (b, rest) = self._shapes
        s, ratio = self._s, log_rise(a, y) + log_rise(b, rest) + y * np.log(a) + rest * np.log(b)
        value = ratio - log_rise(s, y + rest) - (y + rest) * np.log(s)
        (a0, b0), (a1, b1), (a2, b2) = (self._rise(order) for order in range(3))
        return value, s * (a0 - b0), s**2 * (a1 + b1), s**3 * (a2 - b2)

    @cached_property
    def others(self) -> tuple[ByParameter, ...]:
        (a, y), (b, rest), s = *self._shapes, self._s
        (a0, b0), (a1, b1), (a2, b2) = (self._rise(order) for order in range(3))
        _, m1, m2, _ = self.mean
        slope = s * (a0 - b0) + s * (a * a1 - b * b1)
        curvature = s**2 * (2 * (a1 + b1) + a * a2 + b * b2)
        value = a * a0 + b * b0 - s * digamma_rise(s, y + rest)
        return (ByParameter(np.asarray(value), slope * m1, np.asarray(-curvature * m1**2 - slope * m2)),)
