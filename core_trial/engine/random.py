"""Random terms arranged for the engine: those of the factor with most levels are absorbed, the others stand behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from scipy.sparse import block_diag, csr_array, eye_array, hstack, kron

from ..errors import DesignError
from .arrays import Array, Codes
from .basis import orthogonal_basis
from .covariance import Stacked, Unstructured
from .crossed import Basis
from .crossprod import CrossProducts, cross_products

T = TypeVar("T")


@dataclass(frozen=True)
class RandomTerm:
    """Correlated random effects of one grouping factor.

    Attributes
    ----------
    z : (n, q) columns
    level : (n,) level of the factor, 0 to n_levels - 1
    factor : its name; terms of one factor share `level`
    """

    z: Array
    level: Codes
    n_levels: int
    factor: str

    @property
    def size(self) -> int:
        return int(self.z.shape[1])


@dataclass(frozen=True)
class RandomDesign:
    """Random terms with orthogonal columns of unit size.

    Attributes
    ----------
    absorbed, crossed : the terms of the absorbed factor and those behind it; everywhere they follow in this order
    order : (terms,) the place of each among the terms that were given
    frames : F (q, q) for each; random effects b of the columns given are F times those of the orthogonal columns
    """

    absorbed: tuple[RandomTerm, ...]
    crossed: tuple[RandomTerm, ...]
    order: tuple[int, ...]
    frames: tuple[Array, ...]

    @property
    def terms(self) -> tuple[RandomTerm, ...]:
        return self.absorbed + self.crossed

    @cached_property
    def structure(self) -> Stacked:
        """Covariances whose parameters theta belong to the orthogonal columns."""
        return Stacked([Unstructured(term.size, np.eye(term.size)) for term in self.terms])

    @cached_property
    def given_structure(self) -> Stacked:
        """The same covariances, with theta those of the columns that were given."""
        return Stacked([Unstructured(len(frame), np.linalg.inv(frame)) for frame in self.frames])

    @cached_property
    def basis(self) -> Basis:
        return Basis(_side_by_side(self.absorbed), _level_by_level(self.crossed))

    def products(self, w: Array) -> CrossProducts:
        """Cross-products with w (n, k)."""
        first = self.absorbed[0]
        z = first.z if len(self.absorbed) == 1 else np.hstack([term.z for term in self.absorbed])
        behind = csr_array(hstack([indicators(term) for term in self.crossed])) if self.crossed else None
        return cross_products(z, first.level, w, first.n_levels, behind)

    def split(self, effects: Array) -> list[Array]:
        """One (levels, q) a term, from the stacked effects of the engine."""
        first = self.absorbed[0]
        ends = np.cumsum([term.size for term in self.absorbed])
        n_top = first.n_levels * ends[-1]
        top = np.split(effects[:n_top].reshape(first.n_levels, -1), ends[:-1], axis=1)
        bottom = np.split(effects[n_top:], np.cumsum([t.n_levels * t.size for t in self.crossed])[:-1])
        return top + [block.reshape(t.n_levels, t.size) for t, block in zip(self.crossed, bottom, strict=False)]

    def as_given(self, values: Sequence[T]) -> tuple[T, ...]:
        """One value a term, in the order in which the terms were given."""
        return tuple(values[i] for i in np.argsort(self.order))


def random_design(terms: Sequence[RandomTerm]) -> RandomDesign:
    """Arrange `terms`; DesignError if the columns of one are linearly dependent."""
    largest = max(terms, key=lambda term: term.n_levels).factor
    order = sorted(range(len(terms)), key=lambda i: terms[i].factor != largest)
    scaled, frames = zip(*(_orthogonal(terms[i]) for i in order), strict=True)
    n_absorbed = sum(term.factor == largest for term in terms)
    return RandomDesign(scaled[:n_absorbed], scaled[n_absorbed:], tuple(order), frames)


def _orthogonal(term: RandomTerm) -> tuple[RandomTerm, Array]:
    basis = orthogonal_basis(term.z)
    if len(basis.kept) < term.size:
        raise DesignError(
            f"the columns of the random term of {term.factor} are linearly dependent; leave out the redundant ones"
        )
    return RandomTerm(basis.columns, term.level, term.n_levels, term.factor), basis.transform


def indicators(term: RandomTerm) -> csr_array:
    """(n, levels q) sparse design: row i holds z_i in the columns of its level."""
    n, q = term.z.shape
    column = (term.level[:, None] * q + np.arange(q)).ravel()
    return csr_array((term.z.ravel(), column, np.arange(0, n * q + 1, q)), shape=(n, term.n_levels * q))


def _side_by_side(terms: Sequence[RandomTerm]) -> Array:
    """(r, q, q) basis of the covariance of all random effects of one level."""
    ends = np.cumsum([0] + [term.size for term in terms])
    basis = []
    for term, a, b in zip(terms, ends, ends[1:], strict=False):
        blocks = Unstructured(term.size, np.eye(term.size)).basis
        block = np.zeros((len(blocks), ends[-1], ends[-1]))
        block[:, a:b, a:b] = blocks
        basis.append(block)
    return np.concatenate(basis)


def _level_by_level(terms: Sequence[RandomTerm]) -> list[csr_array]:
    """r sparse (m, m) matrices, the basis of the covariance of all random effects of all levels."""
    zeros = [csr_array((term.n_levels * term.size,) * 2) for term in terms]
    return [
        csr_array(block_diag([*zeros[:i], kron(eye_array(term.n_levels), b), *zeros[i + 1 :]]))
        for i, term in enumerate(terms)
        for b in Unstructured(term.size, np.eye(term.size)).basis
    ]
