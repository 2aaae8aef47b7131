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

from .engine.inference import Reference
from .errors import PlanError
from .fits import means as marginal_means
from .fits.hypotheses import Hypothesis, independent, read_hypothesis
from .fits.means import At, Combinations, Weights
from .fits.type_three import type_three
from .formula.frame import ModelFrame

Array = NDArray[np.floating[Any]]

TIDY = ("term", "estimate", "std_error", "df", "statistic", "p_value", "conf_low", "conf_high")
"""Columns of `Fit.tidy()`, in this order, for every model."""

JOINT = ("term", "num_df", "df", "scale", "statistic", "p_value")
"""Columns of `Fit.test()` and `Fit.anova()`: `statistic` is the scaled F, compared with F(num_df, df)."""


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
    joint : function from a contrast (q, p) to the degrees of freedom and scale of its F; None, the fewest of its rows
    frame : the rows and the formula of the fixed effects, for models that keep them

    Examples
    --------
    >>> import core_trial as ct
    >>> team, arm, age = np.repeat(list("abcdef"), 4), np.repeat(["control", "intervention"], 12), [31, 45, 52, 38] * 6
    >>> score = [20, 23, 24, 25, 22, 23, 21, 20, 22, 26, 23, 25, 26, 25, 24, 28, 27, 30, 26, 27, 23, 25, 24, 28]
    >>> people = pd.DataFrame({"team": team, "arm": arm, "age": age, "score": score})
    >>> fit = ct.lmm("score ~ arm + age + (1 | team)", people)
    >>> fit.test("arm[T.intervention], age").round(3).loc[0, ["num_df", "df", "p_value"]].tolist()
    [2.0, 7.945, 0.048]
    >>> fit.marginal_means("arm").round(2)["estimate"].tolist()
    [22.83, 26.08]
    >>> fit.marginal_differences("arm").round(2)[["estimate", "conf_low", "conf_high"]].to_numpy().tolist()
    [[3.25, 0.37, 6.13]]
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
    joint: Callable[[Array], Reference] | None = field(default=None, repr=False)
    frame: ModelFrame | None = field(default=None, repr=False)

    def tidy(self, *, conf_level: float = 0.95, exponentiate: bool = False) -> pd.DataFrame:
        """A row a coefficient, with the columns `TIDY`; `exponentiate` gives ratios (log and logit links)."""
        return self._table(self.terms, np.eye(len(self.terms)), conf_level, exponentiate)

    def contrast(
        self, weights: Mapping[str, float], *, conf_level: float = 0.95, exponentiate: bool = False
    ) -> pd.DataFrame:
        """One row for a linear combination of coefficients, given as term -> weight."""
        return self._table([spell(weights)], self.row(weights)[None], conf_level, exponentiate)

    def row(self, weights: Mapping[str, float]) -> Array:
        """(p,) the weight of each coefficient, from term -> weight."""
        unknown = [term for term in weights if term not in self.terms]
        if unknown:
            raise PlanError(f"no coefficient {unknown[0]!r}; the fit has {', '.join(self.terms)}")
        return np.array([weights.get(term, 0.0) for term in self.terms])

    def test(self, hypothesis: str | Sequence[str] | Array) -> pd.DataFrame:
        """One row, with the columns `JOINT`: an F test of several linear combinations of coefficients together.

        `hypothesis` is an equation or several with commas between (`"arm = 0, 2 * month - age = 1"`; without `=`, it
        equals zero), a list of such, or a matrix (q, p) whose rows times the coefficients are zero. Kenward-Roger gives
        the scaled F of pbkrtest, Satterthwaite the degrees of freedom of lmerTest; between-within and other fixed
        degrees are the fewest of the coefficients that take part.
        """
        return self._joint([read_hypothesis(hypothesis, self.terms)])

    def anova(self) -> pd.DataFrame:
        """A row a term of the formula, with the columns `JOINT`: F tests of type III, as SAS and lmerTest.

        The effect of a factor is averaged, with equal weights, over the levels of the factors that it interacts with,
        and taken where numbers that it interacts with are zero: centre these. It does not depend on how the factors
        are coded. Where combinations of levels do not occur, what remains estimable is tested, as SAS does.
        """
        contrasts = type_three(self.model_frame)
        return self._joint([independent(Hypothesis(t, rows, np.zeros(len(rows)))) for t, rows in contrasts.items()])

    def marginal_means(
        self, by: str | Sequence[str], *, at: At | None = None, weights: Weights = "equal", conf_level: float = 0.95
    ) -> pd.DataFrame:
        """A row for each combination of the values of `by`: mean of the model there, with its interval.

        Parameters
        ----------
        by : variables of the fixed effects, such as `["arm", "timepoint"]`
        at : values to take of any variable, such as `{"age": 40}`. Otherwise numbers are at their mean; categories,
            numbers with two values and variables of `by` take each value that occurs
        weights : of the values that are averaged over: equal, or proportional to the rows in which they occur together

        Returns
        -------
        The columns of `by`, then `estimate std_error df conf_low conf_high`, on the scale of the link; NaN where the
        data do not determine a mean. As R's emmeans.
        """
        combined = marginal_means.means(self.model_frame, _names(by), at or {}, weights)
        table = self._combined(combined, conf_level)
        return table.drop(columns=["statistic", "p_value"])

    def marginal_differences(
        self,
        of: str,
        by: str | Sequence[str] = (),
        *,
        at: At | None = None,
        weights: Weights = "equal",
        conf_level: float = 0.95,
    ) -> pd.DataFrame:
        """Differences of marginal means between the values of `of`, each less each earlier one, within those of `by`.

        The columns of `by`, then those of `tidy()`; p-values and intervals are not adjusted for their number. A
        difference that the model sets to zero has no test. The other parameters are those of `marginal_means`.
        """
        combined = marginal_means.differences(self.model_frame, of, _names(by), at or {}, weights)
        return self._combined(combined, conf_level)

    def glance(self) -> pd.DataFrame:
        """One row for the whole fit: nobs n_clusters loglik aic bic sigma singular converged icc (what applies)."""
        return pd.DataFrame([dict(self.summary)])

    def _table(self, names: Sequence[str], contrasts: Array, conf_level: float, exponentiate: bool) -> pd.DataFrame:
        """A row for each contrast (rows, p); t on its degrees of freedom, the normal where those are infinite."""
        if exponentiate and self.link == "identity":
            raise PlanError("exponentiate is for models with a log or logit link; this one estimates differences")
        estimate = contrasts @ self.estimate
        std_error = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", contrasts, self.covariance, contrasts), 0.0))
        df = np.array([self.degrees(contrast) if contrast.any() else np.nan for contrast in contrasts], float)
        statistic = np.divide(estimate, std_error, out=np.full(len(estimate), np.nan), where=std_error > 0)
        half = special.stdtrit(df, 0.5 + conf_level / 2) * std_error
        ends = [estimate, estimate - half, estimate + half]
        estimate, low, high = np.exp(ends) if exponentiate else ends
        p_value = 2 * special.stdtr(df, -np.abs(statistic))
        columns = (list(names), estimate, std_error, df, statistic, p_value, low, high)
        return pd.DataFrame(dict(zip(TIDY, columns, strict=True)))

    def _combined(self, combined: Combinations, conf_level: float) -> pd.DataFrame:
        """Labels and inference side by side; NaN where the weights are."""
        known = np.flatnonzero(np.isfinite(combined.weights).all(axis=1))
        table = self._table([""] * len(known), combined.weights[known], conf_level, False).drop(columns="term")
        return combined.labels.join(table.set_index(known))

    def _joint(self, hypotheses: Sequence[Hypothesis]) -> pd.DataFrame:
        return pd.DataFrame([self._f_test(hypothesis) for hypothesis in hypotheses], columns=list(JOINT))

    def _f_test(self, hypothesis: Hypothesis) -> tuple[str, int, float, float, float, float]:
        """scale (L b - v)'(L C L')^-1 (L b - v) / q on F(q, df); the chi-squared / q where df is infinite."""
        rows, q = hypothesis.rows, len(hypothesis.rows)
        distance = rows @ self.estimate - hypothesis.values
        wald = distance @ np.linalg.solve(rows @ self.covariance @ rows.T, distance)
        df, scale = self.joint(rows) if self.joint else Reference(min(map(self.degrees, rows)), 1.0)
        statistic = float(scale * wald / q)
        p_value = special.fdtrc(q, df, statistic) if np.isfinite(df) else special.chdtrc(q, q * statistic)
        return hypothesis.text, q, df, scale, statistic, float(p_value)

    @property
    def model_frame(self) -> ModelFrame:
        """The formula and rows of the fit; PlanError where it keeps none."""
        if self.frame is None:
            raise PlanError("this fit keeps no rows and formula of fixed effects; fit a data frame by lmm or mmrm")
        return self.frame


def _names(by: str | Sequence[str]) -> list[str]:
    return [by] if isinstance(by, str) else list(by)


def spell(weights: Mapping[str, float]) -> str:
    """`{"a": 1, "b": -1}` as "a - b"."""
    text = " ".join(
        f"{'-' if w < 0 else '+'} {'' if abs(w) == 1 else f'{abs(w):g}*'}{term}" for term, w in weights.items() if w
    )
    return text.removeprefix("+ ")
