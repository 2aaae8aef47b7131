"""The statistical analysis plan: `plan.toml` read into types; every choice is data and every wrong choice an error.

>>> plan = read_plan()                                   # the plan that ships with the package
>>> plan.outcome("csq8").primary_analysis.id
'csq8.lmm'
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from .clusters.level import cluster_level
from .errors import PlanError
from .fit import Fit
from .mixed.model import lmm
from .resources import shipped

Ddf = Literal["kenward-roger", "satterthwaite", "between-within", "normal"]


class Strict(BaseModel):
    """A table of the plan: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Estimand(Strict):
    """What is estimated: ICH E9(R1) attributes and the two that cluster trials add (Kahan et al. 2023, IJE 52:107)."""

    population: str
    summary: str
    average: Literal["participant", "cluster"]
    effect: Literal["marginal", "cluster-specific"]


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


class Outcome(Strict):
    """An outcome, its estimand and its analyses, exactly one of them pre-specified."""

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
    estimand: Estimand
    analyses: tuple[AnyAnalysis, ...] = Field(alias="analysis", min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Outcome:
        if sum(analysis.prespecified for analysis in self.analyses) != 1:
            raise ValueError("exactly one analysis of an outcome is prespecified = true")
        if (self.kind == "rate") != (self.person_time is not None):
            raise ValueError('person_time is given for kind = "rate", and only there')
        return self

    @property
    def primary_analysis(self) -> LmmAnalysis | ClusterLevelAnalysis:
        """The pre-specified analysis."""
        return next(analysis for analysis in self.analyses if analysis.prespecified)


class TrialChoices(Strict):
    """What holds for every analysis."""

    title: str
    registration: str
    design: str
    cluster: str
    stratum: str
    contrast: str
    conf_level: float = Field(0.95, gt=0.5, lt=1)
    reproduction: Literal["normal"] | None = None
    disclosure: Literal["nhs_hes", "mhsds", "opensafely", "threshold10", "none"] = "nhs_hes"


class Plan(Strict):
    """The whole plan; `sha256` is that of the file it was read from, `text` its content."""

    trial: TrialChoices
    outcomes: tuple[Outcome, ...] = Field(alias="outcome", min_length=1)
    _text: str = PrivateAttr("")

    @model_validator(mode="after")
    def _check(self) -> Plan:
        for what, ids in (
            ("outcome", [outcome.id for outcome in self.outcomes]),
            ("analysis", [analysis.id for outcome in self.outcomes for analysis in outcome.analyses]),
        ):
            twice = sorted({name for name in ids if ids.count(name) > 1})
            if twice:
                raise ValueError(f"{what} id {twice[0]!r} stands twice")
        return self

    @property
    def text(self) -> str:
        return self._text

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self._text.encode()).hexdigest()

    def outcome(self, name: str) -> Outcome:
        """The outcome of that id."""
        for outcome in self.outcomes:
            if outcome.id == name:
                return outcome
        raise PlanError(f"no outcome {name!r} in the plan; it has {', '.join(o.id for o in self.outcomes)}")


def read_plan(path: Path | str | None = None) -> Plan:
    """The plan at `path`, or the one that ships with the package.

    Raises
    ------
    PlanError : the file cannot be read, is not TOML, or a key or value is wrong; names the place and what is allowed
    """
    path = Path(path) if path is not None else shipped("analysis") / "plan.toml"
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise PlanError(f"cannot read the plan {path.name}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PlanError(f"the plan {path.name} is not UTF-8 text: save it as UTF-8") from error
    return parse_plan(text, path.name)


def parse_plan(text: str, name: str = "plan.toml") -> Plan:
    """The plan in `text`; `name` stands in its error messages."""
    try:
        plan = Plan.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise PlanError(f"{name} is not valid TOML: {error}") from error
    except ValidationError as error:
        items = error.errors()
        inner = {item["loc"][:length] for item in items for length in range(len(item["loc"]))}
        lines = [f"  {_place(item['loc'])}: {_plain(item)}" for item in items if item["loc"] not in inner]
        raise PlanError(f"{name} does not describe a plan:\n" + "\n".join(lines)) from error
    plan._text = text
    return plan


def _place(location: Sequence[int | str]) -> str:
    """("outcome", 1, "analysis", 0, "lmm", "ddf") as "outcome 2, analysis 1, ddf"."""
    parts: list[str] = []
    for step in location:
        if isinstance(step, int):
            parts[-1] += f" {step + 1}"
        elif not (parts and parts[-1].startswith("analysis ") and step in ("lmm", "cluster_level")):
            parts.append(str(step))
    return ", ".join(parts) or "the plan"


def _plain(item: Any) -> str:
    """Pydantic's message in words of the plan."""
    message = str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == "extra_forbidden":
        return "no such key"
    if item["type"] == "missing":
        return "this key is needed"
    return f"{message} (found {item['input']!r})" if isinstance(item["input"], str | int | float | bool) else message
