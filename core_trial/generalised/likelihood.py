"""Likelihood-ratio tests of coefficients, with the denominator degrees of freedom of the fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from ..engine.generalised.restricted import RestrictedFit, contrast_rows, fit_restricted
from ..errors import PlanError
from ..fit import Array
from ..fits.hypotheses import Hypothesis, read_hypothesis

if TYPE_CHECKING:
    from .fit import GlmmFit


def likelihood_ratio_test(fit: GlmmFit, hypothesis: str | Sequence[str] | Array) -> pd.DataFrame:
    """See `GlmmFit.likelihood_ratio_test`."""
    asked = read_hypothesis(hypothesis, fit.terms)
    ratio = likelihood_ratio(fit, restricted_fit(fit, asked))
    q, df = len(asked.rows), min(map(fit.degrees, asked.rows))
    chi_squared_p = float(special.chdtrc(q, ratio))
    p_value = float(special.fdtrc(q, df, ratio / q)) if np.isfinite(df) else chi_squared_p
    row = (asked.text, q, df, ratio, ratio / q, p_value, chi_squared_p)
    columns = ["term", "num_df", "df", "chi_squared", "statistic", "p_value", "chi_squared_p"]
    return pd.DataFrame([row], columns=columns)


def restricted_fit(fit: GlmmFit, hypothesis: Hypothesis) -> RestrictedFit:
    """The fit that obeys the hypothesis; PlanError where all coefficients are part of it and nothing is left."""
    if len(hypothesis.rows) >= len(fit.terms) and not fit.result.problem.random.structure.size:
        raise PlanError(f"the hypothesis {hypothesis.text!r} leaves no parameter free")
    return fit_restricted(fit.result, *contrast_rows(fit.result, hypothesis.rows, hypothesis.values))


def likelihood_ratio(fit: GlmmFit, restricted: RestrictedFit) -> float:
    return max(restricted.value - fit.result.minimum.at.value, 0.0)
