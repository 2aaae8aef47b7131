"""The log density of each row as a function of its linear predictor eta: what every family of outcomes supplies.

Arrays are (..., n): the rows stand last, and leading axes hold parameters or quadrature nodes that are tried at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

from ..arrays import Array, Codes


@dataclass(frozen=True)
class Rows:
    """Outcomes y (n,), the trials (n,) that they are out of, and how often each row counts (n,)."""

    y: Array
    trials: Array
    weights: Array | None = None

    def take(self, order: Codes) -> Rows:
        return Rows(self.y[order], self.trials[order], None if self.weights is None else self.weights[order])


class ByParameter(NamedTuple):
    """Derivatives of `value`, `score` and `weight` by a parameter beside eta."""

    value: Array
    score: Array
    weight: Array


class Density(Protocol):
    """log f(y; eta), without the terms that depend on y alone.

    Attributes
    ----------
    value : log f
    score : its derivative by eta
    weight : minus its second derivative
    bend : derivative of `weight`
    others : derivatives by each parameter beside eta
    """

    @property
    def value(self) -> Array: ...
    @property
    def score(self) -> Array: ...
    @property
    def weight(self) -> Array: ...
    @property
    def bend(self) -> Array: ...
    @property
    def others(self) -> tuple[ByParameter, ...]: ...


@dataclass(frozen=True)
class At:
    """A place at which a density is evaluated; what is not asked for is not computed.

    Attributes
    ----------
    eta : (..., n)
    parameters : those beside eta, of shapes that go with it
    rows : the outcomes
    """

    eta: Array
    parameters: tuple[Array, ...]
    rows: Rows

    @property
    def others(self) -> tuple[ByParameter, ...]:
        return ()


@dataclass(frozen=True)
class Repeated:
    """A density whose rows count `weights` (n,) times."""

    once: Density
    weights: Array

    @cached_property
    def value(self) -> Array:
        return self.weights * self.once.value

    @cached_property
    def score(self) -> Array:
        return self.weights * self.once.score

    @cached_property
    def weight(self) -> Array:
        return self.weights * self.once.weight

    @cached_property
    def bend(self) -> Array:
        return self.weights * self.once.bend

    @cached_property
    def others(self) -> tuple[ByParameter, ...]:
        return tuple(ByParameter(*(self.weights * part for part in other)) for other in self.once.others)
