"""What `mmrm` returns: a fit of repeated measures, and what one does with it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..engine.inference import Information
from ..engine.repeated.mmrm import MmrmResult
from ..engine.repeated.structures import CovarianceName
from ..fit import Array, spell
from ..formula.coding import INTERCEPT
from ..formula.matrices import Matrices
from ..formula.visits import Layout
from .bootstrap import Bootstrap
from .comparison import MixedFit
from .degrees import Ddf, SmallSample
from .effect_size import Standard
from .intervals import Interval as VarianceInterval
from .prediction import Interval
from .random_tables import COMPONENTS, covariance_rows
from .repeated_inference import repeated_sample
from .repeated_quantities import covariance_table, deviations, effect_size, shares
from .repeated_refitting import bootstrap, influence, refit
from .repeated_rows import modes, predictions, residuals, response_model
from .residuals import Kind


@dataclass(frozen=True, kw_only=True)
class MmrmFit(MixedFit):
    """A mixed model for repeated measures: beside the fixed effects, the covariance of the visits.

    Attributes
    ----------
    result : what the engine found, `result.minimum.path` being the way of its optimiser
    matrices, layout : what the engine was given
    ddf : the small-sample method, and the information that it takes
    structure : of the covariance of the visits

    Examples
    --------
    >>> import core_trial as ct
    >>> scores = [20, 23, 24, 25, 25, 31, 22, 26, 23, 30, 21, 22]
    >>> people = pd.DataFrame({"person": list("aabbccddeeff"), "month": [6, 12] * 6, "score": scores})
    >>> people["arm"] = [0] * 4 + [1] * 6 + [0] * 2
    >>> fit = ct.mmrm("score ~ arm * C(month)", people, subject="person", visit="month")
    >>> fit.variance_intervals().round(2)[["estimate", "conf_low", "conf_high"]].to_numpy()[0].tolist()
    [1.83, 1.04, 4.48]
    >>> seen = pd.DataFrame({"person": ["a", "new"], "month": [12, 12], "arm": [0, 0]})
    >>> fit.predict(seen, conditional=True)["estimate"].round(2).tolist()
    [23.0, 23.33]
    """

    result: MmrmResult = field(repr=False)
    matrices: Matrices = field(repr=False)
    layout: Layout = field(repr=False)
    structure: CovarianceName

    def residual_covariance(self) -> pd.DataFrame | dict[Any, pd.DataFrame]:
        """Covariance of the residuals, visits by visits; with `group`, one for each of its levels.

        A covariance that the data do not determine, of two visits at which no subject was seen, is NaN.
        """
        labels = pd.Index(self.layout.visit.labels, name=self.layout.visit.name)
        frames = [pd.DataFrame(c, index=labels, columns=labels) for c in self.result.residual_covariances]
        return frames[0] if self.layout.group is None else dict(zip(self.layout.group.labels, frames, strict=True))

    def variance_components(self) -> pd.DataFrame:
        """A row a variance or covariance: `group term other covariance correlation`; `group` is `Residual` for visits.

        The variance of clusters is first. With `group`, that of the visits is `Residual` and the level.
        """
        rows = []
        if self.layout.cluster is not None:
            rows.append((self.layout.cluster.name, INTERCEPT, INTERCEPT, self.result.cluster_variance, 1.0))
        names = [str(label) for label in self.layout.visit.labels]
        for group, covariance in zip(self.residual_names, self.result.residual_covariances, strict=True):
            rows.extend(covariance_rows(group, names, covariance))
        return pd.DataFrame(rows, columns=COMPONENTS)

    def ranef(self) -> pd.DataFrame:
        """Conditional modes of the effects of clusters: `group level term mode std_error`; PlanError without clusters.

        `std_error` is the standard deviation of an effect about its mode, the parameters known.
        """
        return modes(self)

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
        new : rows with the columns of the formula but the outcome, and, unless means over subjects are predicted, those
            of subject, visit, group and cluster; by default the rows of the fit
        conditional : given what was observed of the subject and its cluster, as a missing visit is imputed; the outcome
            itself at a visit that was observed. Subjects and clusters that are not in the fit are as others
        interval : `confidence`, of the mean of such rows; or `prediction`, of a single outcome

        The standard error allows for the coefficients, by the covariance that inference uses, and for the outcome about
        its mean, the parameters of the covariance being taken as known. NaN where the data do not determine the mean.
        """
        return predictions(self, new, conditional, interval, conf_level)

    def residuals(self, kind: Kind = "conditional") -> pd.Series:
        """A residual for each row of the fit.

        `marginal` y - X beta; `conditional` these less the modes of the clusters, if there are any; `pearson` those
        over the standard deviation of their visit; `scaled` L^-1 (y - X beta), L L' the covariance of the outcomes by
        subject and visit, which are uncorrelated with variance 1 if the model holds (the `normalized` ones of R).
        """
        return residuals(self, kind)

    def effect_size(
        self,
        weights: str | Mapping[str, float],
        *,
        visit: Hashable | None = None,
        standard: Standard = "total",
        conf_level: float = 0.95,
    ) -> pd.DataFrame:
        """A coefficient, or a linear combination term -> weight, in standard deviations of the outcome at `visit`.

        One row: `term estimate std_error df conf_low conf_high sd`. The variance is that at the visit, or averaged over
        the rows of all visits, with that of clusters (`total`) or without (`within`); the rest as for `lmm`.
        """
        chosen = {weights: 1.0} if isinstance(weights, str) else weights
        return pd.DataFrame(
            [{"term": spell(chosen), **effect_size(self, self.row(chosen), visit, standard, conf_level)}]
        )

    def variance_intervals(
        self, *, interval: VarianceInterval = "profile", conf_level: float = 0.95, reml: bool | None = None
    ) -> pd.DataFrame:
        """Standard deviations and correlations of the visits, after the standard deviation of clusters.

        Parameters and columns are those of `LmmFit.variance_intervals`. Correlations of visits at which no subject was
        seen twice are left out.
        """
        return covariance_table(self, deviations(self), interval, conf_level, reml)

    def icc_intervals(
        self, *, interval: VarianceInterval = "profile", conf_level: float = 0.95, reml: bool | None = None
    ) -> pd.DataFrame:
        """Share of clusters in the variance at each visit, with the columns of `variance_intervals`."""
        return covariance_table(self, shares(self), interval, conf_level, reml)

    def simulate(self, n: int, *, seed: int, conditional: bool = False) -> Array:
        """Outcomes drawn from the fit, (n, rows): with new effects of clusters, or if `conditional` with their modes.

        The i-th depends on `seed` and i only.
        """
        return np.concatenate(list(response_model(self, conditional=conditional).draw(n, seed)))

    def refit(self, response: ArrayLike) -> MmrmFit:
        """The same model of another outcome in the same rows, (rows,), as if `mmrm` had fitted it."""
        return refit(self, response)

    def bootstrap(self, n: int = 999, *, seed: int) -> Bootstrap:
        """`n` outcomes drawn from the fit and fitted again; `.tidy()` of the result has the intervals.

        Coefficients and variance components are followed; the standard errors of the former are without adjustment.
        FitError where none of the outcomes could be fitted.
        """
        return bootstrap(self, n, seed)

    def influence(self, term: str, *, by: str | None = None) -> pd.DataFrame:
        """A row a cluster, or a subject: the coefficient `term` of the same model without it.

        `by` is the column of clusters or of subjects, by default that of clusters if there are any. The columns are
        those of `LmmFit.influence`.
        """
        return influence(self, term, by)

    @property
    def reml(self) -> bool:
        return self.result.at.deviance.reml

    @property
    def residual_names(self) -> list[str]:
        """`Residual`, or that and the name of each group."""
        groups = ("",) if self.layout.group is None else self.layout.group.labels
        return [f"Residual {group}".strip() for group in groups]

    def _small_sample(self, ddf: Ddf, information: Information | None) -> SmallSample:
        return repeated_sample(ddf, information, self.result, self.matrices, self.layout)
