"""Approximations of the likelihood of a generalised mixed model, by its random terms: one interface to each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np

from ...errors import PlanError
from ..arrays import Array
from ..linear.covariance import Unstructured
from .integral import AdaptiveIntegral, LaplaceIntegral
from .laplace import Arrangement, Laplace, Point, find_effects
from .layout import Clustered, all_together, by_cluster
from .modes import Place, find_modes
from .problem import Problem
from .quadrature import Nodes, gauss_hermite

TOGETHER = 150  # random effects that are one block at most; more of several factors take sparse cross-products
AT_ONCE = 2**18  # rows times nodes that are evaluated together


class Evaluated(NamedTuple):
    """At M points: deviance (M,), gradient (M, k), and the random effects there, for the next start."""

    value: Array
    gradient: Array
    effects: Array


class Approximation(Protocol):
    """An approximation of the likelihood's integral."""

    @property
    def problem(self) -> Problem: ...

    @property
    def start(self) -> Array:
        """Random effects of zero, of one point."""
        ...

    def __call__(self, psi: Array, effects: Array) -> Evaluated:
        """At the points psi (M, k), which lie close together, from effects near those there, (1, ...)."""
        ...


@dataclass(frozen=True)
class Blockwise:
    """Covariances of any value, by blocks: adaptive quadrature of clusters, or Laplace's approximation."""

    data: Clustered
    nodes: Nodes

    @property
    def problem(self) -> Problem:
        return self.data.problem

    @property
    def start(self) -> Array:
        return np.zeros((1, len(self.data.z), self.data.n_blocks))

    def __call__(self, psi: Array, effects: Array) -> Evaluated:
        size = max(1, AT_ONCE // (len(self.data.level) * len(self.nodes.node)))
        if len(psi) <= size:
            at = self.integral(psi, effects)
            return Evaluated(at.value, at.gradient, at.modes.u)
        near = find_modes(self._place(psi[:1]), effects).u
        parts = [self(psi[i : i + size], near) for i in range(0, len(psi), size)]
        return Evaluated(*map(np.concatenate, zip(*parts, strict=True)))

    def integral(self, psi: Array, effects: Array) -> LaplaceIntegral:
        modes = find_modes(self._place(psi), effects)
        laplace = len(self.nodes.node) == 1
        return LaplaceIntegral(modes) if laplace else AdaptiveIntegral(modes, self.nodes)

    def _place(self, psi: Array) -> Place:
        return Place(self.data, self.data.problem.split(psi))


@dataclass(frozen=True)
class ManyFactors:
    """Laplace's approximation for random terms of any kind."""

    data: Arrangement

    @property
    def problem(self) -> Problem:
        return self.data.problem

    @property
    def start(self) -> Array:
        return np.zeros((1, self.data.z.shape[1]))

    def __call__(self, psi: Array, effects: Array) -> Evaluated:
        points = [Point(self.data, self.problem.split(row)) for row in psi[:, None]]
        near, _ = find_effects(points[0], effects[0])
        parts = [Laplace(point, *find_effects(point, near)) for point in points]
        rows = [(part.value, part.gradient, part.effects) for part in parts]
        return Evaluated(*map(np.array, zip(*rows, strict=True)))


def laplace_approximation(problem: Problem) -> Approximation:
    """The quickest way to it for the random terms of `problem`."""
    random = problem.random
    unstructured = all(isinstance(part, Unstructured) for part in random.structure.parts)
    if unstructured and not random.crossed:
        return Blockwise(by_cluster(problem), gauss_hermite(1, sum(term.size for term in random.absorbed)))
    if unstructured and sum(term.n_levels * term.size for term in random.terms) <= TOGETHER:
        return Blockwise(all_together(problem), gauss_hermite(1, 1))
    return ManyFactors(Arrangement(problem))


def with_nodes(approximation: Approximation, n: int) -> Approximation:
    """The same with `n` nodes of quadrature for each random effect; PlanError where there is Laplace's only."""
    if not isinstance(approximation, Blockwise) or approximation.problem.random.crossed:
        raise PlanError(
            "adaptive quadrature is for random effects of one grouping factor, with any covariance: use n_agq=1"
        )
    return replace(approximation, nodes=gauss_hermite(n, len(approximation.data.z)))
