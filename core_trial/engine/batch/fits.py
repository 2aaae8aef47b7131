"""What a batch of fits returns, on the scale of the data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array


@dataclass(frozen=True)
class BatchFits:
    """B fitted models.

    Attributes
    ----------
    estimate : (B, c) contrasts of the fixed effects
    std_error : (B, c), adjusted where the degrees of freedom are those of Kenward and Roger
    df : (B, c), infinite where none were asked for
    variances : (B, v) variances and covariances of each random term, the variances first; the residual variance is last
    variances_covariance : (B, v, v) of these, from the expected information
    log_likelihood : (B,) restricted or not, constants included
    singular : (B,) whether a variance is zero, or a correlation 1 or -1
    converged : (B,) whether a minimum of the deviance was found; where not, the other arrays have no meaning
    """

    estimate: Array
    std_error: Array
    df: Array
    variances: Array
    variances_covariance: Array
    log_likelihood: Array
    singular: NDArray[np.bool_]
    converged: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.estimate)


def joined(parts: Iterable[BatchFits]) -> BatchFits:
    """The fits of all parts, in order."""
    columns = zip(*(vars(part).values() for part in parts), strict=True)
    return BatchFits(*(np.concatenate(column) for column in columns))


def without(fits: BatchFits, which: NDArray[np.bool_]) -> BatchFits:
    """`fits` with no numbers for `which` (B,), as not converged."""
    numbers = {name: value for name, value in vars(fits).items() if value.dtype != bool}
    gaps = {
        name: np.where(which.reshape(-1, *[1] * (value.ndim - 1)), np.nan, value) for name, value in numbers.items()
    }
    return replace(fits, **gaps, singular=fits.singular & ~which, converged=fits.converged & ~which)
