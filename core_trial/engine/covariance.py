"""Covariance structures of random effects: parameters theta <-> distinct elements gamma of the covariance matrix.

theta may have leading axes, of many fits at once; so then has what comes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from .arrays import Array, Codes


@dataclass(frozen=True)
class Unstructured:
    """Any covariance matrix G = F L L'F' of q random effects; theta is the lower triangle of L, row by row.

    gamma is the lower triangle of G, so that G = sum_r gamma_r B_r with the `basis` B.
    L may have any signs on its diagonal: a variance on its boundary is then an ordinary minimum at zero.

    Attributes
    ----------
    size : q
    frame : F (q, q), the coordinates in which L is triangular
    """

    size: int
    frame: Array

    @cached_property
    def _lower(self) -> tuple[Codes, Codes]:
        return np.tril_indices(self.size)

    @cached_property
    def _elements(self) -> Array:
        """(r, q, q) a one in each place of the lower triangle."""
        elements = np.zeros((len(self._lower[0]), self.size, self.size))
        elements[np.arange(len(elements)), *self._lower] = 1.0
        return elements

    @cached_property
    def _units(self) -> Array:
        """(r, q, q) derivative of F L by each theta."""
        return self.frame @ self._elements

    @cached_property
    def basis(self) -> Array:
        """(r, q, q) derivative of G by each gamma."""
        return np.maximum(self._elements, self._elements.swapaxes(1, 2))

    def theta(self, factor: Array) -> Array:
        """theta of the covariance A A', where `factor` A (q, q) need not be triangular."""
        lower = np.asarray(np.linalg.qr(np.linalg.solve(self.frame, factor).mT, mode="r")).mT
        signs = np.where(np.diagonal(lower, axis1=-2, axis2=-1) < 0, -1.0, 1.0)
        return np.asarray((lower * signs[..., None, :])[..., *self._lower])

    def nearest(self, gamma: Array, least: float) -> Array:
        """theta of the covariance nearest to `gamma` among those with no standard deviation below `least`."""
        values, axes = np.linalg.eigh(np.einsum("r,rab->ab", gamma, self.basis))
        return self.theta(axes * np.sqrt(np.maximum(values, least**2)))

    def factor(self, theta: Array) -> Array:
        """F L, (q, q)."""
        return np.tensordot(theta, self._units, 1)

    def gamma(self, theta: Array) -> Array:
        factor = self.factor(theta)
        return np.asarray((factor @ factor.mT)[..., *self._lower])

    def jacobian(self, theta: Array) -> Array:
        """(r, r) derivative of gamma (rows) by theta (columns)."""
        half = self._units @ self.factor(theta)[..., None, :, :].mT
        return np.asarray((half + half.mT)[..., *self._lower].mT)

    @cached_property
    def curvature(self) -> Array:
        """(r, r, r) second derivative of gamma (first axis) by theta, the same everywhere."""
        half = self._units[:, None] @ self._units.swapaxes(1, 2)
        return np.moveaxis((half + half.swapaxes(2, 3))[:, :, *self._lower], 2, 0)


@dataclass(frozen=True)
class Stacked:
    """Independent structures side by side; their theta and gamma follow each other."""

    parts: Sequence[Unstructured]

    @cached_property
    def _slices(self) -> list[slice]:
        ends = np.cumsum([0] + [len(part.basis) for part in self.parts]).tolist()
        return [slice(a, b) for a, b in pairwise(ends)]

    @property
    def size(self) -> int:
        """Number of parameters."""
        return int(self._slices[-1].stop)

    def nearest(self, gamma: Array, least: float) -> Array:
        blocks = zip(self.parts, self.split(gamma), strict=True)
        return np.concatenate([part.nearest(g, least) for part, g in blocks])

    def theta(self, factors: Sequence[Array]) -> Array:
        """theta of the covariances A A' of the `factors` A, one (q, q) a part."""
        return np.concatenate([part.theta(factor) for part, factor in zip(self.parts, factors, strict=True)], axis=-1)

    def factors(self, theta: Array) -> list[Array]:
        return [part.factor(t) for part, t in zip(self.parts, self.split(theta), strict=True)]

    def split(self, vector: Array) -> list[Array]:
        """The share of each part in a theta or gamma."""
        return [vector[..., s] for s in self._slices]

    def gamma(self, theta: Array) -> Array:
        return np.concatenate([part.gamma(t) for part, t in zip(self.parts, self.split(theta), strict=True)], axis=-1)

    def jacobian(self, theta: Array) -> Array:
        jacobian = np.zeros((*theta.shape, self.size))
        for part, s in zip(self.parts, self._slices, strict=True):
            jacobian[..., s, s] = part.jacobian(theta[..., s])
        return jacobian

    @cached_property
    def curvature(self) -> Array:
        curvature = np.zeros((self.size, self.size, self.size))
        for part, s in zip(self.parts, self._slices, strict=True):
            curvature[s, s, s] = part.curvature
        return curvature
