"""Conditional modes of the random effects of one grouping factor: all clusters, at M parameter points, together.

Of each cluster, with b = Lambda u and u standard normal, h(u) = -log f(y | u) + u'u / 2 has its minimum at the mode.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..arrays import Array
from .blocks import inner, inverse_root, solve
from .density import Density
from .layout import Clustered
from .problem import Parameters

SETTLED = 1e-9  # squared standard deviations that the last step of Newton's method to a mode is long at most
MAX_STEPS = 60
SHORTEST = 1e-12  # a step that is not worth trying
LEVEL = 1e-11  # a rise that is rounding


@dataclass(frozen=True)
class Place:
    """M parameter points; arrays are (M, ..., n) or (M, ..., J).

    Attributes
    ----------
    zeta : (M, q, n) Lambda'z
    fixed : (M, n) offset + X beta
    """

    data: Clustered
    parameters: Parameters

    @cached_property
    def factor(self) -> Array:
        """(M, q, q) Lambda."""
        units = self.data.units
        return np.asarray((self.parameters.theta @ units.reshape(len(units), -1)).reshape(-1, *units.shape[1:]))

    @cached_property
    def zeta(self) -> Array:
        return np.asarray(self.factor.mT @ self.data.z)

    @cached_property
    def fixed(self) -> Array:
        return np.asarray(self.data.offset + self.parameters.beta @ self.data.x)

    def density(self, u: Array) -> Density:
        """At effects u (M, q, J)."""
        eta = self.fixed + inner(self.zeta, self.data.spread(u))
        return self.data.problem.family.at(eta, self.parameters.beside(1), self.data.rows)

    def penalised(self, density: Density, u: Array) -> Array:
        """(M, J) h."""
        return inner(u, u) / 2 - self.data.total(density.value)

    def slope(self, density: Density, u: Array) -> Array:
        """(M, q, J) of h by u."""
        return u - self.data.total(self.zeta * density.score[:, None])

    def curvature(self, weight: Array) -> Array:
        """(M, q, q, J) I + zeta'W zeta."""
        return self.data.gram(self.zeta * weight[:, None], self.zeta) + self.data.unit


@dataclass(frozen=True)
class Modes:
    """u (M, q, J) at a place, and the density there."""

    place: Place
    u: Array
    density: Density

    @cached_property
    def root(self) -> Array:
        """(M, q, q, J) C with C C' = H^-1."""
        return inverse_root(self.place.curvature(self.density.weight))


def find_modes(place: Place, u: Array) -> Modes:
    """Modes by Newton's method from u (M, q, J), each cluster halving its step until it falls; LinAlgError if none."""
    density = place.density(u)
    height = place.penalised(density, u)
    for _ in range(MAX_STEPS):
        slope = place.slope(density, u)
        step = -solve(_downhill(place, density), slope)
        u, density, height = _descend(place, u, step, height)
        if inner(slope, -step).max() < SETTLED:
            return Modes(place, u, density)
    raise np.linalg.LinAlgError("the conditional modes were not found")


def _downhill(place: Place, density: Density) -> Array:
    """The root of the inverse curvature, or where that is not positive, of one that is."""
    try:
        return inverse_root(place.curvature(density.weight))
    except np.linalg.LinAlgError:
        return inverse_root(place.curvature(np.maximum(np.nan_to_num(density.weight), 0.0)))


def _descend(place: Place, u: Array, step: Array, height: Array) -> tuple[Array, Density, Array]:
    """Where the steps lead, none of them upwards."""
    ceiling = height + LEVEL * (1 + np.abs(height))
    while True:
        moved = u + step
        density = place.density(moved)
        reached = place.penalised(density, moved)
        higher = ~(reached <= ceiling)
        if not higher.any():
            return moved, density, reached
        step = np.where(higher[:, None], step / 2, step)
        if not np.abs(step).max(axis=1)[higher].min() > SHORTEST:
            raise np.linalg.LinAlgError("the conditional modes were not found")
