"""What every analysis returns: estimates, their covariance and reference distribution, and what was done in words.

Plots, tables and reports read only `tidy()`, `glance()`, `method`, `notes`, `measure` and `link`;
none knows the model inside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from .errors import PlanError

Array = NDArray[np.floating[Any]]

TIDY = ("term", "estimate", "std_error", "df", "statistic", "p_value", "conf_low", "conf_high")
"""Columns of `Fit.tidy()`, in this order, for every model."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Estimates with small-sample inference.

    Attributes
    ----------
    terms : names of the p coefficients
    estimate : (p,) on the scale of the link
    covariance : (p, p), the one that inference uses (adjusted where the method adjusts it)
    degrees : function from a contrast (p,) to its denominator degrees of freedom; infinity means a normal reference
    measure : what an effect is, in the words of a table: "mean difference", "rate ratio", ...
    link : "identity", or "log" / "logit" when the exponential of an estimate is the ratio that people read
    method : one sentence for a methods section
    notes : what the reader must know: rows left out and why, a boundary fit, few clusters
    summary : the row that `glance()` shows
    """

    terms: tuple[str, ...]
    estimate: Array
    covariance: Array
    degrees: Callable[[Array], float]
    measure: str = "mean difference"
    link: Literal["identity", "log", "logit"] = "identity"
    method: str
    notes: tuple[str, ...] = ()
    summary: Mapping[str, Any] = field(default_factory=dict)

    def tidy(self, *, conf_level: float = 0.95, exponentiate: bool = False) -> pd.DataFrame:
        """A row a coefficient, with the columns `TIDY`; `exponentiate` gives ratios (log and logit links)."""
        return self._table(self.terms, np.eye(len(self.terms)), conf_level, exponentiate)

    def contrast(
        self, weights: Mapping[str, float], *, conf_level: float = 0.95, exponentiate: bool = False
    ) -> pd.DataFrame:
        """One row for a linear combination of coefficients, given as term -> weight."""
        unknown = [term for term in weights if term not in self.terms]
        if unknown:
            raise PlanError(f"no coefficient {unknown[0]!r}; the fit has {', '.join(self.terms)}")
        row = np.array([[weights.get(term, 0.0) for term in self.terms]])
        return self._table([_spell(weights)], row, conf_level, exponentiate)

    def glance(self) -> pd.DataFrame:
        """One row for the whole fit: nobs n_clusters loglik aic bic sigma singular converged icc (what applies)."""
        return pd.DataFrame([dict(self.summary)])

    def _table(self, names: Sequence[str], contrasts: Array, conf_level: float, exponentiate: bool) -> pd.DataFrame:
        """A row for each contrast (rows, p); t on its degrees of freedom, the normal where those are infinite."""
        if exponentiate and self.link == "identity":
            raise PlanError("exponentiate is for models with a log or logit link; this one estimates differences")
        estimate = contrasts @ self.estimate
        std_error = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", contrasts, self.covariance, contrasts), 0.0))
        df = np.array([self.degrees(contrast) for contrast in contrasts], float)
        statistic = np.divide(estimate, std_error, out=np.full(len(estimate), np.nan), where=std_error > 0)
        half = special.stdtrit(df, 0.5 + conf_level / 2) * std_error
        ends = [estimate, estimate - half, estimate + half]
        estimate, low, high = np.exp(ends) if exponentiate else ends
        p_value = 2 * special.stdtr(df, -np.abs(statistic))
        columns = (list(names), estimate, std_error, df, statistic, p_value, low, high)
        return pd.DataFrame(dict(zip(TIDY, columns, strict=True)))


def _spell(weights: Mapping[str, float]) -> str:
    """`{"a": 1, "b": -1}` as "a - b"."""
    text = " ".join(
        f"{'-' if w < 0 else '+'} {'' if abs(w) == 1 else f'{abs(w):g}*'}{term}" for term, w in weights.items() if w
    )
    return text.removeprefix("+ ")
