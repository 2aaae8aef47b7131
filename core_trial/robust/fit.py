"""What robust models return: a fit, and what others make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import get_args

import numpy as np
import pandas as pd

from ..engine.robust.degrees import LINEAR
from ..engine.robust.quasi_likelihood import QuasiFit
from ..engine.robust.sandwich import ClusterParts, Correction, influence_functions, robust_covariance
from ..fit import Array, Fit
from ..fits.hypotheses import Hypothesis
from .inference import RobustDdf, robust_inference
from .observations import Observations

INFERENCE = ["std_error", "df", "statistic", "p_value", "conf_low", "conf_high"]


@dataclass(frozen=True, kw_only=True)
class RobustFit(Fit):
    """A marginal model: beside the coefficients, what each cluster says of them.

    Attributes
    ----------
    observed : the rows that were fitted: outcome, columns, offset, cluster and weight of each
    state : linear predictor, mean and variance of each row at the estimates
    parts : scores and information of each cluster, for every correction
    correction, ddf : those that inference uses

    Examples
    --------
    >>> import core_trial as ct
    >>> score = [20, 23, 24, 25, 22, 23, 21, 20, 22, 26, 23, 25, 26, 25, 24, 28, 27, 30, 26, 27, 23, 25, 24, 28]
    >>> people = pd.DataFrame({"team": np.repeat(list("abcdef"), 4), "arm": np.repeat([0, 1], 12), "score": score})
    >>> fit = ct.cluster_robust("score ~ arm", people, cluster="team")
    >>> fit.compare_corrections("arm").loc[[0, 3, 5], ["correction", "std_error"]].round(2).to_numpy().tolist()
    [['none', 0.85], ['cr2', 1.04], ['md', 1.27]]
    """

    observed: Observations = field(repr=False)
    state: QuasiFit = field(repr=False)
    parts: ClusterParts = field(repr=False)
    correction: Correction
    ddf: RobustDdf

    @property
    def theta(self) -> float:
        """Of a negative binomial variance mu + mu^2 / theta, infinite for other families."""
        return self.state.model.theta

    @property
    def influence_functions(self) -> Array:
        """(K, p) what each cluster, in the order of `observed.cluster.labels`, adds to the error of the estimates.

        With the correction of the fit: their products sum to its covariance, but for `mbn` and `avg`.
        """
        return influence_functions(self.parts, self.correction)

    def fitted(self) -> pd.Series:
        """The mean of each row, of a trial for proportions, with the index of the rows."""
        return pd.Series(self.state.mean, index=self._index, name="fitted")

    def residuals(self) -> pd.Series:
        """Pearson's: (y - mean) over the standard deviation of the family, without the dispersion."""
        deviation = np.sqrt(self.state.variance / self.observed.trials)
        return pd.Series((self.state.data.y - self.state.mean) / deviation, index=self._index, name="pearson")

    @property
    def _index(self) -> pd.Index:
        return next(iter(self.observed.matrices.columns.values())).index

    def compare_corrections(self, term: str | None = None, *, conf_level: float = 0.95) -> pd.DataFrame:
        """Every correction side by side: `correction ddf`, the columns of `tidy()`, and `chosen`.

        A row a correction and coefficient, or only the coefficient `term`. The degrees of freedom are by the method of
        the fit; where that is Satterthwaite's, `mbn` and `avg`, which have none, take those of clusters.
        """
        rows = np.eye(len(self.terms)) if term is None else self.row({term: 1.0})[None]
        names = list(self.terms) if term is None else [term]
        return pd.concat([self._corrected(c, names, rows, conf_level) for c in get_args(Correction)], ignore_index=True)

    def _corrected(self, correction: Correction, names: list[str], rows: Array, conf_level: float) -> pd.DataFrame:
        ddf: RobustDdf = "clusters" if self.ddf == "satterthwaite" and correction not in LINEAR else self.ddf
        inference = robust_inference(self.parts, self.observed, correction, ddf)
        fit = Fit(
            terms=self.terms,
            estimate=self.estimate,
            covariance=inference.covariance,
            degrees=inference.degrees,
            method=inference.words,
        )
        table = self._without_lone(fit._table(names, rows, conf_level, False), rows)
        chosen = correction == self.correction
        return table.assign(correction=correction, ddf=ddf, chosen=chosen)[["correction", "ddf", *table, "chosen"]]

    def with_correction(self, correction: Correction) -> Array:
        """(p, p) the covariance by another correction."""
        return robust_covariance(self.parts, correction)

    def _table(self, names: Sequence[str], contrasts: Array, conf_level: float, exponentiate: bool) -> pd.DataFrame:
        return self._without_lone(super()._table(names, contrasts, conf_level, exponentiate), contrasts)

    def _f_test(self, hypothesis: Hypothesis) -> tuple[str, int, float, float, float, float]:
        """None of what a single cluster determines, nor of as many contrasts as clusters."""
        rows, q = hypothesis.rows, len(hypothesis.rows)
        spread = rows @ self.covariance @ rows.T
        if any(map(self.parts.is_lone, rows)) or np.linalg.matrix_rank(spread, hermitian=True) < q:
            return hypothesis.text, q, np.nan, np.nan, np.nan, np.nan
        return super()._f_test(hypothesis)

    def _without_lone(self, table: pd.DataFrame, contrasts: Array) -> pd.DataFrame:
        """No inference for what a single cluster determines: its residuals say nothing of the error."""
        lone = [self.parts.is_lone(contrast) for contrast in contrasts]
        if any(lone):
            table.loc[lone, INFERENCE] = np.nan
        return table
