"""What a bootstrap of a mixed model follows: coefficients, variances and correlations, or a statistic of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..engine.arrays import Array
from ..engine.batch import BatchFits
from ..errors import PlanError
from ..formula.coding import INTERCEPT
from .intervals import is_nested

if TYPE_CHECKING:
    from .fit import LmmFit

Statistic = Callable[[BatchFits], Mapping[str, Array]]
"""From B fits to (B,) values of each of some named statistics."""

NAMES = ("group", "term", "other", "quantity")


class Quantities(NamedTuple):
    """Values (B, s) of s quantities and their standard errors, NaN where these are not known."""

    values: Array
    std_errors: Array

    def take(self, which: NDArray[np.bool_]) -> Quantities:
        return Quantities(self.values[which], self.std_errors[which])


Compute = Callable[[BatchFits], Quantities]


def standard_quantities(fit: LmmFit) -> tuple[pd.DataFrame, Compute]:
    """Names and values of the coefficients, the variances and covariances, and the intracluster correlations."""
    places = _icc_places(fit)
    names = [("", term, "", "coefficient") for term in fit.terms]
    names += [
        (group, term, other, "covariance" if other not in ("", term) else "variance")
        for group, term, other in fit.variance_components()[["group", "term", "other"]].itertuples(index=False)
    ]
    names += [(group, INTERCEPT, INTERCEPT, "icc") for group, _ in zip(fit.groups, places, strict=False)]

    def compute(fits: BatchFits) -> Quantities:
        icc = _shares(fits, places)
        deviations = np.sqrt(np.diagonal(fits.variances_covariance, axis1=1, axis2=2))
        return Quantities(
            np.hstack([fits.estimate, fits.variances, icc.values]),
            np.hstack([fits.std_error, deviations, icc.std_errors]),
        )

    return pd.DataFrame(names, columns=list(NAMES)), compute


def own_quantities(statistic: Statistic, observed: BatchFits) -> tuple[pd.DataFrame, Compute]:
    """Names and values of what `statistic` makes of fits; PlanError if that is not a number for each."""
    names = [("", str(name), "", "statistic") for name in statistic(observed)]

    def compute(fits: BatchFits) -> Quantities:
        values = {name: np.asarray(value, float) for name, value in statistic(fits).items()}
        for name, value in values.items():
            if value.shape != (len(fits),):
                raise PlanError(f"statistic {name!r} of {len(fits)} fits has shape {value.shape}: give a number a fit")
        return Quantities(np.column_stack(list(values.values())), np.full((len(fits), len(values)), np.nan))

    return pd.DataFrame(names, columns=list(NAMES)), compute


def _icc_places(fit: LmmFit) -> Array:
    """(g, g + 1) which variances the rows of each group share, g = 0 where random slopes leave no one correlation."""
    random = fit.matrices.random
    if any(term.names != (INTERCEPT,) for term in random):
        return np.zeros((0, fit.variance_components().shape[0]))
    factors = [term.grouping for term in random]
    shared = [[coarse is fine or is_nested(fine.level, coarse.level) for coarse in factors] for fine in factors]
    return np.array([[*places, False] for places in shared], float)


def _shares(fits: BatchFits, places: Array) -> Quantities:
    """Of the total variance, with standard errors by the delta method."""
    total = fits.variances.sum(axis=1, keepdims=True)
    values = fits.variances @ places.T / total
    slopes = (places - values[..., None]) / total[..., None]
    return Quantities(values, np.sqrt(np.einsum("bgv,bvw,bgw->bg", slopes, fits.variances_covariance, slopes)))
