"""Parametric bootstrap of a likelihood ratio: outcomes drawn from the model that obeys the hypothesis, fitted again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from ..engine.arrays import Array
from ..engine.limits import fit_within_limits
from ..engine.restricted import RestrictedFit, contrast_rows, fit_restricted
from ..errors import FitError
from ..fits.hypotheses import Hypothesis, read_hypothesis
from .likelihood import likelihood_ratio, restricted_fit
from .simulation import outcome_model

if TYPE_CHECKING:
    from .fit import GlmmFit

TIE = 1e-8  # statistics that differ by less, from rounding, are equal


@dataclass(frozen=True, kw_only=True)
class GlmmBootstrapTest:
    """A likelihood-ratio statistic compared with those of outcomes drawn under the hypothesis.

    Attributes
    ----------
    statistic : twice the difference of the log-likelihoods
    drawn : (B,) the same of each outcome drawn that could be fitted
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
        """(1 + statistics drawn that are no smaller) / (1 + B)."""
        return float(1 + np.sum(self.drawn >= self.statistic - TIE)) / (1 + len(self.drawn))

    @property
    def p_error(self) -> float:
        """Monte Carlo standard error of the p-value."""
        return float(np.sqrt(self.p_value * (1 - self.p_value) / (1 + len(self.drawn))))

    def tidy(self) -> pd.DataFrame:
        """One row: `statistic p_value p_error draws chi_squared_p`."""
        values = (self.statistic, self.p_value, self.p_error, len(self.drawn), self.chi_squared_p)
        return pd.DataFrame([values], columns=["statistic", "p_value", "p_error", "draws", "chi_squared_p"])


def bootstrap_test(fit: GlmmFit, hypothesis: str | Sequence[str] | Array, n: int, seed: int) -> GlmmBootstrapTest:
    """See `GlmmFit.bootstrap_test`."""
    asked = read_hypothesis(hypothesis, fit.terms)
    null = restricted_fit(fit, asked)
    statistic = likelihood_ratio(fit, null)
    model = outcome_model(fit.result, fit.matrices, null.psi)
    ratios = np.array([_ratio(fit, asked, null, y) for outcomes in model.draw(n, seed) for y in outcomes])
    found = ratios[np.isfinite(ratios)]
    if not len(found):
        raise FitError(f"none of the {n} outcomes drawn could be fitted")
    lost = n - len(found)
    return GlmmBootstrapTest(
        statistic=statistic,
        drawn=found,
        chi_squared_p=float(special.chdtrc(len(asked.rows), statistic)),
        method=f"Parametric bootstrap of the likelihood ratio: {n} outcomes drawn under {asked.text} (seed {seed})",
        notes=(f"{lost} of {n} outcomes drawn could not be fitted and are left out",) if lost else (),
    )


def _ratio(fit: GlmmFit, hypothesis: Hypothesis, null: RestrictedFit, y: Array) -> float:
    """The statistic of an outcome y (n,); NaN where a model could not be fitted."""
    result = fit.result
    problem = replace(result.problem, rows=replace(result.problem.rows, y=y))
    try:
        full, _ = fit_within_limits(problem, result.shift, null.psi, result.n_nodes)
        small = fit_restricted(full, *contrast_rows(full, hypothesis.rows, hypothesis.values))
    except FitError:
        return np.nan
    return max(small.value - full.minimum.at.value, 0.0)
