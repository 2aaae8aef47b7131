"""The deviance of a generalised mixed model: one interface to the approximations of its integral, for searches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np

from ..errors import PlanError
from .arrays import Array
from .covariance import Unstructured
from .integral import AdaptiveIntegral, LaplaceIntegral
from .laplace import Arrangement, Laplace, Point, find_effects
from .modes import Clustered, Place, cluster_rows, find_modes
from .problem import Problem
from .quadrature import Nodes, gauss_hermite

STEP = 1e-6  # of a parameter of unit size, for differences of gradients
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

    def __call__(self, psi: Array, effects: Array) -> Evaluated:
        """At the points psi (M, k), from the effects (M, ...)."""
        ...


@dataclass(frozen=True)
class OneFactor:
    """One grouping factor whose covariance has any value, by adaptive quadrature, or Laplace's approximation."""

    data: Clustered
    nodes: Nodes

    @property
    def start(self) -> Array:
        return np.zeros((1, len(self.data.z), self.data.n_clusters))

    def __call__(self, psi: Array, effects: Array) -> Evaluated:
        size = max(1, AT_ONCE // (len(self.data.level) * len(self.nodes.node)))
        chunks = [slice(i, i + size) for i in range(0, len(psi), size)]
        parts = [self.integral(psi[chunk], effects[chunk]) for chunk in chunks]
        rows = [(part.value, part.gradient, part.modes.u) for part in parts]
        return Evaluated(*rows[0]) if len(rows) == 1 else Evaluated(*map(np.concatenate, zip(*rows, strict=True)))

    def integral(self, psi: Array, effects: Array) -> LaplaceIntegral:
        place = Place(self.data, self.data.problem.split(psi))
        modes = find_modes(place, effects)
        laplace = len(self.nodes.node) == 1
        return LaplaceIntegral(place, modes) if laplace else AdaptiveIntegral(place, modes, self.nodes)

    @property
    def with_one_node(self) -> OneFactor:
        return replace(self, nodes=gauss_hermite(1, len(self.data.z)))


@dataclass(frozen=True)
class ManyFactors:
    """Laplace's approximation for random terms of any kind."""

    data: Arrangement

    @property
    def start(self) -> Array:
        return np.zeros((1, self.data.z.shape[1]))

    def __call__(self, psi: Array, effects: Array) -> Evaluated:
        parts = [self._laplace(row[None], effect) for row, effect in zip(psi, effects, strict=True)]
        rows = [(part.value, part.gradient, part.effects) for part in parts]
        return Evaluated(*map(np.array, zip(*rows, strict=True)))

    def _laplace(self, psi: Array, effects: Array) -> Laplace:
        point = Point(self.data, self.data.problem.split(psi))
        return Laplace(point, *find_effects(point, effects))


def approximate(problem: Problem, n_nodes: int) -> Approximation:
    """That of `problem` with `n_nodes` for each random effect; PlanError where there is Laplace's only."""
    random = problem.random
    if not random.crossed and all(isinstance(part, Unstructured) for part in random.structure.parts):
        return OneFactor(cluster_rows(problem), gauss_hermite(n_nodes, sum(term.size for term in random.absorbed)))
    if n_nodes > 1:
        raise PlanError(
            "adaptive quadrature is for random effects of one grouping factor, with any covariance: use n_agq=1"
        )
    return ManyFactors(Arrangement(problem))


@dataclass(frozen=True)
class DeviancePoint:
    """The deviance at one point; its Hessian is taken from differences of the gradient when it is asked for."""

    value: float
    gradient: Array
    effects: Array
    differences: Callable[[], Array]

    @cached_property
    def hessian(self) -> Array:
        return self.differences()


class GlmmDeviance:
    """Minus twice the log-likelihood, without its constant, as a function of all parameters psi (k,).

    The Hessian that steers a search is that of Laplace's approximation, whatever the number of nodes; `hessian` is that
    of the deviance itself. The search for conditional modes begins from what the last ones foretell; the result does
    not depend on that but for rounding.
    """

    def __init__(self, problem: Problem, n_nodes: int):
        self.problem, self.approximation = problem, approximate(problem, n_nodes)
        self._quick = self.approximation.with_one_node if isinstance(self.approximation, OneFactor) else None
        self._last: Array = np.zeros(problem.n_parameters)
        self._effects = self.approximation.start
        self._slopes: Array = np.zeros((problem.n_parameters, *self._effects.shape[1:]))

    def __call__(self, psi: Array) -> DeviancePoint:
        start = self._effects + np.tensordot(psi - self._last, self._slopes, 1)
        at = self._evaluate(self.approximation, psi[None], start)
        if not np.isfinite(at.value[0]) or not np.isfinite(at.gradient).all():
            raise np.linalg.LinAlgError("the likelihood cannot be computed here")
        self._last, self._effects, self._slopes = psi, at.effects, 0 * self._slopes
        quick = self._quick or self.approximation
        return DeviancePoint(
            float(at.value[0]), at.gradient[0], at.effects, lambda: self._differences(quick, psi, at.effects)
        )

    def hessian(self, psi: Array, effects: Array) -> Array:
        """(k, k) at psi, whose modes are the `effects`."""
        return self._differences(self.approximation, psi, effects)

    def _differences(self, approximation: Approximation, psi: Array, effects: Array) -> Array:
        k = len(psi)
        steps = STEP * np.vstack([np.zeros(k), np.eye(k)])
        around = self._evaluate(approximation, psi + steps, np.repeat(effects, k + 1, axis=0))
        if np.array_equal(psi, self._last):
            self._slopes = (around.effects[1:] - around.effects[0]) / STEP
        hessian = (around.gradient[1:] - around.gradient[0]) / STEP
        return np.asarray((hessian + hessian.T) / 2)

    def _evaluate(self, approximation: Approximation, psi: Array, effects: Array) -> Evaluated:
        with np.errstate(all="ignore"):
            return approximation(psi, effects)
