"""Generalised least squares, from cross-products weighted by the inverse of a covariance."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..arrays import Array


@dataclass(frozen=True)
class LeastSquares:
    """The fit of y on the p columns of X; `products` (p + 1, p + 1) are w'V^-1 w of w = [X y].

    Its attributes raise LinAlgError unless the products are positive definite.
    """

    products: Array

    @cached_property
    def _triangle(self) -> Array:
        return np.linalg.cholesky(self.products)

    @cached_property
    def _inverse(self) -> Array:
        return np.linalg.inv(self._triangle[:-1, :-1])

    @cached_property
    def beta(self) -> Array:
        """(p,) coefficients."""
        return self._inverse.T @ self._triangle[-1, :-1]

    @cached_property
    def covariance(self) -> Array:
        """(p, p) (X'V^-1 X)^-1."""
        return self._inverse.T @ self._inverse

    @property
    def log_det(self) -> float:
        """Log determinant of X'V^-1 X."""
        return 2 * float(np.log(np.diagonal(self._triangle)[:-1]).sum())

    @property
    def squares(self) -> float:
        """e'V^-1 e of the residuals e = y - X beta."""
        return float(self._triangle[-1, -1] ** 2)

    @property
    def residual(self) -> Array:
        """(p + 1,) the combination of the columns of w that is e."""
        return np.append(-self.beta, 1.0)
