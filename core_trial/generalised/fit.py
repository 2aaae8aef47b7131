"""What `glmm` returns: a fit with random effects, and what one does with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from ..engine.generalised.glmm import GlmmResult
from ..fit import Array, Fit
from ..fits.bootstrap_test import BootstrapTest
from ..formula.matrices import Matrices
from ..formula.parse import MixedFormula
from ..mixed.random_tables import COMPONENTS, component_rows, effects_table, group_names
from .bootstrap import bootstrap_test
from .likelihood import likelihood_ratio_test
from .prediction import PredictionKind, PredictionScale, predictions
from .profiles import profile_table, variance_table
from .simulation import simulate


@dataclass(frozen=True, kw_only=True)
class GlmmFit(Fit):
    """A generalised linear mixed model: beside the fixed effects, its variances, modes and likelihood.

    Attributes
    ----------
    result : what the engine found, `result.path` being the way of its optimiser
    matrices, formula : what it was fitted to
    ends : parameters of the family that ran off to an end (see `notes`), and that end

    Examples
    --------
    >>> import core_trial as ct
    >>> data = pd.DataFrame({"team": list("aabbccddeeff"), "arm": [0] * 6 + [1] * 6})
    >>> data["events"], data["others"] = [19, 17, 8, 6, 12, 11, 4, 6, 12, 13, 2, 4], [11, 9, 12, 8, 15, 14] * 2
    >>> fit = ct.glmm("cbind(events, others) ~ arm + (1 | team)", data, family="binomial")
    >>> fit.likelihood_ratio_test("arm").round(2)[["df", "statistic", "p_value"]].to_numpy().tolist()
    [[4.0, 1.57, 0.28]]
    >>> fit.predict(pd.DataFrame({"arm": [0, 1]})).round(2)["estimate"].tolist()
    [0.5, 0.35]
    """

    result: GlmmResult = field(repr=False)
    matrices: Matrices = field(repr=False)
    formula: MixedFormula = field(repr=False)
    ends: Mapping[str, float] = field(default_factory=dict)

    def variance_components(self) -> pd.DataFrame:
        """A row a variance or covariance, on the scale of the link: `group term other covariance correlation`."""
        return pd.DataFrame(component_rows(self.matrices.random, self.result.covariances), columns=COMPONENTS)

    def dispersion(self) -> pd.DataFrame:
        """A row a parameter of the family beside the mean, `parameter estimate`: theta, alpha, precision, inflation."""
        values = {**self.result.others, **self.ends}
        return pd.DataFrame({"parameter": list(values), "estimate": list(values.values())})

    def ranef(self) -> pd.DataFrame:
        """Conditional modes of the random effects, on the scale of the link: `group level term mode`."""
        return effects_table(self.matrices.random, mode=self.result.modes)

    def likelihood_ratio_test(self, hypothesis: str | Sequence[str] | Array) -> pd.DataFrame:
        """One row: `term num_df df chi_squared statistic p_value chi_squared_p`, of equations of the coefficients.

        `hypothesis` is that of `test`. Twice the difference of the log-likelihoods over `num_df` is compared with
        F(num_df, df), the degrees of freedom being those of the fit (between-within by default): with few clusters the
        test by chi-squared, `chi_squared_p`, is too liberal (Qiu et al., 2024, Stat Med 43:201).
        """
        return likelihood_ratio_test(self, hypothesis)

    def profile_intervals(self, *, conf_level: float = 0.95) -> pd.DataFrame:
        """A row a coefficient, `term estimate conf_low conf_high`: where the test above is not significant."""
        return profile_table(self, conf_level)

    def variance_intervals(self, *, conf_level: float = 0.95) -> pd.DataFrame:
        """Profile-likelihood intervals: `group term quantity estimate conf_low conf_high`.

        A row a standard deviation of random terms of one effect, by chi-squared with 1 degree of freedom, and a row a
        parameter of the family beside the mean.
        """
        return variance_table(self, conf_level)

    def bootstrap_test(self, hypothesis: str | Sequence[str] | Array, *, n: int = 999, seed: int) -> BootstrapTest:
        """The likelihood ratio of `hypothesis` compared with those of `n` outcomes drawn from the fit that obeys it.

        Raises
        ------
        FitError : none of the outcomes drawn could be fitted
        """
        return bootstrap_test(self, hypothesis, n, seed)

    def predict(
        self,
        new: pd.DataFrame | None = None,
        *,
        kind: PredictionKind = "typical",
        scale: PredictionScale = "response",
        conf_level: float = 0.95,
    ) -> pd.DataFrame:
        """A row a row: `estimate std_error df conf_low conf_high`, with the index of the rows.

        Parameters
        ----------
        new : rows with the columns of the formula but the outcome; by default those of the fit
        kind : `typical`, of a cluster whose random effects are zero; `marginal`, the mean over clusters; `conditional`,
            for the clusters of the rows by their modes (zero where the fit does not know them), without an interval
        scale : `response`, of counts (with the offset) or of a proportion; or `link`

        Standard errors allow for the coefficients, the variances being taken as known.
        """
        return predictions(self, new, kind, scale, conf_level)

    def simulate(self, n: int, *, seed: int, conditional: bool = False) -> Array:
        """Outcomes drawn from the fit, (n, rows): with new random effects, or if `conditional` with their modes.

        Counts, or events out of the trials. The i-th depends on `seed` and i only.
        """
        return simulate(self.result, self.matrices, n, seed, conditional=conditional)

    @property
    def groups(self) -> list[str]:
        """The grouping factor of each random term, the second of one name with `.1` and so on."""
        return group_names(self.matrices.random)
