"""Tests of nested mixed models by responses drawn from the smaller."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..engine.arrays import Array
from ..engine.batch import fit_responses
from ..fits.bootstrap_test import BootstrapTest, fitted_ratios
from .nested import likelihood_ratio
from .simulation import response_model

if TYPE_CHECKING:
    from .fit import LmmFit


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
    >>> import core_trial as ct, pandas as pd
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
    found, lost = fitted_ratios(np.concatenate(drawn), "data sets drawn")
    return BootstrapTest(
        statistic=asymptotic.statistic,
        drawn=found,
        chi_squared_p=asymptotic.p_value,
        method=_method(n, seed, reml),
        notes=(*asymptotic.notes, *lost),
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
