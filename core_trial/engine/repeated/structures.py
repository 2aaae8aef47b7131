"""Covariance structures over m visits: parameters theta <-> covariance, with its derivatives by theta.

Each structure knows three things: `covariance` (m, m); `slopes` (r, m, m), its first derivatives by the r parameters;
and `bend` (r, r), its second derivatives weighted by a matrix W (m, m) and summed, sum_ab W_ab d2 Sigma_ab.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal, NamedTuple, Protocol

import numpy as np
from scipy.linalg import block_diag

from ..arrays import Array
from .correlations import Correlation, Decay, Linear, Product

CovarianceName = Literal["us", "toep", "toeph", "ar1", "ar1h", "cs", "csh", "ad", "adh", "sp_exp"]
SOUND = 0.1  # eigenvalue that a correlation matrix to start from has at least


class Structure(Protocol):
    """`covariance` raises LinAlgError for a theta that gives no positive definite matrix."""

    def covariance(self, theta: Array) -> Array: ...
    def slopes(self, theta: Array) -> Array: ...
    def bend(self, theta: Array, weights: Array) -> Array: ...


class Started(NamedTuple):
    """A structure, and parameters to begin the search from."""

    structure: Structure
    theta: Array


@dataclass(frozen=True)
class Unstructured:
    """Any covariance Sigma = (F A)(F A)'; theta is the lower triangle of A, row by row; `frame` F is (m, m)."""

    frame: Array

    @cached_property
    def _units(self) -> Array:
        """(r, m, m) derivative of F A by each theta."""
        lower = np.tril_indices(len(self.frame))
        elements = np.zeros((len(lower[0]), *self.frame.shape))
        elements[np.arange(len(elements)), *lower] = 1.0
        return self.frame @ elements

    def _factor(self, theta: Array) -> Array:
        return np.tensordot(theta, self._units, 1)

    def covariance(self, theta: Array) -> Array:
        factor = self._factor(theta)
        return np.asarray(factor @ factor.T)

    def slopes(self, theta: Array) -> Array:
        half = self._units @ self._factor(theta).T
        return half + half.swapaxes(1, 2)

    def bend(self, theta: Array, weights: Array) -> Array:
        flat = (len(theta), -1)
        return 2 * self._units.reshape(flat) @ (weights @ self._units).reshape(flat).T


@dataclass(frozen=True)
class Correlated:
    """Sigma_ab = s_a s_b C_ab; theta are the h different log s, then the parameters of the correlations C.

    `deviations` (m, h) has a one where a visit has that standard deviation.
    """

    correlation: Correlation
    deviations: Array

    def _split(self, theta: Array) -> tuple[Array, Array]:
        """(m, m) products of two standard deviations, and the parameters of C."""
        h = self.deviations.shape[1]
        deviation = np.exp(self.deviations @ theta[:h])
        return np.outer(deviation, deviation), theta[h:]

    @cached_property
    def _both(self) -> Array:
        """(h, m, m) derivative of log s_a s_b."""
        return self.deviations.T[:, :, None] + self.deviations.T[:, None, :]

    def covariance(self, theta: Array) -> Array:
        scale, rho = self._split(theta)
        return scale * self.correlation.matrix(rho)

    def slopes(self, theta: Array) -> Array:
        scale, rho = self._split(theta)
        return np.concatenate([self._both * self.covariance(theta), scale * self.correlation.slopes(rho)])

    def bend(self, theta: Array, weights: Array) -> Array:
        scale, rho = self._split(theta)
        (h, *_), flat = self._both.shape, (-1, weights.size)
        by_deviation = (self._both * weights).reshape(flat) @ self.slopes(theta).reshape(flat).T
        bent = np.zeros((len(theta), len(theta)))
        bent[:h], bent[:, :h] = by_deviation, by_deviation.T
        bent[h:, h:] = self.correlation.bend(rho, weights * scale)
        return bent


@dataclass(frozen=True)
class Groups:
    """A structure for each group of subjects; levels and parameters follow each other."""

    parts: Sequence[Structure]
    sizes: Sequence[int]
    parameters: Sequence[int]

    def _slices(self, sizes: Sequence[int]) -> list[slice]:
        return [slice(a, b) for a, b in pairwise(np.cumsum([0, *sizes]).tolist())]

    def covariance(self, theta: Array) -> Array:
        thetas = [theta[s] for s in self._slices(self.parameters)]
        return np.asarray(block_diag(*[part.covariance(t) for part, t in zip(self.parts, thetas, strict=True)]))

    def slopes(self, theta: Array) -> Array:
        slopes = np.zeros((len(theta), sum(self.sizes), sum(self.sizes)))
        for part, s, m in zip(self.parts, self._slices(self.parameters), self._slices(self.sizes), strict=True):
            slopes[s, m, m] = part.slopes(theta[s])
        return slopes

    def bend(self, theta: Array, weights: Array) -> Array:
        slices = zip(self.parts, self._slices(self.parameters), self._slices(self.sizes), strict=True)
        return np.asarray(block_diag(*[part.bend(theta[s], weights[m, m]) for part, s, m in slices]))


class Kind(NamedTuple):
    """A structure in words, its correlations from the (m,) times of visits, and whether there is a variance for each.

    Where `correlation` is None, the covariance may be any.
    """

    words: str
    correlation: Callable[[Array], Correlation] | None
    heterogeneous: bool


def _lags(times: Array) -> Array:
    return np.abs(np.subtract.outer(np.arange(len(times)), np.arange(len(times))))


def _toeplitz(times: Array) -> Correlation:
    return Linear(np.equal.outer(np.arange(1, len(times)), _lags(times)).astype(float))


def _autoregressive(times: Array) -> Correlation:
    return Product(_lags(times)[None].astype(float))


def _compound_symmetric(times: Array) -> Correlation:
    return Linear(1 - np.eye(len(times))[None])


def _ante_dependent(times: Array) -> Correlation:
    """The steps that lie between two visits."""
    visit = np.arange(len(times))
    low, high = np.minimum.outer(visit, visit), np.maximum.outer(visit, visit)
    step = visit[:-1, None, None]
    return Product(((low <= step) & (step < high)).astype(float))


KINDS: Mapping[str, Kind] = {
    "us": Kind("unstructured", None, True),
    "toep": Kind("Toeplitz", _toeplitz, False),
    "toeph": Kind("heterogeneous Toeplitz", _toeplitz, True),
    "ar1": Kind("first-order autoregressive", _autoregressive, False),
    "ar1h": Kind("heterogeneous first-order autoregressive", _autoregressive, True),
    "cs": Kind("compound-symmetric", _compound_symmetric, False),
    "csh": Kind("heterogeneous compound-symmetric", _compound_symmetric, True),
    "ad": Kind("first-order ante-dependence", _ante_dependent, False),
    "adh": Kind("heterogeneous first-order ante-dependence", _ante_dependent, True),
    "sp_exp": Kind("spatial exponential", Decay, False),
}


def start_groups(name: str, times: Array, typical: Sequence[Array]) -> Started:
    """Structure `name` for each of the groups, near their `typical` covariances (m, m) of residuals."""
    started = [_start(KINDS[name], times, covariance) for covariance in typical]
    if len(started) == 1:
        return started[0]
    parts, thetas = zip(*started, strict=True)
    groups = Groups(parts, [len(times)] * len(parts), [len(theta) for theta in thetas])
    return Started(groups, np.concatenate(thetas))


def _start(kind: Kind, times: Array, typical: Array) -> Started:
    m, deviation = len(times), np.sqrt(np.diagonal(typical))
    scale = np.outer(deviation, deviation)
    correlation = np.divide(typical, scale, out=np.eye(m), where=scale > 0)
    if kind.correlation is None:
        return Started(Unstructured(np.linalg.cholesky(scale * _sound(correlation))), np.eye(m)[np.tril_indices(m)])
    structure = kind.correlation(times)
    log_deviation = np.log(deviation if kind.heterogeneous else [np.sqrt(np.mean(deviation**2))])
    theta = np.concatenate([log_deviation, structure.start(correlation)])
    return Started(Correlated(structure, np.eye(m) if kind.heterogeneous else np.ones((m, 1))), theta)


def _sound(correlation: Array) -> Array:
    """The matrix, or one near it that is well inside the positive definite."""
    values, axes = np.linalg.eigh(correlation)
    return np.asarray((axes * np.maximum(values, SOUND)) @ axes.T)
