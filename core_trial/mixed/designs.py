"""Trials measured before and after: the formula of the usual analyses is written, and fitted, for the user."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, get_args

import numpy as np
import pandas as pd

from ..columns import constant_within, known, numeric, require_columns
from ..engine.repeated.structures import CovarianceName
from ..errors import DesignError, PlanError
from ..formula.coding import is_number, levels
from .degrees import Ddf
from .fit import LmmFit
from .model import lmm
from .repeated import MmrmFit
from .repeated_model import mmrm

Method = Literal["clda", "ancova", "difference"]


@dataclass(frozen=True)
class Design:
    """The columns of a trial, and the values of its arm and timepoint.

    Attributes
    ----------
    unit : the columns that tell apart what is measured again: the cluster, or the subject within it
    treated : the value of the arm whose effect is estimated
    later : the timepoints after `baseline`
    """

    outcome: str
    cluster: str
    unit: tuple[str, ...]
    timepoint: str
    arm: str
    baseline: Hashable
    treated: Hashable
    later: tuple[Hashable, ...]

    @property
    def time(self) -> str:
        """The term of the timepoints."""
        return f"C({_quoted(self.timepoint)})"

    @property
    def effect(self) -> str:
        """The term of the treated arm."""
        return _is(self.arm, self.treated)

    @property
    def effects(self) -> str:
        """The terms of the treated arm at each later timepoint."""
        return " + ".join(f"{self.effect}:{_is(self.timepoint, value)}" for value in self.later)


class Written(NamedTuple):
    """The fixed part of a formula, the rows that it is for, and the analysis in words."""

    fixed: str
    rows: pd.DataFrame
    words: str


def longitudinal(
    outcome: str,
    data: pd.DataFrame,
    *,
    cluster: str,
    timepoint: str,
    arm: str,
    baseline: Hashable = 0,
    method: Method = "clda",
    subject: str | None = None,
    covariates: Sequence[str] = (),
    random: str | None = None,
    covariance: CovarianceName | None = None,
    ddf: Ddf = "kenward-roger",
) -> LmmFit | MmrmFit:
    """Effects of an arm on an outcome that was also measured at baseline; `fit.method` shows the formula.

    Parameters
    ----------
    outcome : column of numbers
    data : a row a cluster and timepoint, or a row an individual and timepoint
    cluster, timepoint, arm : columns; the arm has two values, of which "intervention", 1 or else the last is treated
    baseline : the value of the timepoint before the intervention
    method : `clda`, constrained longitudinal data analysis: the baseline is an outcome, and the arms are equal there
        (Liang and Zeger, 2000, Sankhya B 62:134), so that rows without a baseline still count; `ancova`, later outcomes
        adjusted for the baseline; `difference`, change from the baseline
    subject : column of individuals that are measured again. Without one, the baseline of `ancova` and `difference` is
        the mean of the cluster
    covariates : terms that are added to the formula
    random : random part of a model by `lmm`; by default random intercepts of clusters, of their timepoints if these
        have several rows, and of subjects
    covariance : of the timepoints within a subject, or else a cluster: the model is then fitted by `mmrm`
    ddf : the small-sample method of `lmm` or `mmrm`

    The arm has an effect at each timepoint after the baseline, named `I(arm == 'intervention'):I(timepoint == 12)` (or
    without the timepoint where `ancova` and `difference` have one). Where only one arm was observed there is none.

    Raises
    ------
    PlanError : an unknown column or option, no such baseline, a column of the name that is to be made
    DataError : an arm, timepoint or cluster that is missing, an outcome that is not a number
    DesignError : not two arms, an arm that varies within a cluster, no timepoint with both arms, one row a cluster

    Examples
    --------
    >>> import core_trial as ct
    >>> teams = pd.DataFrame(
    ...     {
    ...         "team": list("aabbccddeeff"),
    ...         "month": [0, 12] * 6,
    ...         "arm": ["control"] * 6 + ["intervention"] * 6,
    ...         "score": [20, 23, 24, 25, 22, 23, 25, 30, 22, 26, 23, 29],
    ...     }
    ... )
    >>> fit = ct.longitudinal("score", teams, cluster="team", timepoint="month", arm="arm")
    >>> fit.terms
    ('(Intercept)', 'C(month)[T.12]', "I(arm == 'intervention'):I(month == 12)")
    """
    if method not in get_args(Method):
        raise PlanError(f"method {method!r} is unknown; choose from {', '.join(get_args(Method))}")
    design = _design(outcome, data, cluster, timepoint, arm, baseline, subject)
    written = WRITERS[method](design, data)
    fixed = " + ".join([written.fixed, *covariates])
    fit: LmmFit | MmrmFit
    if covariance is None:
        formula = f"{fixed} + {random or _random_part(design, written.rows)}"
        fit = lmm(formula, written.rows, ddf=ddf)
    else:
        formula, among = fixed, cluster if subject else None
        unit = subject or cluster
        fit = mmrm(formula, written.rows, subject=unit, visit=timepoint, covariance=covariance, ddf=ddf, cluster=among)
    words = f"{written.words}, {formula}: {fit.method}"
    return replace(fit, method=words, notes=(*_one_arm_notes(design, data), *fit.notes))


def _design(
    outcome: str,
    data: pd.DataFrame,
    cluster: str,
    timepoint: str,
    arm: str,
    baseline: Hashable,
    subject: str | None,
) -> Design:
    """The design of the trial in `data`; every rule of it is checked here."""
    unit = (cluster,) if subject is None else (cluster, subject)
    require_columns(data, [outcome, timepoint, arm, *unit])
    numeric(data[outcome])
    for name in (timepoint, arm, *unit):
        known(data[name])
    constant_within(data[arm], data[cluster])
    arms, times = levels(data[arm])[1], levels(data[timepoint])[1]
    if len(arms) != 2:
        raise DesignError(f"{arm!r} has the values {', '.join(map(str, arms))}; an effect needs two")
    if baseline not in times:
        raise PlanError(f"{timepoint!r} has no value {baseline!r}; it has {', '.join(map(str, times))}")
    treated = "intervention" if "intervention" in arms else arms[-1]
    after = is_number(data[timepoint])
    later = tuple(t for t in times if t != baseline and (not after or t > baseline))  # type: ignore[operator]
    design = Design(outcome, cluster, unit, timepoint, arm, baseline, treated, later)
    if all(len(found) < 2 for found in _arms_at(design, data).values()):
        raise DesignError(f"no value of {timepoint!r} after {baseline!r} has {outcome!r} in both arms")
    return design


def _arms_at(design: Design, data: pd.DataFrame) -> dict[Hashable, list[Hashable]]:
    """The arms in which the outcome was observed at each later timepoint."""
    seen = data[data[design.outcome].notna()]
    return {value: levels(seen.loc[seen[design.timepoint] == value, design.arm])[1] for value in design.later}


def _one_arm_notes(design: Design, data: pd.DataFrame) -> tuple[str, ...]:
    """The timepoints at which there is nothing to compare."""
    return tuple(
        f"{design.outcome} was observed at {design.timepoint} {value} in"
        f" {f'{found[0]} only' if found else 'neither arm'}: no effect is estimated there"
        for value, found in _arms_at(design, data).items()
        if len(found) < 2
    )


def _constrained(design: Design, data: pd.DataFrame) -> Written:
    words = f"Constrained longitudinal data analysis, the arms equal at {design.timepoint} {design.baseline}"
    return Written(f"{_quoted(design.outcome)} ~ {design.time} + {design.effects}", data, words)


def _adjusted(design: Design, data: pd.DataFrame) -> Written:
    name = f"{design.outcome}_baseline"
    rows, baseline = _later_rows(design, data, name)
    several = f"{design.time} * {_quoted(name)} + {design.effects}"
    terms = several if len(design.later) > 1 else f"{design.effect} + {_quoted(name)}"
    words = f"Analysis of covariance, adjusted for {design.outcome} at {design.timepoint} {design.baseline}"
    return Written(f"{_quoted(design.outcome)} ~ {terms}", rows.assign(**{name: baseline}), words)


def _changed(design: Design, data: pd.DataFrame) -> Written:
    name = f"{design.outcome}_change"
    rows, baseline = _later_rows(design, data, name)
    terms = f"{design.time} + {design.effects}" if len(design.later) > 1 else design.effect
    words = f"Analysis of change from {design.timepoint} {design.baseline}"
    return Written(f"{_quoted(name)} ~ {terms}", rows.assign(**{name: rows[design.outcome] - baseline}), words)


WRITERS: Mapping[Method, Callable[[Design, pd.DataFrame], Written]] = {
    "clda": _constrained,
    "ancova": _adjusted,
    "difference": _changed,
}


def _later_rows(design: Design, data: pd.DataFrame, name: str) -> tuple[pd.DataFrame, pd.Series]:
    """The rows after the baseline, and the baseline of each; PlanError if there is a column `name` already."""
    if name in data.columns:
        raise PlanError(f"the data have a column {name!r}, which is to be made: rename it")
    unit = list(design.unit)
    before = data[data[design.timepoint] == design.baseline].groupby(unit, observed=True)[design.outcome].mean()
    rows = data[data[design.timepoint].isin(design.later)]
    return rows, rows[unit].join(before.rename(name), on=unit)[name]


def _random_part(design: Design, rows: pd.DataFrame) -> str:
    """Random intercepts of clusters, and of what repeats within them."""
    seen = rows[rows[design.outcome].notna()]
    repeated = len(levels(seen[design.timepoint])[1]) > 1
    crowded = bool(seen.duplicated([design.cluster, design.timepoint]).any())
    if not repeated and not crowded:
        raise DesignError("one row a cluster is left: analyse these by ct.cluster_level, the baseline as a covariate")
    finer: list[tuple[str, ...]] = [(design.cluster, design.timepoint)] if crowded else []
    finer += [design.unit] if len(design.unit) > 1 else []
    groups = [(design.cluster,), *(finer if repeated else [])]
    return " + ".join(f"(1 | {':'.join(map(_quoted, group))})" for group in groups)


def _is(column: str, value: Hashable) -> str:
    """The term that is 1 where the column has the value."""
    return f"I({_quoted(column)} == {value.item() if isinstance(value, np.generic) else value!r})"


def _quoted(column: str) -> str:
    return column if column.isidentifier() else f"`{column}`"
