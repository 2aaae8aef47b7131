"""Random terms arranged for the engine: those of the factor with most levels are absorbed, the others stand behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, TypeVar

import numpy as np
from scipy.sparse import block_diag, csr_array, eye_array, hstack, kron

from ...errors import DesignError
from ..arrays import Array, Codes
from ..basis import orthogonal_basis
from .covariance import Stacked, Structure, Unstructured
from .crossed import Basis
from .crossprod import CrossProducts, cross_products
from .patterned import PATTERNS, AnySign, PatternName, patterned

T = TypeVar("T")
StructureName = Literal["us", "any sign"] | PatternName


@dataclass(frozen=True)
class RandomTerm:
    """Random effects of one grouping factor.

    Attributes
    ----------
    z : (n, q) columns
    level : (n,) level of the factor, 0 to n_levels - 1
    factor : its name; terms of one factor share `level`
    structure : of their covariance: "us" is any, "any sign" is a single variance that may be negative
    """

    z: Array
    level: Codes
    n_levels: int
    factor: str
    structure: StructureName = "us"

    @property
    def size(self) -> int:
        return int(self.z.shape[1])


@dataclass(frozen=True)
class RandomDesign:
    """Random terms, those of any covariance with orthogonal columns of unit size.

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
        return Stacked([_structure(term) for term in self.terms])

    def in_given_columns(self, theta: Array) -> tuple[Stacked, Array]:
        """The same covariances, with theta those of the columns that were given."""
        return self.structure.reframed(theta, self.frames)

    @cached_property
    def basis(self) -> Basis:
        bases = [part.basis for part in self.structure.parts]
        n = len(self.absorbed)
        return Basis(_side_by_side(bases[:n]), _level_by_level(self.crossed, bases[n:]))

    def covariance(self, gamma: Array) -> csr_array:
        """(effects, effects) of all random effects, stacked as the engine does."""
        r = len(self.basis.absorbed)
        top = kron(eye_array(self.absorbed[0].n_levels), np.tensordot(gamma[:r], self.basis.absorbed, 1))
        if not self.crossed:
            return csr_array(top)
        behind = np.sum([g * b for g, b in zip(gamma[r:], self.basis.crossed, strict=True)])
        return csr_array(block_diag([top, behind]))

    @cached_property
    def absorbed_columns(self) -> csr_array:
        """(n, J q) sparse columns of the absorbed effects."""
        z = np.hstack([term.z for term in self.absorbed])
        return indicators(replace(self.absorbed[0], z=z))

    @cached_property
    def crossed_columns(self) -> csr_array:
        """(n, m) sparse columns of the effects behind."""
        return csr_array(hstack([indicators(term) for term in self.crossed]))

    @cached_property
    def columns(self) -> csr_array:
        """(n, effects) sparse columns of all random effects."""
        return (
            csr_array(hstack([self.absorbed_columns, self.crossed_columns])) if self.crossed else self.absorbed_columns
        )

    def products(self, w: Array) -> CrossProducts:
        """Cross-products with w (n, k)."""
        first = self.absorbed[0]
        z = first.z if len(self.absorbed) == 1 else np.hstack([term.z for term in self.absorbed])
        behind = self.crossed_columns if self.crossed else None
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


def _structure(term: RandomTerm) -> Structure:
    if term.structure == "us":
        return Unstructured(term.size, np.eye(term.size))
    if term.structure == "any sign":
        return AnySign(-1 / float(np.bincount(term.level, term.z[:, 0] ** 2).max()))
    return patterned(term.structure, term.size)


def _orthogonal(term: RandomTerm) -> tuple[RandomTerm, Array]:
    if term.structure in PATTERNS:
        return term, np.eye(term.size)
    basis = orthogonal_basis(term.z)
    if len(basis.kept) < term.size:
        raise DesignError(
            f"the columns of the random term of {term.factor} are linearly dependent; leave out the redundant ones"
        )
    return replace(term, z=basis.columns), basis.transform


def indicators(term: RandomTerm) -> csr_array:
    """(n, levels q) sparse design: row i holds z_i in the columns of its level."""
    n, q = term.z.shape
    column = (term.level[:, None] * q + np.arange(q)).ravel()
    return csr_array((term.z.ravel(), column, np.arange(0, n * q + 1, q)), shape=(n, term.n_levels * q))


def _side_by_side(bases: Sequence[Array]) -> Array:
    """(r, q, q) basis of the covariance of all random effects of one level."""
    ends = np.cumsum([0] + [basis.shape[1] for basis in bases])
    padded = []
    for basis, a, b in zip(bases, ends, ends[1:], strict=False):
        block = np.zeros((len(basis), ends[-1], ends[-1]))
        block[:, a:b, a:b] = basis
        padded.append(block)
    return np.concatenate(padded)


def _level_by_level(terms: Sequence[RandomTerm], bases: Sequence[Array]) -> list[csr_array]:
    """r sparse (m, m) matrices, the basis of the covariance of all random effects of all levels."""
    zeros = [csr_array((term.n_levels * term.size,) * 2) for term in terms]
    return [
        csr_array(block_diag([*zeros[:i], kron(eye_array(term.n_levels), b), *zeros[i + 1 :]]))
        for i, (term, basis) in enumerate(zip(terms, bases, strict=True))
        for b in basis
    ]
