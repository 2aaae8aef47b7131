"""The deviance of a generalised mixed model: one interface to the approximations of its integral, for searches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from ..errors import PlanError
from .arrays import Array
from .covariance import Unstructured
from .integral import AdaptiveIntegral, LaplaceIntegral
from .laplace import Arrangement, Laplace, Point, find_effects
from .layout import Clustered, all_together, by_cluster
from .modes import Place, find_modes
from .problem import Problem
from .quadrature import Nodes, gauss_hermite

STEP = 1e-6  # of a parameter of unit size, for differences of gradients
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
    def start(self) -> Array:
        """Random effects of zero, of one point."""
        ...

    def modes(self, psi: Array, effects: Array) -> Array:
        """The effects (1, ...) at one point psi (1, k), found from others."""
        ...

    def __call__(self, psi: Array, effects: Array) -> Evaluated:
        """At the points psi (M, k), from effects near those there, (1, ...)."""
        ...


@dataclass(frozen=True)
class Blockwise:
    """Covariances of any value, by blocks: adaptive quadrature of clusters, or Laplace's approximation."""

    data: Clustered
    nodes: Nodes

    @property
    def start(self) -> Array:
        return np.zeros((1, len(self.data.z), self.data.n_blocks))

    def modes(self, psi: Array, effects: Array) -> Array:
        return find_modes(self._place(psi), effects).u

    def __call__(self, psi: Array, effects: Array) -> Evaluated:
        size = max(1, AT_ONCE // (len(self.data.level) * len(self.nodes.node)))
        parts = [self.integral(psi[i : i + size], effects) for i in range(0, len(psi), size)]
        rows = [(part.value, part.gradient, part.modes.u) for part in parts]
        return Evaluated(*rows[0]) if len(rows) == 1 else Evaluated(*map(np.concatenate, zip(*rows, strict=True)))

    def _place(self, psi: Array) -> Place:
        return Place(self.data, self.data.problem.split(psi))

    def integral(self, psi: Array, effects: Array) -> LaplaceIntegral:
        modes = find_modes(self._place(psi), effects)
        laplace = len(self.nodes.node) == 1
        return LaplaceIntegral(modes) if laplace else AdaptiveIntegral(modes, self.nodes)


@dataclass(frozen=True)
class ManyFactors:
    """Laplace's approximation for random terms of any kind."""

    data: Arrangement

    @property
    def start(self) -> Array:
        return np.zeros((1, self.data.z.shape[1]))

    def modes(self, psi: Array, effects: Array) -> Array:
        return find_effects(self._point(psi), effects[0])[0][None]

    def __call__(self, psi: Array, effects: Array) -> Evaluated:
        points = map(self._point, psi[:, None])
        parts = [Laplace(point, *find_effects(point, effects[0])) for point in points]
        rows = [(part.value, part.gradient, part.effects) for part in parts]
        return Evaluated(*map(np.array, zip(*rows, strict=True)))

    def _point(self, psi: Array) -> Point:
        return Point(self.data, self.data.problem.split(psi))


def approximate(problem: Problem, n_nodes: int) -> Approximation:
    """That of `problem` with `n_nodes` for each random effect; PlanError where there is Laplace's only."""
    random = problem.random
    unstructured = all(isinstance(part, Unstructured) for part in random.structure.parts)
    if unstructured and not random.crossed:
        return Blockwise(by_cluster(problem), gauss_hermite(n_nodes, sum(term.size for term in random.absorbed)))
    if n_nodes > 1:
        raise PlanError(
            "adaptive quadrature is for random effects of one grouping factor, with any covariance: use n_agq=1"
        )
    if unstructured and sum(term.n_levels * term.size for term in random.terms) <= TOGETHER:
        return Blockwise(all_together(problem), gauss_hermite(1, 1))
    return ManyFactors(Arrangement(problem))


class DeviancePoint(NamedTuple):
    """The deviance at one point, its gradient (k,) and Hessian (k, k), and the effects (1, ...) there."""

    value: float
    gradient: Array
    hessian: Array
    effects: Array


class GlmmDeviance:
    """Minus twice the log-likelihood, without its constant, as a function of all parameters psi (k,).

    Hessians are differences of gradients; a search may be steered by a known one near it, `chord`, which saves these.
    The search for conditional modes begins from `effects`, then from what the last ones foretell; the result does not
    depend on that but for rounding. `watch` is shown each point.
    """

    def __init__(
        self,
        problem: Problem,
        n_nodes: int,
        chord: Array | None = None,
        effects: Array | None = None,
        watch: Callable[[Array], None] | None = None,
    ):
        self.problem, self.approximation = problem, approximate(problem, n_nodes)
        self._chord, self._watch = chord, watch
        self._last: Array = np.zeros(problem.n_parameters)
        self._effects = self.approximation.start if effects is None else effects
        self._slopes: Array = np.zeros((problem.n_parameters, self._effects.size))

    def __call__(self, psi: Array) -> DeviancePoint:
        if self._watch:
            self._watch(psi)
        foretold = self._effects + ((psi - self._last) @ self._slopes).reshape(self._effects.shape)
        with np.errstate(all="ignore"):
            if self._chord is not None:
                at = self.approximation(psi[None], foretold)
            else:
                at = self._around(psi, self.approximation.modes(psi[None], foretold))
        if not np.isfinite(at.value[0]) or not np.isfinite(at.gradient).all():
            raise np.linalg.LinAlgError("the likelihood cannot be computed here")
        self._last, self._effects = psi, at.effects[:1]
        if self._chord is None:
            self._slopes = (at.effects[1:] - at.effects[0]).reshape(len(psi), -1) / STEP
        hessian = _differences(at.gradient) if self._chord is None else self._chord
        return DeviancePoint(float(at.value[0]), at.gradient[0], hessian, at.effects[:1])

    def hessian(self, psi: Array, effects: Array) -> Array:
        """(k, k) at psi, whose modes are the `effects`."""
        with np.errstate(all="ignore"):
            return _differences(self._around(psi, effects).gradient)

    def _around(self, psi: Array, effects: Array) -> Evaluated:
        """At psi, and a step from it along each parameter."""
        return self.approximation(psi + STEP * np.eye(len(psi) + 1, len(psi), -1), effects)


def _differences(gradients: Array) -> Array:
    """(k, k) Hessian from the gradients (k + 1, k) at a point and a step from it along each parameter."""
    hessian = (gradients[1:] - gradients[0]) / STEP
    return np.asarray((hessian + hessian.T) / 2)
