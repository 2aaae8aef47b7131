"""The kinds of analysis that a plan can name: each knows its options, and how to fit itself to an outcome's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from ..clusters.level import cluster_level
from ..fit import Fit
from ..mixed.model import lmm

if TYPE_CHECKING:
    from .outcome import Outcome

Ddf = Literal["kenward-roger", "satterthwaite", "between-within", "normal"]


class Strict(BaseModel):
    """A table of the plan: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Analysis(Strict):
    """One analysis of an outcome; `frame` replaces the outcome's frame where it differs."""

    id: str
    label: str
    prespecified: bool = False
    effect: str = "intervention"
    covariates: tuple[str, ...] = ()
    frame: str | None = None

    def fit(self, outcome: Outcome, data: pd.DataFrame, *, cluster: str, ddf: Ddf | None = None) -> Fit:
        """The fitted analysis; `ddf` replaces the plan's reference distribution (`normal` for the reproduction)."""
        raise NotImplementedError


class LmmAnalysis(Analysis):
    """Linear mixed model: outcome on effect, covariates and random terms, a random intercept a cluster by default."""

    model: Literal["lmm"]
    random: str | None = None
    ddf: Ddf = "kenward-roger"
    reml: bool = True

    def fit(self, outcome: Outcome, data: pd.DataFrame, *, cluster: str, ddf: Ddf | None = None) -> Fit:
        terms = [self.effect, *self.covariates, self.random or f"(1 | {cluster})"]
        return lmm(f"{outcome.variable} ~ {' + '.join(terms)}", data, reml=self.reml, ddf=ddf or self.ddf)


class ClusterLevelAnalysis(Analysis):
    """Two-stage analysis of cluster summaries (Hayes and Moulton 2017)."""

    model: Literal["cluster_level"]
    strata: str | None = None
    weights: Literal["none", "size", "inverse-variance"] = "none"
    interval: Literal["log", "taylor"] = "log"

    def fit(self, outcome: Outcome, data: pd.DataFrame, *, cluster: str, ddf: Ddf | None = None) -> Fit:
        return cluster_level(
            outcome.variable,
            data,
            cluster=cluster,
            arm=self.effect,
            kind=outcome.kind,
            person_time=outcome.person_time,
            covariates=self.covariates,
            strata=self.strata,
            weights=self.weights,
            interval=self.interval,
            ddf="normal" if ddf == "normal" else "clusters",
        )


AnyAnalysis = Annotated[LmmAnalysis | ClusterLevelAnalysis, Field(discriminator="model")]
