"""The analyses of a plan, run: one row an analysis with estimate, intervals, df, numbers analysed and ICC."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .clusters.correlation import IntraclusterCorrelation, icc
from .data.trial import Trial
from .errors import DataError, DesignError, FitError, PlanError, TrialWarning
from .estimands.targets import check_target
from .fit import Fit
from .plan import AnyAnalysis, Outcome, Plan
from .report.cells import SUPPRESSED
from .report.disclosure import Disclosure

ARMS = ("intervention", "control")
EFFECTS = (
    *(
        "outcome",
        "label",
        "analysis",
        "analysis_label",
        "role",
        "prespecified",
        "unit",
        "direction",
        "measure",
        "ratio",
    ),
    *("estimate", "std_error", "conf_low", "conf_high", "statistic", "df", "p_value", "z_low", "z_high", "z_p"),
    *("clusters_intervention", "clusters_control", "n_intervention", "n_control"),
    *("intervention_summary", "control_summary"),
    *("icc_of", "icc", "icc_low", "icc_high", "icc_design_effect", "method", "notes"),
)
"""Columns of the frame of effects, in this order."""


@dataclass(frozen=True)
class Result:
    """One analysis of one outcome: its fit, and in `notes` what a reader must know, or why there is no fit."""

    outcome: Outcome
    analysis: AnyAnalysis
    data: pd.DataFrame
    fit: Fit | None = None
    reproduction: Fit | None = None
    icc: IntraclusterCorrelation | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class LeftOut:
    """An outcome that was not analysed because the trial has not the records for it."""

    outcome: Outcome
    missing: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.outcome.label}: left out, the trial has no table {' and no table '.join(self.missing)}"


def analyse(
    trial: Trial, plan: Plan, outcomes: Iterable[str] | None = None, *, progress: Callable[[str], None] = lambda _: None
) -> tuple[list[Result], list[LeftOut]]:
    """Every analysis of the plan's outcomes (or of those named), in the order of the plan.

    A model that cannot be fitted gives a `Result` without a fit, whose note says why; an outcome without records is
    left out and says so. A pre-specified analysis that does not target the estimand has a note of it.
    """
    results: list[Result] = []
    left_out: list[LeftOut] = []
    for outcome in [plan.outcome(name) for name in outcomes] if outcomes is not None else plan.outcomes:
        progress(outcome.label)
        missing = tuple(table for table in outcome.tables if table not in trial.tables)
        if missing:
            left_out.append(LeftOut(outcome, missing))
        else:
            results += [_run(trial, plan, outcome, analysis) for analysis in outcome.analyses]
    return results, left_out


def _run(trial: Trial, plan: Plan, outcome: Outcome, analysis: AnyAnalysis) -> Result:
    data, cluster = trial.frame(analysis.frame or outcome.frame), plan.trial.cluster
    try:
        fit = analysis.fit(outcome, data, cluster=cluster)
        wanted = plan.trial.reproduction is not None
        reproduction = analysis.fit(outcome, data, cluster=cluster, large_sample=True) if wanted else None
        within = _icc(plan, outcome, data) if outcome.icc and analysis.prespecified else None
    except (DataError, DesignError, FitError) as error:
        return Result(outcome, analysis, data, notes=(str(error),))
    except PlanError as error:
        raise PlanError(f"{analysis.id}: {error}") from error
    return Result(outcome, analysis, data, fit, reproduction, within, (*fit.notes, *_missed(outcome, analysis, fit)))


def _missed(outcome: Outcome, analysis: AnyAnalysis, fit: Fit) -> tuple[str, ...]:
    """Where a pre-specified analysis misses the estimand: a note of the report, so no warning."""
    if not analysis.prespecified:
        return ()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrialWarning)
        return check_target(fit, average=outcome.estimand.average, effect=outcome.estimand.effect)


def _icc(plan: Plan, outcome: Outcome, data: pd.DataFrame) -> IntraclusterCorrelation:
    return icc(
        outcome.variable,
        data,
        cluster=plan.trial.cluster,
        within="arm",
        kind=outcome.kind,
        person_time=outcome.person_time,
        conf_level=plan.trial.conf_level,
    )


def effects(results: Iterable[Result], plan: Plan) -> pd.DataFrame:
    """A row an analysis with the columns `EFFECTS`.

    Ratios are exponentiated; `z_low z_high z_p` are the large-sample interval and p value; an analysis that could not
    be carried out has no estimate, and its reason in `notes`.
    """
    return pd.DataFrame([_row(result, plan) for result in results], columns=list(EFFECTS))


def _row(result: Result, plan: Plan) -> dict[str, Any]:
    outcome, analysis, fit = result.outcome, result.analysis, result.fit
    row: dict[str, Any] = {
        "outcome": outcome.id,
        "label": outcome.label,
        "analysis": analysis.id,
        "analysis_label": analysis.label,
        "role": outcome.role if analysis.prespecified else "sensitivity",
        "prespecified": analysis.prespecified,
        "unit": outcome.unit,
        "direction": outcome.direction,
        "method": fit.method if fit else "not estimated",
        "notes": "; ".join(result.notes),
    }
    analysed = _analysed(result, plan)
    row |= _numbers_analysed(analysed, plan.trial.cluster)
    rules = Disclosure.preset(plan.trial.disclosure)
    row |= {f"{arm}_summary": _summary(analysed[analysed["arm"] == arm], outcome, rules) for arm in ARMS}
    row |= _estimate(fit, analysis.effect, plan.trial.conf_level)
    row |= _reproduced(result.reproduction, analysis.effect, plan.trial.conf_level)
    row |= _correlation(result.icc)
    return row


def _estimate(fit: Fit | None, effect: str, conf_level: float) -> dict[str, Any]:
    columns = ("estimate", "std_error", "conf_low", "conf_high", "statistic", "df", "p_value")
    if fit is None:
        return {"measure": "not estimated", "ratio": False} | dict.fromkeys(columns, np.nan)
    term = _term(fit, effect, conf_level)
    return {"measure": fit.measure, "ratio": fit.link != "identity"} | {column: term[column] for column in columns}


def _reproduced(fit: Fit | None, effect: str, conf_level: float) -> dict[str, float]:
    columns = {"z_low": "conf_low", "z_high": "conf_high", "z_p": "p_value"}
    if fit is None:
        return dict.fromkeys(columns, np.nan)
    term = _term(fit, effect, conf_level)
    return {name: term[column] for name, column in columns.items()}


def _term(fit: Fit, effect: str, conf_level: float) -> pd.Series:
    table = fit.tidy(conf_level=conf_level, exponentiate=fit.link != "identity")
    if effect not in fit.terms:
        raise PlanError(f"the effect {effect!r} is no coefficient of the model; it has {', '.join(fit.terms)}")
    return table.iloc[fit.terms.index(effect)]


def _analysed(result: Result, plan: Plan) -> pd.DataFrame:
    """The rows that the analysis could use: complete in every column that it names."""
    analysis, outcome = result.analysis, result.outcome
    text = " ".join([outcome.variable, outcome.person_time or "", analysis.effect, *analysis.covariates])
    used = [column for column in result.data.columns if re.search(rf"\b{re.escape(column)}\b", text)]
    return result.data.dropna(subset=[*used, plan.trial.cluster])


def _numbers_analysed(data: pd.DataFrame, cluster: str) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for arm in ARMS:
        rows = data[data["arm"] == arm]
        numbers |= {f"clusters_{arm}": rows[cluster].nunique(), f"n_{arm}": len(rows)}
    return numbers


def _summary(rows: pd.DataFrame, outcome: Outcome, rules: Disclosure) -> str:
    """Mean (SD) at follow-up, or the rate per 1,000 person-years of the arm as a whole (events); "*" if too few."""
    if "timepoint" in rows:
        rows = rows[rows["timepoint"] == rows["timepoint"].max()]
    values = rows[outcome.variable].astype(float)
    if outcome.kind == "rate":
        events, person_years = values.sum(), rows[outcome.person_time].sum()
        return SUPPRESSED if rules.withholds(int(events)) else f"{1000 * events / person_years:.2f} ({events:,.0f})"
    enough = outcome.level == "cluster" or rules.allows_summary(len(values))
    return f"{values.mean():.1f} ({values.std():.1f})" if enough else SUPPRESSED


def _correlation(correlation: IntraclusterCorrelation | None) -> dict[str, Any]:
    columns = {"icc": "estimate", "icc_low": "conf_low", "icc_high": "conf_high", "icc_design_effect": "design_effect"}
    if correlation is None:
        return {"icc_of": "", **dict.fromkeys(columns, np.nan)}
    row = correlation.tidy().iloc[0]
    return {"icc_of": str(row["term"])} | {name: row[column] for name, column in columns.items()}
