"""Tests of nested mixed models by responses drawn from the smaller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..engine.arrays import Array
from ..engine.batch import fit_responses
from ..errors import FitError
from .nested import likelihood_ratio
from .simulation import response_model

if TYPE_CHECKING:
    from .fit import LmmFit

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
        return pd.DataFrame(
            {
                "statistic": [self.statistic],
                "p_value": self.p_value,
                "p_error": self.p_error,
                "draws": len(self.drawn),
                "chi_squared_p": self.chi_squared_p,
            }
        )


def bootstrap_test(small: LmmFit, large: LmmFit, *, n: int = 9999, seed: int) -> BootstrapTest:
    """Test what `large` has more than `small`: two fits by `lmm` of the same rows, one nested in the other.

    `n` responses are drawn from `small`, both models are fitted to each, and the likelihood-ratio statistic of the data
    is compared with theirs, as pbkrtest's `PBmodcomp` (Halekoh and Hojsgaard, 2014, J Stat Softw 59(9)). Models of
    different fixed effects are compared by maximum likelihood; the responses are drawn from `small` as it was fitted.

    Raises
    ------
    PlanError : the fits are not of the same rows, or not nested
    FitError : none of the draws could be fitted

    Examples
    --------
    >>> import core_trial as ct
    >>> people = pd.DataFrame({"team": list("aaabbbcccddd"), "age": range(12)})
    >>> people["y"] = [3, 5, 4, 8, 6, 9, 4, 5, 6, 9, 7, 9]
    >>> fits = [ct.lmm(formula, people) for formula in ("y ~ 1 + (1 | team)", "y ~ age + (1 | team)")]
    >>> test = ct.bootstrap_test(*fits, n=999, seed=1)
    >>> round(test.statistic, 2), round(test.p_value, 2), round(test.chi_squared_p, 2)
    (3.55, 0.19, 0.06)
    """
    asymptotic = likelihood_ratio(small, large)
    reml = small.result.deviance.reml and large.result.deviance.reml and len(small.terms) == len(large.terms)
    drawn = [_ratios((small, large), responses, reml) for responses in response_model(small).draw(n, seed)]
    ratios = np.concatenate(drawn)
    found = np.isfinite(ratios)
    if not found.any():
        raise FitError(f"none of the {n} data sets drawn could be fitted by both models")
    lost = n - int(found.sum())
    notes = (f"{lost} of {n} data sets drawn could not be fitted and are left out",) if lost else ()
    return BootstrapTest(
        statistic=asymptotic.statistic,
        drawn=ratios[found],
        chi_squared_p=asymptotic.p_value,
        method=_method(n, seed, reml),
        notes=(*asymptotic.notes, *notes),
    )


def _ratios(fits: tuple[LmmFit, LmmFit], responses: Array, reml: bool) -> Array:
    """(b,) statistics, NaN where a model could not be fitted."""
    small, large = (fit_responses(fit.design, responses, reml=reml) for fit in fits)
    ratios = 2 * (large.log_likelihood - small.log_likelihood)
    return np.where(small.converged & large.converged, np.maximum(ratios, 0.0), np.nan)


def _method(n: int, seed: int, reml: bool) -> str:
    likelihood = "restricted maximum likelihood" if reml else "maximum likelihood"
    return (
        f"Parametric bootstrap of the likelihood ratio: both models fitted by {likelihood} to {n} responses drawn from"
        f" the smaller (seed {seed})"
    )
