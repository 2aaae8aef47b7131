"""An outcome and its design in orthogonal columns of unit size, so that offsets of 1e9 and units of 1e-9 do no harm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import DesignError
from .arrays import Array
from .basis import OrthogonalBasis, orthogonal_basis

EXACT = 1e-12  # a share of the outcome's spread that only rounding leaves


@dataclass(frozen=True)
class Response:
    """y = offset + columns @ coefficient + scale * residual, with the columns of `fixed`.

    `residual` (n,) is orthogonal to the columns, and of unit size.
    """

    fixed: OrthogonalBasis
    offset: float
    coefficient: Array
    scale: float
    residual: Array

    @property
    def columns(self) -> Array:
        """(n, p + 1) w = [X y] that the engine sees."""
        return np.column_stack([self.fixed.columns, self.residual])

    def estimate(self, beta: Array) -> Array:
        """(p,) coefficients of the columns of the design that are kept, from `beta` of the engine."""
        estimate = self.fixed.transform @ (self.coefficient + self.scale * beta)
        if self.fixed.intercept:
            estimate[0] += self.offset / self.fixed.intercept
        return np.asarray(estimate)

    def change_of_units(self, df: int, reml: bool) -> float:
        """What the deviance gains on the scale of the data; `df` rows are left to estimate the variance."""
        log_det = -2 * float(np.log(np.abs(np.diagonal(self.fixed.transform))).sum()) if reml else 0.0
        return 2 * df * float(np.log(self.scale)) + log_det


def standardise(y: Array, x: Array) -> Response:
    """The outcome y (n,) and design x (n, p0); DesignError where these leave no variation to estimate a variance."""
    fixed = orthogonal_basis(x)
    if len(y) <= len(fixed.kept):
        raise DesignError(f"{len(fixed.kept)} coefficients for {len(y)} rows: no rows are left to estimate a variance")
    offset = float(y.mean()) if fixed.intercept else 0.0
    centred = y - offset if offset else y
    coefficient = fixed.columns.T @ centred / len(y)
    residual = centred - fixed.columns @ coefficient
    scale = float(np.sqrt(np.mean(residual**2)))
    if not scale > EXACT * np.sqrt(np.mean(centred**2)):
        raise DesignError("the fixed effects fit the outcome exactly: no variation is left to estimate a variance")
    return Response(fixed, offset, coefficient, scale, residual / scale)
