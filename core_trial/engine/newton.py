"""Newton's method with a trust region, for smooth functions of a few parameters whose Hessian is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

from .arrays import Array

FLAT = 1e-9  # an eigenvalue of the Hessian below this share of the largest counts as zero
ENOUGH = 1e-6  # a gain that is of no consequence, where rounding allows no better
ROUNDING = 1e-11  # share of a value that may be lost to rounding: what rises by no more counts as level
SHORTEST = 1e-12  # a step that is not worth trying


class Evaluation(Protocol):
    """A function at a point: value, gradient (r,), Hessian (r, r)."""

    @property
    def value(self) -> float: ...
    @property
    def gradient(self) -> Array: ...
    @property
    def hessian(self) -> Array: ...


E = TypeVar("E", bound=Evaluation)


@dataclass(frozen=True)
class Minimum(Generic[E]):
    """Where the search ended: the point, the evaluation there, whether it is a minimum, and the path.

    `path` has a row for each accepted point: value, fall that Newton's model still expects, the parameters.
    """

    theta: Array
    at: E
    converged: bool
    path: Array


def minimise(
    evaluate: Callable[[Array], E], start: Array, *, tolerance: float = 1e-14, max_steps: int = 100
) -> Minimum[E]:
    """Local minimum of `evaluate` from `start`.

    The search ends with a step that promised to gain less than `tolerance`, if the next one promises less than
    `ENOUGH`, or where nothing more can be gained; it has converged if that is less than `ENOUGH`. Where `evaluate`
    raises LinAlgError, a shorter step is tried.
    """
    theta, at, radius = start, evaluate(start), 1.0
    step, fall = _step(at, radius)
    path = [np.array([at.value, fall, *theta])]
    for _ in range(max_steps):
        while (trial := _attempt(evaluate, theta + step, at.value)) is None:
            radius = float(np.linalg.norm(step)) / 4
            if radius < SHORTEST:
                return Minimum(theta, at, fall < ENOUGH, np.array(path))
            step, _ = _step(at, radius)
        radius = max(radius, 2 * float(np.linalg.norm(step)))
        theta, at, last = theta + step, trial, fall < tolerance
        step, fall = _step(at, radius)
        path.append(np.array([at.value, fall, *theta]))
        if last and fall < ENOUGH:
            break
    return Minimum(theta, at, fall < ENOUGH, np.array(path))


def _attempt(evaluate: Callable[[Array], E], theta: Array, value: float) -> E | None:
    """The evaluation at `theta`, if it is no higher than `value`, but for rounding."""
    try:
        trial = evaluate(theta)
    except np.linalg.LinAlgError:
        return None
    return trial if trial.value <= value + ROUNDING * (1 + abs(value)) else None


def _step(at: Evaluation, radius: float) -> tuple[Array, float]:
    """Newton's step with every curvature taken positive, no longer than `radius`, and the fall it promises."""
    curvature, axes = np.linalg.eigh(at.hessian)
    size = np.abs(curvature)
    gradient = axes.T @ at.gradient
    gradient = np.where(size > FLAT * size.max(), gradient, 0.0)
    along = -gradient / np.maximum(size, FLAT * size.max())
    fall = -0.5 * float(gradient @ along)
    if curvature[0] < -FLAT * size.max() and fall < 1e-8:  # a saddle: leave it along the steepest way down
        along[0] = np.copysign(radius, along[0])
        fall = -0.5 * curvature[0] * radius**2
    length = np.linalg.norm(along)
    return axes @ (along * min(1.0, radius / length) if length else along), fall
