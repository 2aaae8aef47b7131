"""The rows of a generalised mixed model by independent blocks of random effects: clusters, or all rows as one block.

The rows stand last: x (p, n), z (q, n). Sums over the rows of a block are (..., J), those of all blocks side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import block_diag

from ..arrays import Array, Codes
from .density import Rows
from .problem import Problem


@dataclass(frozen=True)
class Clustered:
    """One block a cluster, its rows next to each other.

    Attributes
    ----------
    problem : whose rows these are, in another order
    start : (J,) the first row of each cluster
    level : (n,) the cluster of each row
    units : (r, q, q) U, the root of the covariance of a block's effects being sum_r theta_r U_r
    """

    problem: Problem
    x: Array
    z: Array
    offset: Array
    rows: Rows
    units: Array
    start: Codes
    level: Codes

    @property
    def n_blocks(self) -> int:
        return len(self.start)

    @cached_property
    def unit(self) -> Array:
        """(q, q, 1) I."""
        return np.eye(len(self.z))[..., None]

    def total(self, values: Array) -> Array:
        """(..., J) sums of (..., n)."""
        return np.asarray(np.add.reduceat(values, self.start, axis=-1))

    def spread(self, values: Array) -> Array:
        """(..., n) the value of its block, of (..., J), for each row."""
        return np.asarray(values[..., self.level])

    def gram(self, left: Array, right: Array) -> Array:
        """(..., q, q, J) sums of the products of (..., q, n) and (..., q, n)."""
        return self.total(left[..., :, None, :] * right[..., None, :, :])

    def times_rows(self, matrices: Array, rows: Array) -> Array:
        """(M, q, n) the matrices (M, q, q, J) times the rows (M, q, n) of their blocks."""
        if len(self.z) == 1:
            return self.spread(matrices[:, 0]) * rows
        return np.asarray(np.einsum("mabn,mbn->man", self.spread(matrices), rows))

    def effects(self, u: Array) -> list[Array]:
        """One (levels, q) a term, from the effects (q, J) of the blocks."""
        ends = np.cumsum([term.size for term in self.problem.random.absorbed])[:-1]
        return np.split(u.T, ends, axis=1)


@dataclass(frozen=True)
class Together(Clustered):
    """All rows as one block, J = 1: nested and crossed factors of not too many levels."""

    def total(self, values: Array) -> Array:
        return np.asarray(values.sum(axis=-1, keepdims=True))

    def spread(self, values: Array) -> Array:
        return np.broadcast_to(values, (*values.shape[:-1], self.x.shape[1]))

    def gram(self, left: Array, right: Array) -> Array:
        return np.asarray((left @ right.mT)[..., None])

    def times_rows(self, matrices: Array, rows: Array) -> Array:
        return np.asarray(matrices[..., 0] @ rows)

    def effects(self, u: Array) -> list[Array]:
        return self.problem.random.split(u[:, 0])


def by_cluster(problem: Problem) -> Clustered:
    """A block for each level of the one grouping factor."""
    terms = problem.random.absorbed
    order = np.argsort(terms[0].level, kind="stable")
    level = terms[0].level[order]
    z, x = np.hstack([term.z for term in terms])[order].T, problem.fixed.columns[order].T
    columns = (np.ascontiguousarray(x), np.ascontiguousarray(z), problem.offset[order], problem.rows.take(order))
    units = np.array([block_diag(*factors) for factors in _factors(problem)])
    return Clustered(problem, *columns, units, np.searchsorted(level, np.arange(terms[0].n_levels)), level)


def all_together(problem: Problem) -> Together:
    """One block."""
    z, none = problem.random.columns.toarray().T, np.zeros(len(problem.offset), int)
    units = np.array([_whole(problem, factors) for factors in _factors(problem)])
    x = np.ascontiguousarray(problem.fixed.columns.T)
    return Together(problem, x, np.ascontiguousarray(z), problem.offset, problem.rows, units, none[:1], none)


def _factors(problem: Problem) -> list[list[Array]]:
    """For each theta, the derivative by it of the root of the covariance of each term."""
    structure = problem.random.structure
    return [structure.factors(unit) for unit in np.eye(structure.size)]


def _whole(problem: Problem, factors: list[Array]) -> Array:
    """(effects, effects) block-diagonal over all levels, of the `factors` (q, q) of each term."""
    random = problem.random
    absorbed = block_diag(*factors[: len(random.absorbed)])
    behind = zip(random.crossed, factors[len(random.absorbed) :], strict=True)
    blocks = [np.kron(np.eye(term.n_levels), factor) for term, factor in behind]
    return np.asarray(block_diag(np.kron(np.eye(random.absorbed[0].n_levels), absorbed), *blocks))
