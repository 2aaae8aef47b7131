"""Responses drawn from a fitted mixed model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy.sparse import csr_array

from ..engine.arrays import Array, Codes
from ..errors import PlanError
from ..formula.matrices import RandomColumns
from .prediction import check_effects

if TYPE_CHECKING:
    from .fit import LmmFit

STREAM = 64  # draws that come from one spawned seed
AT_ONCE = 2**20  # numbers that are drawn at a time


class Effects(Protocol):
    """What a random term does to residuals; it takes `size` standard normal numbers a draw."""

    @property
    def size(self) -> int: ...

    def add(self, residuals: Array, normal: Array) -> None:
        """Change `residuals` (b, n) by effects made of `normal` (b, size)."""
        ...


@dataclass(frozen=True)
class RandomEffects:
    """Effects of the columns of a random term, of a covariance whose square root is `root` (q, q)."""

    term: RandomColumns
    root: Array

    @property
    def size(self) -> int:
        return len(self.term.grouping.labels) * len(self.root)

    def add(self, residuals: Array, normal: Array) -> None:
        effects = normal.reshape(len(normal), -1, len(self.root)) @ self.root
        residuals += np.einsum("bnq,nq->bn", effects[:, self.term.grouping.level], self.term.columns)


@dataclass(frozen=True)
class Correlation:
    """A covariance of either sign between the rows of a cluster, `ratio` times the residual variance.

    Independent residuals e become e + (sqrt(1 + ratio m) - 1) mean(e) in a cluster of m rows.
    """

    level: Codes
    ratio: float
    size = 0

    @cached_property
    def _clusters(self) -> csr_array:
        """(J, n) indicators."""
        n = len(self.level)
        return csr_array((np.ones(n), (self.level, np.arange(n))))

    def add(self, residuals: Array, normal: Array) -> None:  # noqa: ARG002
        m = self._clusters.sum(axis=1)
        weights = (np.sqrt(1 + self.ratio * m) - 1) / m
        residuals += (weights[:, None] * (self._clusters @ residuals.T))[self.level].T


@dataclass(frozen=True)
class ResponseModel:
    """Responses of mean `mean` (n,), residual standard deviation `sigma` and random `effects`."""

    mean: Array
    effects: tuple[Effects, ...]
    sigma: float

    def draw(self, n: int, seed: int) -> Iterator[Array]:
        """`n` responses, (b, rows) at a time; the i-th depends on `seed` and i only."""
        together = max(1, AT_ONCE // (STREAM * len(self.mean)))
        sources = list(streams(n, seed))
        for i in range(0, len(sources), together):
            yield np.concatenate([self._draw(*source) for source in sources[i : i + together]])

    def _draw(self, size: int, generator: np.random.Generator) -> Array:
        ends = np.cumsum([effect.size for effect in self.effects])
        normal = generator.standard_normal((size, sum(effect.size for effect in self.effects) + len(self.mean)))
        *parts, residuals = np.split(normal, ends, axis=1)
        residuals = self.sigma * residuals
        for effect, part in zip(self.effects, parts, strict=True):
            effect.add(residuals, part)
        return self.mean + residuals


def streams(n: int, seed: int) -> Iterator[tuple[int, np.random.Generator]]:
    """How many of `n` draws to take from each of the generators spawned from `seed`."""
    if n < 1:
        raise PlanError(f"n is {n}: ask for at least one draw")
    if seed < 0:
        raise PlanError(f"seed {seed} is negative: take zero or more")
    sizes = [min(STREAM, n - start) for start in range(0, n, STREAM)]
    return zip(sizes, map(np.random.default_rng, np.random.SeedSequence(seed).spawn(len(sizes))), strict=True)


def response_model(fit: LmmFit, *, conditional: bool = False) -> ResponseModel:
    """What a fit says of its outcome: with new random effects, or if `conditional` with their modes."""
    result, random = fit.result, fit.matrices.random
    mean = fit.matrices.x[:, result.kept] @ result.estimate
    if conditional:
        check_effects(result)
        modes = zip(random, result.modes, strict=True)
        mean = mean + sum(np.einsum("nq,nq->n", values[term.grouping.level], term.columns) for term, values in modes)
        return ResponseModel(mean, (), result.sigma)
    pairs = zip(random, result.covariances, strict=True)
    effects = tuple(_effects(term, covariance, result.sigma) for term, covariance in pairs)
    return ResponseModel(mean, effects, result.sigma)


def simulate(fit: LmmFit, n: int, seed: int, *, conditional: bool) -> Array:
    """(n, rows); see `LmmFit.simulate`."""
    return np.concatenate(list(response_model(fit, conditional=conditional).draw(n, seed)))


def _effects(term: RandomColumns, covariance: Array, sigma: float) -> Effects:
    if term.structure == "any sign":
        return Correlation(term.grouping.level, float(covariance[0, 0]) / sigma**2)
    values, axes = np.linalg.eigh(covariance)
    return RandomEffects(term, np.asarray((axes * np.sqrt(np.maximum(values, 0.0))) @ axes.T))
