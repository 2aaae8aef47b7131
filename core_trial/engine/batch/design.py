"""What all fits of a batch share: the fixed and the random columns, and their cross-products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array, hstack

from ...errors import DesignError
from ..arrays import Array
from ..basis import OrthogonalBasis, orthogonal_basis
from ..linear.covariance import Unstructured
from ..linear.random import RandomDesign, RandomTerm, indicators, random_design
from ..response import EXACT
from .products import BatchProducts
from .spectral import Spectrum, spectrum

MANY = 2000  # clusters whose eigenvectors would take longer than they save


@dataclass(frozen=True)
class Units:
    """Responses are offset (B,) + columns @ coefficient (B, p) + scale (B,) * residual."""

    offset: Array
    coefficient: Array
    scale: Array


@dataclass(frozen=True)
class BatchDesign:
    """Columns of a linear mixed model, orthogonal and of unit size, without a response."""

    fixed: OrthogonalBasis
    random: RandomDesign

    @property
    def n_rows(self) -> int:
        return len(self.fixed.columns)

    @property
    def log_det(self) -> float:
        """log |T'T| of the transformation of the fixed columns."""
        return 2 * float(np.log(np.abs(np.diagonal(self.fixed.transform))).sum())

    @cached_property
    def random_columns(self) -> csr_array:
        """(M, n) the columns of the random effects, a row each, stacked as everywhere in the engine."""
        first = self.random.absorbed[0]
        z = np.hstack([term.z for term in self.random.absorbed])
        together = RandomTerm(z, first.level, first.n_levels, first.factor)
        return csr_array(hstack([indicators(term) for term in (together, *self.random.crossed)]).T)

    @cached_property
    def shared(self) -> BatchProducts:
        """Cross-products of the columns w = [u x], of one data set."""
        products = self.random.products(self.fixed.columns)
        rows, zz = np.array([self.n_rows]), products.zz[None]
        if (behind := products.crossed) is None:
            return BatchProducts(rows, zz, products.zw[None], products.total[None], 0)
        zu = behind.zu.toarray().reshape(*products.zw.shape[:2], -1)
        zw = np.concatenate([zu, products.zw], axis=2)
        ww = np.block([[behind.uu, behind.uw], [behind.uw.T, products.total]])
        return BatchProducts(rows, zz, zw[None], ww[None], zu.shape[2])

    @cached_property
    def spectrum(self) -> Spectrum | None:
        """Where the random effects have a single variance, not of any sign, in no more than `MANY` clusters."""
        part, *others = self.random.structure.parts
        one = isinstance(part, Unstructured) and part.size == 1 and not others
        return spectrum(self.shared) if one and self.shared.zz.shape[1] <= MANY else None

    def residuals(self, responses: Array) -> tuple[Array, Units]:
        """`responses` (B, n) freed of the fixed effects and brought to unit size."""
        n, columns = self.n_rows, self.fixed.columns
        offset = responses.mean(axis=1) if self.fixed.intercept else np.zeros(len(responses))
        residual = responses - offset[:, None]
        coefficient = residual @ columns / n
        residual -= coefficient @ columns.T
        scale = np.sqrt(np.einsum("bi,bi->b", residual, residual) / n)
        spread = np.hypot(np.linalg.norm(coefficient, axis=1), scale)
        if np.any(exact := ~(scale > EXACT * spread)):
            which = np.argmax(exact) + 1
            raise DesignError(f"response {which} has missing values, or is fitted exactly by the fixed effects")
        residual /= scale[:, None]
        return residual, Units(offset, coefficient, scale)

    def with_column(self, column: Array) -> BatchProducts:
        """Cross-products of w = [u x v], v being the rows of `column` (B, n), one for each data set."""
        _, j, q, _ = self.shared.zw.shape
        random = (self.random_columns @ column.T).T
        squares = np.einsum("bi,bi->b", column, column)[:, None]
        with_w = np.hstack([random[:, j * q :], column @ self.fixed.columns, squares])
        return self.shared.append(random[:, : j * q].reshape(-1, j, q), with_w)


def batch_design(x: Array, terms: Sequence[RandomTerm]) -> BatchDesign:
    """The design of fixed columns x (n, p0) and random `terms`."""
    return BatchDesign(orthogonal_basis(x), random_design(terms))
