"""The deviance of a generalised mixed model, as a function that can be searched."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..arrays import Array
from .approximation import Approximation, Evaluated

STEP = 1e-6  # of a parameter of unit size, for differences of gradients


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
        approximation: Approximation,
        *,
        chord: Array | None = None,
        effects: Array | None = None,
        watch: Callable[[Array], None] | None = None,
    ):
        self.approximation, self._chord, self._watch = approximation, chord, watch
        self._effects = approximation.start if effects is None else effects
        self._last: Array = np.zeros(approximation.problem.n_parameters)
        self._slopes: Array = np.zeros((len(self._last), self._effects.size))

    def __call__(self, psi: Array) -> DeviancePoint:
        if self._watch:
            self._watch(psi)
        foretold = self._effects + ((psi - self._last) @ self._slopes).reshape(self._effects.shape)
        with np.errstate(all="ignore"):
            at = self._around(psi, foretold) if self._chord is None else self.approximation(psi[None], foretold)
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
