"""Covariance structures of random effects: parameters theta <-> distinct elements gamma of the covariance matrix.

theta may have leading axes, of many fits at once; so then has what comes out. `patterned.py` has the structures with
fewer parameters than elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, Codes, combine

SINGULAR = 1e-4  # a relative standard deviation below this is on its boundary; lme4 uses the same


class Structure(Protocol):
    """A covariance matrix G = sum_g gamma_g B_g of q random effects, as a function of s parameters theta.

    Attributes
    ----------
    basis : (r, q, q) B
    parameters : s
    """

    @property
    def basis(self) -> Array: ...
    @property
    def parameters(self) -> int: ...

    def gamma(self, theta: Array) -> Array:
        """(r,)"""
        ...

    def jacobian(self, theta: Array) -> Array:
        """(r, s) derivative of gamma by theta."""
        ...

    def bend(self, theta: Array, weights: Array) -> Array:
        """(s, s) second derivative of gamma by theta, times `weights` (r,) and summed."""
        ...

    def tangent(self, theta: Array) -> Array:
        """(r, s) the directions in which gamma can move, on the boundary too: derivative by parameters of its own."""
        ...

    def tangent_bend(self, theta: Array) -> Array:
        """(r, s, s) second derivative of gamma by these parameters."""
        ...

    def nearest(self, gamma: Array, least: float) -> Array:
        """theta of a covariance near to `gamma` with no standard deviation below `least`."""
        ...

    def factor(self, theta: Array) -> Array:
        """(q, q) A, G = A A'."""
        ...

    def on_boundary(self, theta: Array) -> NDArray[np.bool_]:
        """Whether G is singular."""
        ...

    def reframed(self, theta: Array, frame: Array) -> tuple[Structure, Array]:
        """The structure with the same gamma, and theta, that belong to effects F times these."""
        ...


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

    @property
    def parameters(self) -> int:
        return len(self.basis)

    def theta(self, factor: Array) -> Array:
        """theta of the covariance A A', where `factor` A (q, q) need not be triangular."""
        lower = np.asarray(np.linalg.qr(np.linalg.solve(self.frame, factor).mT, mode="r")).mT
        signs = np.where(np.diagonal(lower, axis1=-2, axis2=-1) < 0, -1.0, 1.0)
        return np.asarray((lower * signs[..., None, :])[..., *self._lower])

    def nearest(self, gamma: Array, least: float) -> Array:
        values, axes = np.linalg.eigh(combine(gamma, self.basis))
        return self.theta(axes * np.sqrt(np.maximum(values, least**2))[..., None, :])

    def factor(self, theta: Array) -> Array:
        """F L, (q, q)."""
        return combine(theta, self._units)

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

    def bend(self, theta: Array, weights: Array) -> Array:  # noqa: ARG002
        return combine(weights, self.curvature)

    def tangent(self, theta: Array) -> Array:
        return np.broadcast_to(np.eye(self.parameters), (*theta.shape, self.parameters))

    def tangent_bend(self, theta: Array) -> Array:
        return np.zeros((*theta.shape, self.parameters, self.parameters))

    def on_boundary(self, theta: Array) -> NDArray[np.bool_]:
        diagonal = np.abs(np.diagonal(self.factor(theta), axis1=-2, axis2=-1))
        return np.asarray(np.any(diagonal < SINGULAR, axis=-1))

    def reframed(self, theta: Array, frame: Array) -> tuple[Structure, Array]:
        other = Unstructured(self.size, np.linalg.inv(frame))
        return other, other.theta(self.factor(theta))


@dataclass(frozen=True)
class Stacked:
    """Independent structures side by side; their theta and gamma follow each other."""

    parts: Sequence[Structure]

    @cached_property
    def _thetas(self) -> list[slice]:
        return _consecutive([part.parameters for part in self.parts])

    @cached_property
    def _gammas(self) -> list[slice]:
        return _consecutive([len(part.basis) for part in self.parts])

    @property
    def size(self) -> int:
        """Number of parameters."""
        return int(self._thetas[-1].stop)

    @property
    def elements(self) -> int:
        """Length of gamma."""
        return int(self._gammas[-1].stop)

    @property
    def curved(self) -> bool:
        """Whether a part has fewer parameters than elements, of which they are no linear functions."""
        return self.size < self.elements

    def nearest(self, gamma: Array, least: float) -> Array:
        blocks = zip(self.parts, self._gammas, strict=True)
        return np.concatenate([part.nearest(gamma[..., s], least) for part, s in blocks], axis=-1)

    def factors(self, theta: Array) -> list[Array]:
        return [part.factor(t) for part, t in zip(self.parts, self.split(theta), strict=True)]

    def covariances(self, theta: Array) -> list[Array]:
        """One (q, q) a part."""
        gammas = [part.gamma(t) for part, t in zip(self.parts, self.split(theta), strict=True)]
        return [combine(gamma, part.basis) for part, gamma in zip(self.parts, gammas, strict=True)]

    def split(self, vector: Array) -> list[Array]:
        """The share of each part in a theta."""
        return [vector[..., s] for s in self._thetas]

    def gamma(self, theta: Array) -> Array:
        return np.concatenate([part.gamma(t) for part, t in zip(self.parts, self.split(theta), strict=True)], axis=-1)

    def jacobian(self, theta: Array) -> Array:
        return self._diagonal([part.jacobian(t) for part, t in zip(self.parts, self.split(theta), strict=True)])

    def tangent(self, theta: Array) -> Array:
        return self._diagonal([part.tangent(t) for part, t in zip(self.parts, self.split(theta), strict=True)])

    def bend(self, theta: Array, weights: Array) -> Array:
        bent = np.zeros((*theta.shape, self.size))
        for part, s, g in zip(self.parts, self._thetas, self._gammas, strict=True):
            bent[..., s, s] = part.bend(theta[..., s], weights[..., g])
        return bent

    def tangent_bend(self, theta: Array) -> Array:
        bent = np.zeros((*theta.shape[:-1], self.elements, self.size, self.size))
        for part, s, g in zip(self.parts, self._thetas, self._gammas, strict=True):
            bent[..., g, s, s] = part.tangent_bend(theta[..., s])
        return bent

    def on_boundary(self, theta: Array) -> list[NDArray[np.bool_]]:
        return [part.on_boundary(t) for part, t in zip(self.parts, self.split(theta), strict=True)]

    def reframed(self, theta: Array, frames: Sequence[Array]) -> tuple[Stacked, Array]:
        thetas = self.split(theta)
        pairs = [part.reframed(t, frame) for part, t, frame in zip(self.parts, thetas, frames, strict=True)]
        return Stacked([part for part, _ in pairs]), np.concatenate([t for _, t in pairs], axis=-1)

    def _diagonal(self, blocks: Sequence[Array]) -> Array:
        """(..., elements, size) with `blocks` (..., r, s) on the diagonal."""
        whole = np.zeros((*blocks[0].shape[:-2], self.elements, self.size))
        for block, s, g in zip(blocks, self._thetas, self._gammas, strict=True):
            whole[..., g, s] = block
        return whole


def _consecutive(sizes: Sequence[int]) -> list[slice]:
    return [slice(a, b) for a, b in pairwise(np.cumsum([0, *sizes]).tolist())]
