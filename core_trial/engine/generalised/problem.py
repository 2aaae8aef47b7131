"""A generalised mixed model to be fitted, and where its parameters stand in one vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ..arrays import Array
from ..basis import OrthogonalBasis
from ..linear.random import RandomDesign
from .density import Rows
from .family import Family


class Parameters(NamedTuple):
    """Points at which the deviance is wanted, (M, ...) each: beta, theta of the covariances, others of the family."""

    beta: Array
    theta: Array
    others: Array

    def beside(self, axes: int) -> tuple[Array, ...]:
        """Each of the other parameters, with `axes` more axes behind (M,)."""
        return tuple(column.reshape(-1, *(1,) * axes) for column in self.others.T)


@dataclass(frozen=True)
class Problem:
    """eta = offset + X beta + Z b, b normal with the covariances of `random`, and y | eta of `family`.

    Attributes
    ----------
    rows : outcomes
    offset : (n,)
    fixed : orthogonal columns of X
    random : random terms
    """

    family: Family
    rows: Rows
    offset: Array
    fixed: OrthogonalBasis
    random: RandomDesign

    @property
    def n_fixed(self) -> int:
        return len(self.fixed.kept)

    @property
    def n_parameters(self) -> int:
        return self.n_fixed + self.random.structure.size + len(self.family.parameters)

    def split(self, psi: Array) -> Parameters:
        """The parts of parameter vectors (M, k)."""
        p, r = self.n_fixed, self.n_fixed + self.random.structure.size
        return Parameters(psi[..., :p], psi[..., p:r], psi[..., r:])
