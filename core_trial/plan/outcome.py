"""An outcome of the trial: what is estimated, and the analyses that estimate it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from .analysis import Strict
from .kinds import AnyAnalysis


class Estimand(Strict):
    """What is estimated: ICH E9(R1) attributes and the two that cluster trials add (Kahan et al. 2023, IJE 52:107)."""

    population: str
    summary: str
    average: Literal["participant", "cluster"]
    effect: Literal["marginal", "cluster-specific"]


class Outcome(Strict):
    """An outcome, its estimand and its analyses, exactly one of them pre-specified.

    `icc` asks for the intracluster correlation (of a rate, the coefficient of variation k), `compare` for every
    analysis that a reviewer could ask for, side by side.
    """

    id: str
    label: str
    role: Literal["primary", "secondary", "exploratory"]
    level: Literal["individual", "cluster"]
    tables: tuple[str, ...]
    frame: Literal["patients", "staff", "panel", "teams"]
    variable: str
    kind: Literal["mean", "proportion", "rate"]
    person_time: str | None = None
    unit: str
    direction: Literal["higher is better", "lower is better"]
    timing: str
    icc: bool = False
    compare: bool = False
    estimand: Estimand
    analyses: tuple[AnyAnalysis, ...] = Field(alias="analysis", min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Outcome:
        if sum(analysis.prespecified for analysis in self.analyses) != 1:
            raise ValueError("exactly one analysis of an outcome is prespecified = true")
        if (self.kind == "rate") != (self.person_time is not None):
            raise ValueError('person_time is given for kind = "rate", and only there')
        for analysis in self.analyses:
            if self.kind == "mean" and analysis.model == "glmm" and analysis.family is None:
                raise ValueError(f'{analysis.id}: glmm is for counts and proportions; for a mean take model = "lmm"')
            if self.kind != "rate" and analysis.model == "count_regression":
                raise ValueError(f'{analysis.id}: count_regression is for rates; this outcome is kind = "{self.kind}"')
        return self

    @property
    def primary_analysis(self) -> AnyAnalysis:
        """The pre-specified analysis."""
        return next(analysis for analysis in self.analyses if analysis.prespecified)
