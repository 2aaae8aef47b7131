"""What `lmm` returns: a fit with random effects, and what one does with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd
from numpy.typing import ArrayLike

from ..engine.batch import BatchDesign, BatchFits
from ..engine.inference import Information
from ..engine.linear.conditional import mode_deviations
from ..engine.linear.lmm import LmmResult
from ..fit import Array, spell
from ..formula.matrices import Matrices
from .bootstrap import Bootstrap, bootstrap
from .bootstrap import Kind as BootstrapKind
from .bootstrap_quantities import Statistic
from .comparison import MixedFit
from .degrees import Ddf, SmallSample, small_sample
from .effect_size import Standard, effect_size
from .influence import influence
from .intervals import Interval as VarianceInterval
from .intervals import deviations, fixed_table, shares, variance_table
from .likelihood import variance_tests
from .prediction import Interval, check_effects, predictions
from .random_tables import COMPONENTS, component_rows, effects_table, group_names
from .refitting import refit, refit_each
from .residuals import Kind, residuals
from .simulation import simulate


@dataclass(frozen=True, kw_only=True)
class LmmFit(MixedFit):
    """A linear mixed model: beside the fixed effects, its variances and conditional modes.

    Attributes
    ----------
    result : what the engine found, `result.path` being the way of its optimiser
    matrices : what the engine was given
    ddf : the small-sample method that was asked for, and the information that it takes

    Examples
    --------
    >>> import core_trial as ct, numpy as np
    >>> score = [20, 23, 24, 25, 22, 23, 21, 20, 22, 26, 23, 25, 26, 25, 24, 28, 27, 30, 26, 27, 23, 25, 24, 28]
    >>> people = pd.DataFrame({"team": np.repeat(list("abcdef"), 4), "arm": np.repeat([0, 1], 12), "score": score})
    >>> fit = ct.lmm("score ~ arm + (1 | team)", people)
    >>> fit.predict(pd.DataFrame({"team": ["a", "new"], "arm": [0, 1]}), conditional=True).round(2)["estimate"].tolist()
    [22.91, 26.08]
    >>> fit.icc_intervals().round(2).loc[0, ["estimate", "conf_low", "conf_high"]].tolist()
    [0.19, 0.0, 0.74]
    >>> fit.compare_ddf("arm").loc[[0, 6], ["ddf", "df"]].round(1).to_numpy().tolist()
    [['kenward-roger', 4.0], ['clusters', 4.0]]
    """

    result: LmmResult = field(repr=False)
    matrices: Matrices = field(repr=False)

    def variance_components(self) -> pd.DataFrame:
        """A row a variance or covariance: `group term other covariance correlation`; the residual variance is last.

        In the row of a variance `other` is `term`. Several random terms of one group are told apart as in lme4:
        `team`, `team.1`. A variance of either sign (`unconstrained`) is the covariance of two rows of a cluster, and
        beside it stands their correlation.
        """
        rows = component_rows(self.matrices.random, self.result.covariances)
        if self.matrices.random[0].structure == "any sign":
            rows = [(*row[:4], self.summary["icc"]) for row in rows]
        rows.append(("Residual", "", "", self.result.sigma**2, 1.0))
        return pd.DataFrame(rows, columns=COMPONENTS)

    def ranef(self) -> pd.DataFrame:
        """Conditional modes (best linear unbiased predictors) of the random effects: `group level term mode std_error`.

        `std_error` is the standard deviation of an effect about its mode, the parameters known, as lme4's `condVar`.
        PlanError where the variance is negative: no random effects have it.
        """
        check_effects(self.result)
        modes, deviations = self.result.modes, mode_deviations(self.result)
        return effects_table(self.matrices.random, mode=modes, std_error=deviations)

    def predict(
        self,
        new: pd.DataFrame | None = None,
        *,
        conditional: bool = False,
        interval: Interval = "confidence",
        conf_level: float = 0.95,
    ) -> pd.DataFrame:
        """A row a row: `estimate std_error df conf_low conf_high`, with the index of the rows.

        Parameters
        ----------
        new : rows with every column of the formula but the outcome; by default those of the fit
        conditional : predict for the clusters of the rows, with their conditional modes, those of clusters that are not
            in the fit being zero; or else the mean over clusters
        interval : `confidence`, of the mean of such rows; or `prediction`, of a single new outcome, in a new cluster
            unless `conditional`

        The standard error allows for the coefficients, by the covariance that inference uses, and for the random
        effects (Henderson, 1975, Biometrics 31:423), the variances being taken as known. The degrees of freedom are
        those of the coefficients' part. NaN where the data do not determine the mean.
        """
        return predictions(self, new, conditional, interval, conf_level)

    def residuals(self, kind: Kind = "conditional") -> pd.Series:
        """A residual for each row of the fit.

        `marginal` y - X beta; `conditional` y - X beta - Z b, with the conditional modes; `pearson` those over the
        residual standard deviation; `scaled` L^-1 (y - X beta), L L' the covariance of the outcome, which are
        uncorrelated with variance 1 if the model holds (Houseman, Ryan and Coull, 2004, J Am Stat Assoc 99:383).
        """
        return residuals(self, kind)

    def effect_size(
        self, weights: str | Mapping[str, float], *, standard: Standard = "total", conf_level: float = 0.95
    ) -> pd.DataFrame:
        """A coefficient, or a linear combination term -> weight, in standard deviations of the outcome.

        One row: `term estimate std_error df conf_low conf_high sd`. `sd` is the square root of the `total` variance
        (within and between clusters, averaged over the rows) or of that of the residuals, `within` clusters: the d_T
        and d_W of Hedges (2007, J Educ Behav Stat 32:341). The estimate is corrected for small samples as Hedges's g,
        with the degrees of freedom h = 2 S^4 / var(S^2) of that variance S^2; its squared standard error is that of the
        coefficient over S^2, plus d^2 / 2h. The interval takes t on the degrees of freedom `df` of the coefficient.
        """
        chosen = {weights: 1.0} if isinstance(weights, str) else weights
        values = effect_size(self, self.row(chosen), standard, conf_level)
        return pd.DataFrame([{"term": spell(chosen), **values}])

    def test_variances(self) -> pd.DataFrame:
        """A row a random term: the likelihood-ratio test of the model without it, by the likelihood of the fit.

        Columns `group loglik statistic df p_value reference`. Without a random intercept or slope of its own the
        reference is the even mixture of chi-squared with 0 and 1 degrees of freedom, because a variance of zero is on
        its boundary (Self and Liang, 1987, J Am Stat Assoc 82:605). For a term of several random effects it is
        chi-squared with all their parameters, which is conservative; `likelihood_ratio` compares with fewer of them.
        The log-likelihoods are those of lmerTest's `ranova`, whose p-values ignore the boundary.
        """
        return variance_tests(self)

    def profile_intervals(self, *, conf_level: float = 0.95) -> pd.DataFrame:
        """A row a coefficient, `term estimate conf_low conf_high`, by its profile likelihood.

        By maximum likelihood whatever the fit, as lme4's `confint`; with few clusters those of `tidy` hold better.
        """
        return fixed_table(self, conf_level)

    def variance_intervals(
        self, *, interval: VarianceInterval = "profile", conf_level: float = 0.95, reml: bool | None = None
    ) -> pd.DataFrame:
        """Standard deviations and correlations of the random effects, and the residual standard deviation.

        Parameters
        ----------
        interval : `profile` likelihood, or `wald` on the logarithm of a standard deviation and Fisher's z of a
            correlation, by observed information
        reml : the likelihood to take, by default that of the fit; lme4's `confint` always takes False

        Returns
        -------
        `group term other quantity estimate conf_low conf_high boundary`. Where an estimate is on its boundary, a
        profile interval ends there, and there is none by Wald. A correlation with a variance that may be zero may be
        anything: its profile interval is -1 to 1.
        """
        return variance_table(self, deviations(self), interval, conf_level, reml)

    def icc_intervals(
        self, *, interval: VarianceInterval = "profile", conf_level: float = 0.95, reml: bool | None = None
    ) -> pd.DataFrame:
        """Intracluster correlations and what they keep over nested groups, with the columns of `variance_intervals`.

        `icc` is the correlation of two rows of one `group`, which share the groups that it lies in as well: the share
        of the variance that is theirs. `autocorrelation` is the icc of the coarser group `other` over that of `group`.
        Where the finer are periods of clusters, `(1 | team) + (1 | team:period)`, the icc of `team` is that between
        periods, of `team:period` that within a period, and the autocorrelation that of clusters over time (Hooper et
        al., 2016, Stat Med 35:4718). Of the effects of periods, as in `ar1h(0 + C(month) | team)`, each has the icc of
        two rows of that period, or one has that of all if their variance is one, and the autocorrelation is that
        between two of them. Wald intervals are on Fisher's z, cut at zero. PlanError with random slopes.
        """
        return variance_table(self, shares(self), interval, conf_level, reml)

    def simulate(self, n: int, *, seed: int, conditional: bool = False) -> Array:
        """Outcomes drawn from the fit, (n, rows): with new random effects, or if `conditional` with their modes.

        The i-th depends on `seed` and i only. A variance of either sign is that of correlated residuals.
        """
        return simulate(self, n, seed, conditional=conditional)

    def refit(self, response: ArrayLike) -> LmmFit:
        """The same model of another outcome in the same rows, (rows,), as if `lmm` had fitted it."""
        return refit(self, response)

    def refit_each(self, responses: ArrayLike) -> BatchFits:
        """The same model of many outcomes (n, rows): arrays with a row a fit and a column a coefficient of `terms`.

        Standard errors and degrees of freedom are those of the fit's method. A fit that did not converge is marked, and
        has no meaning; there are no warnings.

        Examples
        --------
        >>> import core_trial as ct
        >>> people = pd.DataFrame({"team": list("aabbccdd"), "y": [3.0, 5, 4, 4, 8, 6, 9, 8]})
        >>> fit = ct.lmm("y ~ 1 + (1 | team)", people)
        >>> fits = fit.refit_each(fit.simulate(1000, seed=1))
        >>> fits.estimate.shape, bool(fits.converged.all())
        ((1000, 1), True)
        """
        return refit_each(self, responses)

    def bootstrap(
        self, n: int = 9999, *, seed: int, kind: BootstrapKind = "parametric", statistic: Statistic | None = None
    ) -> Bootstrap:
        """`n` data sets made from this one and fitted again; `.tidy()` of the result has the intervals.

        Parameters
        ----------
        kind : `parametric`, outcomes drawn from the fit; or `clusters`, clusters drawn with replacement, which leaves
            the model open but gives standard errors and intervals that are too small with few clusters
        statistic : what to follow instead of coefficients, variances and intracluster correlations: a function of
            `BatchFits` that returns a mapping of names to (n,) values, as
            `lambda fits: {"ratio": fits.estimate[:, 1] / fits.estimate[:, 0]}`

        Raises
        ------
        PlanError : an option that is unknown, a statistic without a number for each fit
        DesignError : clusters of a model with several grouping factors
        FitError : no data set could be fitted

        Examples
        --------
        >>> import core_trial as ct
        >>> people = pd.DataFrame({"team": list("aabbccdd"), "y": [3.0, 5, 4, 4, 8, 6, 9, 8]})
        >>> bootstrap = ct.lmm("y ~ 1 + (1 | team)", people).bootstrap(999, seed=1)
        >>> bootstrap.tidy(interval="studentised")[["quantity", "estimate"]].round(2).to_numpy().tolist()
        [['coefficient', 5.88], ['variance', 4.5], ['variance', 1.13], ['icc', 0.8]]
        """
        return bootstrap(self, n, seed, kind=kind, statistic=statistic)

    def influence(self, term: str, *, by: str | None = None) -> pd.DataFrame:
        """A row a cluster: the coefficient `term` of the same model without it.

        `by` is the grouping factor whose levels are left out in turn, by default the one with most levels.

        Returns
        -------
        `group level rows estimate std_error df p_value dfbetas cooks_distance note`, `rows` being those left out.
        `dfbetas` is the change of the estimate over its standard error without the cluster, as lme4's. Cook's distance
        is d'C^-1 d / p of the change d of all p coefficients, C their covariance in the whole fit; lme4 has
        (J - p) / J times this with J levels. Where the rows left do not determine the coefficient, `note` says so and
        there are no numbers; where they leave out another one, as of a stratum of a single cluster, `note` names it.

        Examples
        --------
        >>> import core_trial as ct
        >>> people = pd.DataFrame({"team": list("aabbccdd"), "y": [3.0, 5, 4, 4, 8, 6, 9, 8]})
        >>> table = ct.lmm("y ~ 1 + (1 | team)", people).influence("(Intercept)")
        >>> table[["level", "estimate", "df"]].round(2).to_numpy().tolist()
        [['a', 6.5, 2.0], ['b', 6.5, 2.0], ['c', 5.5, 2.0], ['d', 5.0, 2.0]]
        """
        return influence(self, term, by)

    @cached_property
    def design(self) -> BatchDesign:
        """What the fits of other outcomes share."""
        return BatchDesign(self.result.response.fixed, self.result.deviance.random)

    @property
    def groups(self) -> list[str]:
        """The grouping factor of each random term, the second of one name with `.1` and so on."""
        return group_names(self.matrices.random)

    def _small_sample(self, ddf: Ddf, information: Information | None) -> SmallSample:
        reml = self.result.deviance.reml
        return small_sample(ddf, self.result, self.matrices, reml=reml, information=information)
