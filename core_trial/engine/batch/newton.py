"""Newton's method with a trust region, for many smooth functions at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, Codes
from ..newton import ENOUGH, FLAT, ROUNDING, SHORTEST


@dataclass
class Points:
    """B functions, each at a point of its own: value (B,), gradient (B, r), Hessian (B, r, r)."""

    value: Array
    gradient: Array
    hessian: Array

    def put(self, which: Codes, other: Points, taken: NDArray[np.bool_]) -> None:
        """Set the points `which` to those of `other` that are `taken`."""
        for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True):
            mine[which[taken]] = theirs[taken]


def minimise_each(
    evaluate: Callable[[Array, Codes], Points], start: Array, *, tolerance: float = 1e-14, max_steps: int = 300
) -> tuple[Array, Array]:
    """Local minima from `start` (B, r), and the values there, infinite where none was found.

    `evaluate` takes points and whose they are; where a value is not a number, a shorter step is tried. The rules are
    those of `minimise`.
    """
    theta, active, radius = start.copy(), np.arange(len(start)), np.ones(len(start))
    at, expected = evaluate(theta, active), np.full(len(start), np.inf)
    for _ in range(max_steps):
        step, expected[active] = _steps(at, active, radius[active])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            trial = evaluate(theta[active] + step, active)
        value = at.value[active]
        taken = trial.value <= value + ROUNDING * (1 + np.abs(value))
        theta[active[taken]] += step[taken]
        at.put(active, trial, taken)
        length = np.linalg.norm(step, axis=1)
        radius[active] = np.where(taken, np.maximum(radius[active], 2 * length), length / 4)
        active = active[(expected[active] >= tolerance) & (radius[active] >= SHORTEST)]
        if not len(active):
            break
    return theta, np.where(expected < ENOUGH, at.value, np.inf)


def _steps(at: Points, which: Codes, radius: Array) -> tuple[Array, Array]:
    """Newton's steps with every curvature taken positive, no longer than `radius`, and the fall that they promise."""
    curvature, axes = np.linalg.eigh(at.hessian[which])
    size = np.abs(curvature)
    least = FLAT * size.max(axis=1, keepdims=True)
    gradient = np.where(size > least, (axes.mT @ at.gradient[which, :, None])[..., 0], 0.0)
    along = -gradient / np.maximum(size, least)
    fall = -0.5 * np.sum(gradient * along, axis=1)
    saddle = (curvature[:, 0] < -least[:, 0]) & (fall < 1e-8)
    along[saddle, 0] = np.copysign(radius[saddle], along[saddle, 0])
    fall[saddle] = -0.5 * curvature[saddle, 0] * radius[saddle] ** 2
    length = np.linalg.norm(along, axis=1)
    short = np.minimum(1.0, np.divide(radius, length, out=np.ones_like(length), where=length > 0))
    return (axes @ (along * short[:, None])[..., None])[..., 0], fall
