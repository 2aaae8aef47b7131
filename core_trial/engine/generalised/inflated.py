"""Zero inflation: a share pi of the rows is zero for certain, the others have a density of counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

from ..arrays import Array
from .density import ByParameter, Density


@dataclass(frozen=True)
class ZeroInflated:
    """log(pi + (1 - pi) f(0)) where y = 0, log(1 - pi) + log f(y) elsewhere; the parameter is zeta = logit pi.

    With q the probability that a zero is one of f, q = expit(log f(0) - zeta), dq = q (1 - q) dlog f.

    Attributes
    ----------
    counts : the density f
    zeta : of a shape that goes with its eta
    zero : (n,) whether y = 0
    """

    counts: Density
    zeta: Array
    zero: Array

    @cached_property
    def _q(self) -> Array:
        """The probability that a row is one of f, given its outcome."""
        return np.where(self.zero, special.expit(self.counts.value - self.zeta), 1.0)

    @cached_property
    def _spread(self) -> tuple[Array, Array]:
        """q (1 - q), and its derivative by log f."""
        q = self._q
        return q * (1 - q), q * (1 - q) * (1 - 2 * q)

    @cached_property
    def value(self) -> Array:
        both = np.logaddexp(special.log_expit(self.zeta), special.log_expit(-self.zeta) + self.counts.value)
        return np.asarray(np.where(self.zero, both, special.log_expit(-self.zeta) + self.counts.value))

    @cached_property
    def score(self) -> Array:
        return self._q * self.counts.score

    @cached_property
    def weight(self) -> Array:
        return np.asarray(self._q * self.counts.weight - self._spread[0] * self.counts.score**2)

    @cached_property
    def bend(self) -> Array:
        (first, second), f = self._spread, self.counts
        return np.asarray(self._q * f.bend + 3 * first * f.score * f.weight - second * f.score**3)

    @cached_property
    def others(self) -> tuple[ByParameter, ...]:
        (first, second), f = self._spread, self.counts
        inflation = ByParameter(
            value=np.where(self.zero, special.expit(-self.zeta) - self._q, -special.expit(self.zeta)),
            score=np.asarray(-first * f.score),
            weight=np.asarray(second * f.score**2 - first * f.weight),
        )
        return (*map(self._mixed, f.others), inflation)

    def _mixed(self, other: ByParameter) -> ByParameter:
        (first, second), f = self._spread, self.counts
        bent = first * (f.weight * other.value - 2 * f.score * other.score)
        return ByParameter(
            value=self._q * other.value,
            score=np.asarray(self._q * other.score + first * f.score * other.value),
            weight=np.asarray(self._q * other.weight + bent - second * f.score**2 * other.value),
        )
