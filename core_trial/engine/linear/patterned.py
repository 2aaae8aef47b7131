"""Covariance structures of random effects with fewer parameters than elements, and the covariance of any sign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import PlanError
from ..arrays import Array
from .covariance import SINGULAR, Stacked, Structure

PatternName = Literal["diag", "cs", "csh", "ar1", "ar1h"]
TYPICAL = 0.9  # correlation to start from at most, as a share of its range
EDGE = 1e-4  # share of its limit that a negative variance keeps away from it
LOGARITHMIC = 0.5  # slope of a deviance by the logarithm of a distance, which is 1 at least where it has no minimum
TINY = 1e-8  # in place of a standard deviation of exactly zero


class Pattern(NamedTuple):
    """A structure in words, whether each effect has a variance of its own, and how the correlation depends on the lag.

    Where `exponent` is None the effects are independent; else they correlate by rho^lag ("lag") or by rho ("one").
    """

    words: str
    heterogeneous: bool
    exponent: Literal["lag", "one"] | None


PATTERNS: Mapping[str, Pattern] = {
    "diag": Pattern("independent", True, None),
    "cs": Pattern("compound-symmetric", False, "one"),
    "csh": Pattern("heterogeneous compound-symmetric", True, "one"),
    "ar1": Pattern("first-order autoregressive", False, "lag"),
    "ar1h": Pattern("heterogeneous first-order autoregressive", True, "lag"),
}


@dataclass(frozen=True)
class Patterned:
    """G_ab = tau_a tau_b rho^e, e = 0 where a = b, and 1 or the lag |a - b| elsewhere.

    theta are t and psi: the h different tau are t, or t^2 where signs would matter, and rho is the middle of its range
    (`lowest`, 1) plus half its width times sin psi. A variance of zero and a correlation at the end of its range are
    then ordinary minima. gamma are the different elements of G.

    Attributes
    ----------
    basis : (r, q, q) of zeros and ones, the places of each element
    left, right : (r, h) which tau are multiplied
    exponent : (r,) e
    lowest : the least rho of a covariance matrix
    power : 1, or 2 where tau is t^2
    """

    basis: Array
    left: Array
    right: Array
    exponent: Array
    lowest: float
    power: int

    @property
    def parameters(self) -> int:
        return self._deviations + bool(self.exponent.any())

    @property
    def _deviations(self) -> int:
        return int(self.left.shape[1])

    def _natural(self, theta: Array) -> tuple[Array, Array]:
        """tau (..., h) and rho (..., 0 or 1)."""
        t, psi = np.split(theta, [self._deviations], axis=-1)
        return t**self.power, (1 + self.lowest) / 2 + (1 - self.lowest) / 2 * np.sin(psi)

    def _steps(self, theta: Array) -> tuple[Array, Array]:
        """(..., s) first and second derivatives of each of (tau, rho) by its own element of theta."""
        t, psi = np.split(theta, [self._deviations], axis=-1)
        half, k = (1 - self.lowest) / 2, self.power
        first = np.concatenate([k * t ** (k - 1), half * np.cos(psi)], axis=-1)
        return first, np.concatenate([np.full_like(t, k * (k - 1)), -half * np.sin(psi)], axis=-1)

    def _powers(self, rho: Array) -> tuple[Array, Array, Array]:
        """(..., r) rho^e and its first and second derivatives."""
        rho = rho if rho.shape[-1] else np.ones((*rho.shape[:-1], 1))
        e = self.exponent
        return rho**e, e * rho ** np.maximum(e - 1, 0), e * (e - 1) * rho ** np.maximum(e - 2, 0)

    def gamma(self, theta: Array) -> Array:
        tau, rho = self._natural(theta)
        return np.asarray((tau @ self.left.T) * (tau @ self.right.T) * self._powers(rho)[0])

    def _slopes(self, tau: Array, rho: Array) -> Array:
        """(..., r, s) derivative of gamma by (tau, rho)."""
        a, b = tau @ self.left.T, tau @ self.right.T
        power, slope, _ = self._powers(rho)
        by_tau = (self.left * b[..., None] + self.right * a[..., None]) * power[..., None]
        return np.concatenate([by_tau, (a * b * slope)[..., None]], axis=-1)[..., : self.parameters]

    def _bends(self, tau: Array, rho: Array) -> Array:
        """(..., r, s, s) second derivative of gamma by (tau, rho)."""
        a, b, h = tau @ self.left.T, tau @ self.right.T, self._deviations
        power, slope, bend = self._powers(rho)
        pairs = self.left[:, :, None] * self.right[:, None]
        bent = np.empty((*power.shape, h + 1, h + 1))
        bent[..., :h, :h] = (pairs + pairs.mT) * power[..., None, None]
        bent[..., :h, h] = (self.left * b[..., None] + self.right * a[..., None]) * slope[..., None]
        bent[..., h, :h] = bent[..., :h, h]
        bent[..., h, h] = a * b * bend
        return bent[..., : self.parameters, : self.parameters]

    def jacobian(self, theta: Array) -> Array:
        return np.asarray(self._slopes(*self._natural(theta)) * self._steps(theta)[0][..., None, :])

    def bend(self, theta: Array, weights: Array) -> Array:
        natural, (first, second) = self._natural(theta), self._steps(theta)
        bent = np.einsum("...g,...gst->...st", weights, self._bends(*natural))
        straight = np.einsum("...g,...gs->...s", weights, self._slopes(*natural)) * second
        outer = first[..., None] * first[..., None, :]
        return np.asarray(bent * outer + straight[..., None] * np.eye(self.parameters))

    def _inside(self, theta: Array) -> tuple[Array, Array]:
        tau, rho = self._natural(theta)
        return np.where(np.abs(tau) < TINY, TINY, tau), rho

    @property
    def _linear(self) -> bool:
        """Whether any elements are possible, so that they can be parameters themselves."""
        return self.parameters == len(self.basis)

    def tangent(self, theta: Array) -> Array:
        if self._linear:
            return np.broadcast_to(np.eye(self.parameters), (*theta.shape, self.parameters))
        return self._slopes(*self._inside(theta))

    def tangent_bend(self, theta: Array) -> Array:
        bends = self._bends(*self._inside(theta))
        return np.zeros_like(bends) if self._linear else bends

    def nearest(self, gamma: Array, least: float) -> Array:
        own, first = self.exponent == 0, self.exponent == 1
        variance = gamma[..., own] @ self.left[own]
        tau = np.sqrt(np.maximum(variance, least**2))
        t = tau ** (1 / self.power)
        if not self.exponent.any():
            return np.asarray(t)
        ratios = gamma[..., first] / ((tau @ self.left[first].T) * (tau @ self.right[first].T))
        place = (2 * ratios.mean(axis=-1, keepdims=True) - 1 - self.lowest) / (1 - self.lowest)
        return np.concatenate([t, np.arcsin(np.clip(place, -TYPICAL, TYPICAL))], axis=-1)

    def factor(self, theta: Array) -> Array:
        values, axes = np.linalg.eigh(np.tensordot(self.gamma(theta), self.basis, 1))
        return np.asarray(axes * np.sqrt(np.maximum(values, 0))[..., None, :])

    def on_boundary(self, theta: Array) -> NDArray[np.bool_]:
        t, psi = np.split(theta, [self._deviations], axis=-1)
        small = np.concatenate([np.abs(t**self.power), np.abs(np.cos(psi))], axis=-1) < SINGULAR
        return np.asarray(small.any(axis=-1))

    def reframed(self, theta: Array, frame: Array) -> tuple[Structure, Array]:  # noqa: ARG002
        return self, theta


def patterned(name: PatternName, q: int) -> Patterned:
    """The structure `name` of q effects in order."""
    _, heterogeneous, exponent = PATTERNS[name]
    a, b = np.tril_indices(q)
    lag = a - b
    if exponent is None:
        a, b, lag = a[lag == 0], b[lag == 0], lag[lag == 0]
    e = np.minimum(lag, 1) if exponent == "one" else lag
    element = np.arange(len(a)) if heterogeneous else e
    basis = np.zeros((element.max() + 1, q, q))
    basis[element, a, b] = basis[element, b, a] = 1.0
    first = np.unique(element, return_index=True)[1]
    which = np.eye(q) if heterogeneous else np.ones((q, 1))
    return Patterned(
        basis=basis,
        left=which[a[first]],
        right=which[b[first]],
        exponent=e[first].astype(float),
        lowest=-1.0 if exponent == "lag" else -1 / (q - 1),
        power=2 if heterogeneous and exponent else 1,
    )


@dataclass(frozen=True)
class AnySign:
    """A variance of one random effect that may be negative, from near `limit` on: gamma = limit (1 - EDGE - theta^2).

    At `limit`, minus one over the largest sum of squares in a level, the rows' covariance is not positive definite any
    more. The end of the range, where theta is zero, is an ordinary minimum.
    """

    limit: float

    @cached_property
    def basis(self) -> Array:
        return np.ones((1, 1, 1))

    @property
    def parameters(self) -> int:
        return 1

    def gamma(self, theta: Array) -> Array:
        return self.limit * (1 - EDGE - theta**2)

    def jacobian(self, theta: Array) -> Array:
        return -2 * self.limit * theta[..., None]

    def bend(self, theta: Array, weights: Array) -> Array:  # noqa: ARG002
        return -2 * self.limit * weights[..., None]

    def tangent(self, theta: Array) -> Array:
        return np.ones((*theta.shape, 1))

    def tangent_bend(self, theta: Array) -> Array:
        return np.zeros((*theta.shape, 1, 1))

    def nearest(self, gamma: Array, least: float) -> Array:
        inside = np.where(gamma == 0, least**2, np.maximum(gamma, TYPICAL * self.limit))
        return np.sqrt(1 - EDGE - inside / self.limit)

    def factor(self, theta: Array) -> Array:
        gamma = self.gamma(theta)
        if np.any(gamma < 0):
            raise PlanError(
                "the variance is negative: no random effects have it, and there is nothing to draw them from"
            )
        return np.sqrt(gamma)[..., None]

    def on_boundary(self, theta: Array) -> NDArray[np.bool_]:
        return np.asarray(np.abs(theta[..., 0]) < SINGULAR)

    def endless(self, theta: Array, gradient: Array) -> NDArray[np.bool_]:
        """Whether a deviance of this `gradient` by gamma falls, as the logarithm of the distance, up to `limit`."""
        return self.on_boundary(theta) & (((self.gamma(theta) - self.limit) * gradient)[..., 0] > LOGARITHMIC)

    def reframed(self, theta: Array, frame: Array) -> tuple[Structure, Array]:  # noqa: ARG002
        return self, theta


def endless(structure: Stacked, theta: Array, gradient: Array) -> NDArray[np.bool_]:
    """Whether a deviance of this `gradient` by gamma has no minimum; a variance of any sign is a model's only one."""
    alone = structure.parts[0]
    return alone.endless(theta, gradient) if isinstance(alone, AnySign) else np.zeros(theta.shape[:-1], bool)
