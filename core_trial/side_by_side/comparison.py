"""Every defensible analysis of one outcome, side by side."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ..clusters.summaries import Kind
from ..columns import ARM_CODES, coded_arm, constant_within, known, require_columns
from ..data.trial import Trial
from ..errors import DesignError, PlanError, TrialError, TrialWarning
from ..estimands.informative import informative_size
from ..estimands.targets import target
from ..fit import Fit
from ..plan import AnyAnalysis, Estimand, Outcome, Plan, read_plan
from ..plots import Plot, forest
from .defensible import DEFENSIBLE, defensible
from .disagreement import verdict

COLUMNS = (
    *("analysis", "label", "prespecified", "measure", "ratio", "average", "effect", "adjusted"),
    *("estimate", "std_error", "df", "statistic", "p_value", "conf_low", "conf_high", "method", "notes"),
)
ESTIMATES = ("estimate", "std_error", "df", "statistic", "p_value", "conf_low", "conf_high")
NOT_ESTIMATED = dict.fromkeys(ESTIMATES, np.nan) | dict.fromkeys(("average", "effect", "method"), "")
NOT_ESTIMATED |= {"measure": "not estimated", "ratio": False}


@dataclass(frozen=True)
class Comparison:
    """The analyses of one outcome.

    Attributes
    ----------
    table : a row an analysis with the columns `COLUMNS`; ratios are exponentiated, `std_error` is of their logarithm.
        `average` is over what the effect is an average where it depends on cluster size, `effect` marginal or
        cluster-specific, `adjusted` for which terms. An analysis that could not be carried out has no estimate, and
        the reason in `notes`
    verdict : sentences: whether the analyses agree, and why they do not
    fits : by analysis, of those that could be carried out
    conf_level : of the intervals
    """

    table: pd.DataFrame
    verdict: tuple[str, ...]
    fits: Mapping[str, Fit] = field(repr=False)
    conf_level: float

    def tidy(self) -> pd.DataFrame:
        """A copy of the table."""
        return self.table.copy()

    def forest(self, **options: Any) -> Plot:
        """The analyses as a forest plot, an axis a measure; `options` are those of `ct.plots.forest`."""
        columns = ["label", "prespecified", "measure", "ratio", "estimate", "conf_low", "conf_high", "df", "p_value"]
        rows = self.table[columns].assign(group=self.table["measure"].str.capitalize())
        return forest(rows, **{"left": {"df": "df"}, "conf_level": self.conf_level, **options})


def compare(
    data: pd.DataFrame | Trial,
    outcome: str,
    *,
    kind: Kind | None = None,
    cluster: str = "team",
    arm: str = "intervention",
    person_time: str | None = None,
    covariates: Sequence[str] = (),
    strata: str | None = None,
    prespecified: str | None = None,
    conf_level: float = 0.95,
    plan: Plan | None = None,
) -> Comparison:
    """The analyses of an outcome that a reviewer could ask for, in one table, with a verdict.

    Means: linear mixed models, estimating equations with each correction, least squares with CR2 and CR3, two-stage
    analyses. Proportions: logistic mixed models and regressions and estimating equations, risk differences by
    standardisation and two-stage. Rates, from a row a cluster: negative-binomial and Poisson regression with each
    correction, a Poisson mixed model, two-stage.

    Parameters
    ----------
    data : a frame, or a trial, whose plan then gives the other choices and its own analyses, the pre-specified marked
    outcome : column, or of a trial an outcome of the plan
    kind : "mean" (default), "proportion" (0 and 1) or "rate" (events, with person-time)
    cluster, arm, person_time, strata : columns; the arm is 1 and 0, or "intervention" and "control"
    covariates : terms that every analysis adjusts for; strata are in every analysis too
    prespecified : the `analysis` of the table that was planned; without one, the first is compared with the rest
    conf_level : of the intervals
    plan : of a trial; the one that ships by default

    Raises
    ------
    PlanError : an unknown column, option or analysis
    DataError : an arm that is missing or none
    DesignError : an arm without rows, or a cluster with both

    Examples
    --------
    >>> import core_trial as ct
    >>> teams = pd.DataFrame({"team": list("abcdefgh"), "intervention": [1, 1, 1, 1, 0, 0, 0, 0]})
    >>> teams["admissions"] = [31, 18, 40, 22, 45, 38, 72, 60]
    >>> teams["years"] = [400, 390, 450, 310, 420, 380, 460, 430]
    >>> found = ct.compare(teams, "admissions", kind="rate", person_time="years", prespecified="negative-binomial-avg")
    >>> found.verdict[0]
    '15 analyses give a rate ratio of 0.56 (p 0.008 to 0.028).'
    """
    if isinstance(data, Trial):
        return _of_trial(data, outcome, plan or read_plan(), conf_level)
    kind = kind or "mean"
    if kind not in DEFENSIBLE:
        raise PlanError(f"kind {kind!r} is unknown; choose from {', '.join(DEFENSIBLE)}")
    require_columns(data, [outcome, cluster, arm, *filter(None, [person_time, strata])])
    coded = data.assign(**{arm: _both_arms(data[arm])})
    constant_within(coded[arm], known(coded[cluster]))
    analyses = defensible(kind, arm, tuple(covariates), strata)
    names = [analysis.id for analysis in analyses]
    if prespecified is not None and prespecified not in names:
        raise PlanError(f"there is no analysis {prespecified!r}; choose from {', '.join(names)}")
    described = describe(outcome, kind, person_time, analyses)
    return _compare(described, lambda _: coded, cluster, prespecified, conf_level)


def _both_arms(column: pd.Series) -> pd.Series:
    arm = coded_arm(column)
    for name, code in ARM_CODES.items():
        if code not in arm.to_numpy():
            raise DesignError(f"no row has the {name} arm of {column.name!r}: there is nothing to compare")
    return arm


def _of_trial(trial: Trial, name: str, plan: Plan, conf_level: float) -> Comparison:
    """The plan's own analyses first, then the others with the covariates of the pre-specified one."""
    outcome = plan.outcome(name)
    planned = outcome.primary_analysis
    covariates = tuple(term for term in planned.covariates if term != plan.trial.stratum)
    strata = plan.trial.stratum if _stratified(planned, plan.trial.stratum) else None
    others = defensible(outcome.kind, planned.effect, covariates, strata, planned.frame)
    own = [_choices(analysis) for analysis in outcome.analyses]
    analyses = (*outcome.analyses, *(other for other in others if _choices(other) not in own))
    both = outcome.model_copy(update={"analyses": analyses})
    return _compare(both, trial.frame, plan.trial.cluster, planned.id, conf_level)


def _choices(analysis: AnyAnalysis) -> dict[str, Any]:
    return analysis.model_dump(exclude={"id", "label", "prespecified"})


def _stratified(analysis: AnyAnalysis, stratum: str) -> bool:
    return stratum in analysis.covariates or getattr(analysis, "strata", None) == stratum


def describe(name: str, kind: Kind, person_time: str | None, analyses: Sequence[AnyAnalysis]) -> Outcome:
    """An outcome that no plan describes."""
    return Outcome.model_construct(
        id=name,
        label=name,
        variable=name,
        kind=kind,
        person_time=person_time,
        frame="data",
        estimand=Estimand.model_construct(average="participant", effect="marginal"),
        analyses=tuple(analyses),
    )


def _compare(
    outcome: Outcome, frame: Callable[[str], pd.DataFrame], cluster: str, prespecified: str | None, conf_level: float
) -> Comparison:
    rows, fits, wrong = [], {}, []
    for analysis in outcome.analyses:
        row = {"analysis": analysis.id, "label": analysis.label, "prespecified": analysis.id == prespecified}
        row["adjusted"] = ", ".join(sorted({*analysis.covariates, *filter(None, [getattr(analysis, "strata", None)])}))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", TrialWarning)  # each is a note of its fit
                fit = analysis.fit(outcome, frame(analysis.frame or outcome.frame), cluster=cluster)
            rows.append(row | _row(fit, analysis.effect, conf_level))
            fits[analysis.id] = fit
        except TrialError as error:
            rows.append(row | NOT_ESTIMATED | {"notes": str(error)})
            wrong += [error] if isinstance(error, PlanError) else []
    if wrong and not fits:
        raise wrong[0]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    informative = _informative(outcome, frame(outcome.frame), cluster)
    return Comparison(table, verdict(table, conf_level, informative), fits, conf_level)


def _row(fit: Fit, effect: str, conf_level: float) -> dict[str, Any]:
    ratio = fit.link != "identity"
    found = fit.tidy(conf_level=conf_level, exponentiate=ratio).iloc[fit.terms.index(effect)]
    aim = target(fit)
    return {
        "measure": fit.measure,
        "ratio": ratio,
        "average": " or ".join(sorted(aim.averages)) or "between the two",
        "effect": " or ".join(sorted(aim.effects)),
        **{name: found[name] for name in ESTIMATES},
        "method": fit.method,
        "notes": "; ".join(fit.notes),
    }


def _informative(outcome: Outcome, data: pd.DataFrame, cluster: str) -> float | None:
    """The p value of the test of informative cluster size; None where it has no answer."""
    arm, time = outcome.analyses[0].effect, outcome.person_time
    try:
        test = informative_size(outcome.variable, data, cluster=cluster, arm=arm, kind=outcome.kind, person_time=time)
    except TrialError:
        return None
    return float(test.tidy()["p_value"].iloc[0])
