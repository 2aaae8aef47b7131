"""The kinds of analysis that a plan can name: each knows its options, and how to fit itself to an outcome's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import pandas as pd
from pydantic import Field

from ..clusters.level import cluster_level
from ..estimands.marginal import marginal_effect
from ..estimands.measures import Measure
from ..fit import Fit
from ..generalised.model import glmm
from ..mixed.model import lmm
from ..robust.inference import ClusterCorrection, GeeCorrection
from ..robust.marginal import gee
from ..robust.regression import cluster_robust, count_regression
from .analysis import Analysis

if TYPE_CHECKING:
    from .outcome import Outcome

FAMILIES: dict[str, Literal["gaussian", "binomial", "poisson"]] = {
    "mean": "gaussian",
    "proportion": "binomial",
    "rate": "poisson",
}


class MixedAnalysis(Analysis):
    """Common to mixed models: random terms, an intercept a cluster by default."""

    random: str | None = None

    def terms(self, cluster: str) -> tuple[str, ...]:
        return (self.random or f"(1 | {cluster})",)


class LmmAnalysis(MixedAnalysis):
    """Linear mixed model: outcome on effect, covariates and random terms, a random intercept a cluster by default."""

    model: Literal["lmm"]
    ddf: Literal["kenward-roger", "satterthwaite", "between-within", "normal"] = "kenward-roger"
    reml: bool = True
    unconstrained: bool = False

    def fit(self, outcome: Outcome, data: pd.DataFrame, *, cluster: str, large_sample: bool = False) -> Fit:
        ddf = "normal" if large_sample else self.ddf
        formula = self.formula(outcome, cluster)
        return lmm(formula, data, reml=self.reml, ddf=ddf, unconstrained=self.unconstrained)


class ClusterLevelAnalysis(Analysis):
    """Two-stage analysis of cluster summaries (Hayes and Moulton 2017)."""

    model: Literal["cluster_level"]
    strata: str | None = None
    measure: Literal["mean difference", "risk difference", "risk ratio", "rate ratio", "rate difference"] | None = None
    weights: Literal["none", "size", "inverse-variance"] = "none"
    interval: Literal["log", "taylor"] = "log"

    def fit(self, outcome: Outcome, data: pd.DataFrame, *, cluster: str, large_sample: bool = False) -> Fit:
        return cluster_level(
            outcome.variable,
            data,
            cluster=cluster,
            arm=self.effect,
            kind=outcome.kind,
            measure=self.measure,
            person_time=outcome.person_time,
            covariates=self.covariates,
            strata=self.strata,
            weights=self.weights,
            interval=self.interval,
            ddf="normal" if large_sample else "clusters",
        )

    def terms(self, cluster: str) -> tuple[str, ...]:  # noqa: ARG002
        return (self.strata,) if self.strata else ()


class RegressionAnalysis(Analysis):
    """Common to regressions on the scale of a link; `measure` standardises to another scale (marginal effect)."""

    measure: Measure | None = None

    def fit(self, outcome: Outcome, data: pd.DataFrame, *, cluster: str, large_sample: bool = False) -> Fit:
        found = self._regress(outcome, data, cluster, large_sample)
        if self.measure is None:
            return found
        return marginal_effect(
            found, self.effect, measure=self.measure, average=outcome.estimand.average, cluster=cluster
        )

    def _regress(self, outcome: Outcome, data: pd.DataFrame, cluster: str, large_sample: bool) -> Fit:
        raise NotImplementedError


class GlmmAnalysis(MixedAnalysis, RegressionAnalysis):
    """Generalised linear mixed model, a random intercept a cluster by default."""

    model: Literal["glmm"]
    family: Literal["poisson", "binomial", "negative_binomial", "nb1", "beta_binomial"] | None = None
    ddf: Literal["between-within", "clusters", "normal"] | None = None
    nodes: Annotated[int, Field(ge=1)] | Literal["auto"] = 1

    def _regress(self, outcome: Outcome, data: pd.DataFrame, cluster: str, large_sample: bool) -> Fit:
        formula = self.formula(outcome, cluster)
        family = self.family or _family(outcome)
        ddf = "normal" if large_sample else self.ddf
        return glmm(formula, data, family=family, n_agq=self.nodes, ddf=ddf)


class GeeAnalysis(RegressionAnalysis):
    """Marginal model by generalised estimating equations, corrected for few clusters."""

    model: Literal["gee"]
    correlation: Literal["exchangeable", "independence"] = "exchangeable"
    correction: GeeCorrection = "avg"
    ddf: Literal["clusters", "satterthwaite", "normal"] = "clusters"

    def _regress(self, outcome: Outcome, data: pd.DataFrame, cluster: str, large_sample: bool) -> Fit:
        return gee(
            self.formula(outcome, cluster),
            data,
            cluster=cluster,
            family=FAMILIES[outcome.kind],
            correlation=self.correlation,
            correction=self.correction,
            ddf="normal" if large_sample else self.ddf,
        )


class ClusterRobustAnalysis(RegressionAnalysis):
    """Least squares or a generalised linear model with cluster-robust standard errors."""

    model: Literal["cluster_robust"]
    correction: ClusterCorrection = "cr2"
    ddf: Literal["satterthwaite", "clusters", "normal"] = "satterthwaite"

    def _regress(self, outcome: Outcome, data: pd.DataFrame, cluster: str, large_sample: bool) -> Fit:
        return cluster_robust(
            self.formula(outcome, cluster),
            data,
            cluster=cluster,
            family=FAMILIES[outcome.kind],
            correction=self.correction,
            ddf="normal" if large_sample else self.ddf,
        )


class CountRegressionAnalysis(RegressionAnalysis):
    """Negative-binomial or Poisson regression of the totals of clusters, one row each."""

    model: Literal["count_regression"]
    family: Literal["negative_binomial", "poisson"] = "negative_binomial"
    correction: GeeCorrection = "avg"
    ddf: Literal["clusters", "satterthwaite", "normal"] = "clusters"

    def _regress(self, outcome: Outcome, data: pd.DataFrame, cluster: str, large_sample: bool) -> Fit:
        return count_regression(
            self.formula(outcome, cluster),
            data,
            cluster=cluster,
            family=self.family,
            correction=self.correction,
            ddf="normal" if large_sample else self.ddf,
        )


AnyAnalysis = Annotated[
    LmmAnalysis | ClusterLevelAnalysis | GlmmAnalysis | GeeAnalysis | ClusterRobustAnalysis | CountRegressionAnalysis,
    Field(discriminator="model"),
]
MODELS = ("lmm", "cluster_level", "glmm", "gee", "cluster_robust", "count_regression")


def _family(outcome: Outcome) -> Literal["binomial", "poisson"]:
    return "binomial" if outcome.kind == "proportion" else "poisson"
