"""Correlations between m visits as functions of q parameters, with their derivatives (as in `structures.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from ..arrays import Array

TINY = 1e-100  # in place of a correlation of exactly zero, where one is divided by it
LARGEST = 0.9  # absolute correlation to start from at most
LEAST = 0.05  # eigenvalue of a matrix of correlations to start from at least


class Correlation(Protocol):
    """`matrix` (m, m), `slopes` (q, m, m) and `bend` (q, q) at parameters (q,), and parameters to start from.

    `matrix` raises LinAlgError unless it is positive definite.
    """

    def matrix(self, rho: Array) -> Array: ...
    def slopes(self, rho: Array) -> Array: ...
    def bend(self, rho: Array, weights: Array) -> Array: ...
    def start(self, typical: Array) -> Array: ...


@dataclass(frozen=True)
class Linear:
    """C = I + sum_k rho_k B_k, with the `basis` B (q, m, m) of zeros and ones."""

    basis: Array

    def _sum(self, rho: Array) -> Array:
        return np.asarray(np.eye(self.basis.shape[1]) + np.tensordot(rho, self.basis, 1))

    def matrix(self, rho: Array) -> Array:
        matrix = self._sum(rho)
        np.linalg.cholesky(matrix)
        return matrix

    def slopes(self, rho: Array) -> Array:  # noqa: ARG002
        return self.basis

    def bend(self, rho: Array, weights: Array) -> Array:  # noqa: ARG002
        return np.zeros((len(rho), len(rho)))

    def start(self, typical: Array) -> Array:
        rho = _means(self.basis, typical)
        while np.linalg.eigvalsh(self._sum(rho))[0] < LEAST:
            rho = 0.7 * rho
        return rho


@dataclass(frozen=True)
class Product:
    """C_ab = prod_k rho_k^E_kab, |rho_k| < 1, with whole `exponents` E (q, m, m)."""

    exponents: Array

    def matrix(self, rho: Array) -> Array:
        if np.any(np.abs(rho) >= 1):
            raise np.linalg.LinAlgError("a correlation is not below 1 in size")
        return np.asarray(np.prod(rho[:, None, None] ** self.exponents, axis=0))

    def slopes(self, rho: Array) -> Array:
        rho = np.where(rho == 0, TINY, rho)
        return np.asarray(self.exponents * self.matrix(rho) / rho[:, None, None])

    def bend(self, rho: Array, weights: Array) -> Array:
        rho = np.where(rho == 0, TINY, rho)
        slopes = (self.slopes(rho) * weights).reshape(len(rho), -1)
        pairs = slopes @ self.exponents.reshape(len(rho), -1).T
        return pairs / rho - np.diag(slopes.sum(axis=1) / rho)

    def start(self, typical: Array) -> Array:
        return _means(self.exponents, typical)


@dataclass(frozen=True)
class Decay:
    """C_ab = exp(-e^psi d_ab), d the distance of the (m,) `times` over its median; a correlation is never negative."""

    times: Array

    @cached_property
    def _distance(self) -> Array:
        distance = np.abs(np.subtract.outer(self.times, self.times))
        return np.asarray(distance / np.median(distance[distance > 0]))

    def matrix(self, rho: Array) -> Array:
        return np.asarray(np.exp(-np.exp(rho[0]) * self._distance))

    def slopes(self, rho: Array) -> Array:
        return np.asarray(-np.exp(rho[0]) * self._distance * self.matrix(rho))[None]

    def bend(self, rho: Array, weights: Array) -> Array:
        curved = self.slopes(rho)[0] * (1 - np.exp(rho[0]) * self._distance)
        return np.array([[np.sum(weights * curved)]])

    def start(self, typical: Array) -> Array:  # noqa: ARG002
        """A correlation of one half at the median distance."""
        return np.array([np.log(np.log(2.0))])


def _means(acting: Array, typical: Array) -> Array:
    """The typical correlation where each parameter acts alone, once."""
    alone = (acting == 1) & (acting.sum(axis=0) == 1)
    return np.asarray(np.clip([typical[mask].mean() for mask in alone], -LARGEST, LARGEST))
