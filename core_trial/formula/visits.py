"""The subject, visit, group and cluster of each row of repeated measures; every rule about them is checked here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..columns import quoted_list, refuse_rows
from ..engine.arrays import Array, Codes
from ..engine.repeated.visits import Visits
from ..errors import DesignError, PlanError
from .coding import is_number, levels
from .matrices import Grouping


@dataclass(frozen=True)
class Layout:
    """Where each of n rows belongs; `group` and `cluster` are constant within subjects, or None.

    Attributes
    ----------
    times : (m,) of the visits
    spatial : whether visits are points in time, and not only in order
    notes : what was left out, and what is known of few subjects
    """

    subject: Grouping
    visit: Grouping
    group: Grouping | None
    cluster: Grouping | None
    times: Array
    spatial: bool
    notes: tuple[str, ...]

    def by_subject(self, factor: Grouping) -> Codes:
        """(S,) the level of each subject."""
        return factor.level[np.unique(self.subject.level, return_index=True)[1]]

    @property
    def nested(self) -> tuple[Grouping, ...]:
        """The factors that the rows are nested in, the coarsest first."""
        return (self.subject,) if self.cluster is None else (self.cluster, self.subject)

    @property
    def engine(self) -> Visits:
        """The same as the engine takes it."""
        no_group = np.zeros(len(self.subject.labels), int)
        return Visits(
            subject=self.subject.level,
            visit=self.visit.level,
            times=self.times,
            group=no_group if self.group is None else self.by_subject(self.group),
            cluster=None if self.cluster is None else self.by_subject(self.cluster),
            names=list(self._names()),
        )

    def _names(self) -> Iterator[str]:
        for group in self.group.labels if self.group else ("",):
            for visit in self.visit.labels:
                yield f"{visit} of {self.group.name} {group}" if self.group else str(visit)


def lay_out(
    data: pd.DataFrame, rows: Codes, *, subject: str, visit: str, group: str | None, cluster: str | None, spatial: bool
) -> Layout:
    """Layout of the `rows` of the data; `spatial` if visits are points in time.

    Raises
    ------
    PlanError : one column in two roles, or visits that are no numbers where these are times
    DataError : a subject with more than one row of a visit
    DesignError : a single visit, subject or cluster; a subject in two groups or clusters
    """
    _check_roles({"subject": subject, "visit": visit, "group": group, "cluster": cluster})
    subjects, visits = (_grouping(data[name].iloc[rows]) for name in (subject, visit))
    groups, clusters = (None if name is None else _grouping(data[name].iloc[rows]) for name in (group, cluster))
    _refuse_repeats(data, rows, subjects, visits)
    for factor in (groups, clusters):
        if factor is not None:
            _refuse_varying(subjects, factor)
    for factor in (visits, subjects, clusters):
        if factor is not None and len(factor.labels) < 2:
            raise DesignError(f"{factor.name!r} has only the level {factor.labels[0]!r}; it needs at least two")
    times = _times(data[visit], visits) if spatial else np.arange(len(visits.labels), dtype=float)
    notes = (*_left_out(data, subjects, "subject"), *_left_out(data, visits, "visit"), *_lonely(visits))
    return Layout(subjects, visits, groups, clusters, times, spatial, notes)


def _grouping(column: pd.Series) -> Grouping:
    level, labels = levels(column)
    return Grouping(str(column.name), tuple(labels), level)


def _check_roles(roles: dict[str, str | None]) -> None:
    seen: dict[str, str] = {}
    for role, name in roles.items():
        if name is not None and name in seen:
            raise PlanError(f"{name!r} is given as both {seen[name]} and {role}: these must be different columns")
        if name is not None:
            seen[name] = role


def _refuse_repeats(data: pd.DataFrame, rows: Codes, subject: Grouping, visit: Grouping) -> None:
    cell = subject.level * len(visit.labels) + visit.level
    counts = np.bincount(cell)
    repeated = counts[cell] > 1
    if repeated.any():
        broken = np.zeros(len(data), bool)
        broken[rows[repeated]] = True
        names = quoted_list([subject.labels[i] for i in np.unique(subject.level[repeated])])
        rule = f"has a value more than once for {subject.name} {names}"
        refuse_rows(data[visit.name], broken, rule, "keep one row a subject and visit")


def _refuse_varying(subject: Grouping, factor: Grouping) -> None:
    first = np.unique(subject.level, return_index=True)[1]
    varying = np.unique(subject.level[factor.level != factor.level[first[subject.level]]])
    if len(varying):
        subjects = quoted_list(subject.labels[i] for i in varying)
        raise DesignError(
            f"{factor.name!r} varies within {subject.name} {subjects}: a subject"
            " belongs to one; where subjects are numbered anew in each, make their names unique"
        )


def _times(column: pd.Series, visit: Grouping) -> Array:
    if not is_number(column):
        raise PlanError(f"covariance 'sp_exp' needs times of visits; {visit.name!r} is not a number but {column.dtype}")
    return np.array(visit.labels, float)


def _left_out(data: pd.DataFrame, factor: Grouping, what: str) -> Iterator[str]:
    lost = data[factor.name].nunique() - len(factor.labels)
    if lost:
        yield f"{lost} {what}{'s' * (lost > 1)} of {factor.name} left out, without a complete row"


def _lonely(visit: Grouping) -> Iterator[str]:
    counts = np.bincount(visit.level)
    if len(lone := np.flatnonzero(counts == 1)):
        yield f"observed for one subject only: {visit.name} {quoted_list([visit.labels[i] for i in lone])}"
