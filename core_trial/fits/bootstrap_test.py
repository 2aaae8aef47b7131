"""A likelihood-ratio statistic compared with those of data drawn under the null hypothesis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..engine.arrays import Array
from ..errors import FitError

TIE = 1e-8  # statistics that differ by less, from rounding, are equal


@dataclass(frozen=True, kw_only=True)
class BootstrapTest:
    """A likelihood-ratio statistic compared with those of data drawn under the null hypothesis.

    Attributes
    ----------
    statistic : twice the difference of the log-likelihoods
    drawn : (B,) the same of each data set drawn that could be fitted
    chi_squared_p : the p-value of the asymptotic test, for comparison
    method, notes : what was done, and what the reader must know
    """

    statistic: float
    drawn: Array
    chi_squared_p: float
    method: str
    notes: tuple[str, ...] = ()

    @property
    def p_value(self) -> float:
        """(1 + statistics drawn that are no smaller) / (1 + B): no test of B draws can claim less than 1 / (1 + B)."""
        return float(1 + np.sum(self.drawn >= self.statistic - TIE)) / (1 + len(self.drawn))

    @property
    def p_error(self) -> float:
        """Monte Carlo standard error of the p-value."""
        return float(np.sqrt(self.p_value * (1 - self.p_value) / (1 + len(self.drawn))))

    def tidy(self) -> pd.DataFrame:
        """One row: `statistic p_value p_error draws chi_squared_p`."""
        values = (self.statistic, self.p_value, self.p_error, len(self.drawn), self.chi_squared_p)
        return pd.DataFrame([values], columns=["statistic", "p_value", "p_error", "draws", "chi_squared_p"])


def fitted_ratios(ratios: Array, drawn: str) -> tuple[Array, tuple[str, ...]]:
    """Those of `ratios` (n,) that are not NaN, and a note of the others; FitError where there are none.

    `drawn` is what the notes call a draw, such as "data sets drawn".
    """
    found = ratios[np.isfinite(ratios)]
    if not len(found):
        raise FitError(f"none of the {len(ratios)} {drawn} could be fitted")
    lost = len(ratios) - len(found)
    return found, (f"{lost} of {len(ratios)} {drawn} could not be fitted and are left out",) if lost else ()
