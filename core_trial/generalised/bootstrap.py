"""Parametric bootstrap of a likelihood ratio: outcomes drawn from the model that obeys the hypothesis, fitted again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from ..engine.arrays import Array
from ..engine.generalised.limits import fit_within_limits
from ..engine.generalised.restricted import RestrictedFit, contrast_rows, fit_restricted
from ..errors import FitError
from ..fits.bootstrap_test import BootstrapTest, fitted_ratios
from ..fits.hypotheses import Hypothesis, read_hypothesis
from .likelihood import likelihood_ratio, restricted_fit
from .simulation import outcome_model

if TYPE_CHECKING:
    from .fit import GlmmFit


def bootstrap_test(fit: GlmmFit, hypothesis: str | Sequence[str] | Array, n: int, seed: int) -> BootstrapTest:
    """See `GlmmFit.bootstrap_test`."""
    asked = read_hypothesis(hypothesis, fit.terms)
    null = restricted_fit(fit, asked)
    statistic = likelihood_ratio(fit, null)
    model = outcome_model(fit.result, fit.matrices, null.psi)
    ratios = np.array([_ratio(fit, asked, null, y) for outcomes in model.draw(n, seed) for y in outcomes])
    found, notes = fitted_ratios(ratios, "outcomes drawn")
    return BootstrapTest(
        statistic=statistic,
        drawn=found,
        chi_squared_p=float(special.chdtrc(len(asked.rows), statistic)),
        method=f"Parametric bootstrap of the likelihood ratio: {n} outcomes drawn under {asked.text} (seed {seed})",
        notes=notes,
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
