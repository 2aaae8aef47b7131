"""REDCap exports: one file with the forms of a project side by side, split into the tables of the trial.

How an export is read (raw values, not labels):

- A field belongs to the table that has a column of its name; `<table>_<column>` is the column of that table only. The
  project that `redcap_dictionary` describes names its fields so.
- A row of the export is a row of a table when a field is filled that only this table has.
- The event says `timepoint`, `wave` and `period` where the export has no such field. Events are known by their unique
  names (`EVENTS`: baseline_arm_1, month_6_arm_1, 6_months_arm_1, follow_up_arm_1 ...); for others give
  `ct.Redcap(path, events={"visit_1_arm_1": {"wave": "baseline"}})`.
- `team` and `person`, asked once in a record, hold for all its rows. Without a field `team` the data access group is
  the team, or else the record; without a field `person` the record is the person.
- `item_1` ... `item_39` are the scores of the fidelity items, a row of the table each; the checkboxes
  `component___coaching` ... say which components were delivered. Another checkbox field holds the one code ticked.
- The fields that REDCap adds are passed over; others that belong to no table are reported.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from ...errors import DataError
from ..checks import Problem
from ..dictionary.model import Dictionary, TableSchema
from .delimited import read_delimited
from .records import Records
from .redcap_fields import FROM_EVENT, FROM_RECORD, SPREAD, FormFields, assign_fields, unread_fields

EVENT, GROUP = "redcap_event_name", "redcap_data_access_group"

EVENTS = {
    r"baseline|month_0|0_months?": {"timepoint": "0", "wave": "baseline", "period": "before"},
    r"month_6|6_months?": {"timepoint": "6"},
    r"follow_?up|month_12|12_months?": {"timepoint": "12", "wave": "follow_up", "period": "after"},
}
"""What an event tells, by its unique name without the `_arm_1` at its end."""


@dataclass(frozen=True)
class Redcap:
    """A REDCap export with raw values, as CSV.

    Parameters
    ----------
    path : the file
    events : what an event tells, by its unique name, where the package does not know it

    Examples
    --------
    >>> import core_trial as ct
    >>> export = ct.Redcap("export.csv", events={"discharge_arm_1": {"wave": "follow_up"}})
    >>> trial = ct.load_trial(export)  # doctest: +SKIP
    """

    path: str | Path
    events: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class RedcapTables(NamedTuple):
    """The tables of an export, and what is wrong with the export itself."""

    tables: dict[str, Records]
    problems: tuple[Problem, ...]


def is_redcap_header(names: Collection[str]) -> bool:
    """Whether these are the column names of a REDCap export."""
    return not {"record_id", EVENT, "redcap_repeat_instrument"}.isdisjoint(names)


def read_redcap(export: Redcap, dictionary: Dictionary) -> RedcapTables:
    """Split an export into the tables that it has fields of; rows keep their numbers in the export.

    Raises: DataError when the file cannot be read or has fields of no table.
    """
    path = Path(export.path)
    given = read_delimited(path)
    names = [str(name) for name in given.frame]
    forms = assign_fields(names, dictionary)
    if not forms:
        raise DataError(f"{path.name} has no fields of the tables {', '.join(dictionary.tables)}")
    tables = {name: _table(dictionary.tables[name], form, given, export) for name, form in forms.items()}
    unread = unread_fields(names, forms.values())
    message = f"fields that belong to no table were not read: {', '.join(unread)}"
    strays = [Problem("unknown_column", message, severity="warning")] if unread else []
    return RedcapTables(tables, (*given.problems, *strays))


def _table(schema: TableSchema, form: FormFields, given: Records, export: Redcap) -> Records:
    frame = given.frame[_is_filled(given.frame, form)]
    columns = {column: frame[name] for column, name in form.single.items()}
    columns |= {column: _ticked(frame, boxes) for column, boxes in form.boxes.items()}
    columns |= {name: _of_record(given.frame, form, name)[frame.index] for name in FROM_RECORD if name in schema.names}
    absent = [name for name in FROM_EVENT if name in schema.names and name not in columns and EVENT in frame]
    columns |= {name: _of_event(frame[EVENT], export, name) for name in absent}
    problems = [
        *(problem for column, boxes in form.boxes.items() for problem in _several_ticked(frame, given, column, boxes)),
        *(problem for name in absent for problem in _unknown_events(frame[EVENT], columns[name], given, name)),
    ]
    table = pd.DataFrame(columns, index=frame.index)
    for key, fields in form.spread.items():
        table = _side_by_side(table, frame, key, fields)
    return Records(table.astype("str").reset_index(drop=True), given.rows[table.index], tuple(problems))


def _is_filled(frame: pd.DataFrame, form: FormFields) -> pd.Series:
    """Which rows have a field that only this table has; a box counts when it is ticked."""
    boxes = sorted(name for name in form.own if "___" in name)
    return frame[sorted(form.own.difference(boxes))].notna().any(axis=1) | _are_ticked(frame, boxes).any(axis=1)


def _of_record(frame: pd.DataFrame, form: FormFields, name: str) -> pd.Series:
    """Team or person of each row: as filled there, or else as filled once in the record."""
    record = frame.iloc[:, 0]
    if name not in form.single:
        return frame[GROUP] if name == "team" and GROUP in frame else record
    values = frame[form.single[name]]
    by_record = values.groupby(record)
    return values.fillna(by_record.transform("first").where(by_record.transform("nunique") == 1))


def _of_event(events: pd.Series, export: Redcap, name: str) -> pd.Series:
    told = {event: export.events.get(event, _known_event(event)).get(name) for event in events.dropna().unique()}
    return events.map({event: str(value) for event, value in told.items() if value is not None}).astype("str")


def _known_event(event: str) -> Mapping[str, str]:
    name = re.sub(r"_arm_\d+$", "", event)
    return next((told for pattern, told in EVENTS.items() if re.fullmatch(pattern, name)), {})


def _unknown_events(events: pd.Series, values: pd.Series, given: Records, name: str) -> Iterator[Problem]:
    unknown = events[values.isna()]
    for row, event in zip(given.rows[unknown.index], unknown, strict=True):
        message = f"the event {event} does not tell the {name}; say it in ct.Redcap(path, events=...)"
        yield Problem("known_event", message, int(row), name, event)


def _are_ticked(frame: pd.DataFrame, boxes: Collection[str]) -> pd.DataFrame:
    return frame[list(boxes)].isin(["1", "Checked"])


def _ticked(frame: pd.DataFrame, boxes: Mapping[str, str]) -> pd.Series:
    """The code that is ticked; missing where none or several are."""
    ticked = _are_ticked(frame, boxes.values()).set_axis(list(boxes), axis=1)
    return ticked.idxmax(axis=1).where(ticked.sum(axis=1) == 1) if len(frame) else pd.Series(dtype="str")


def _several_ticked(frame: pd.DataFrame, given: Records, column: str, boxes: Mapping[str, str]) -> Iterator[Problem]:
    ticked = _are_ticked(frame, boxes.values()).sum(axis=1)
    for row in given.rows[frame.index[ticked > 1]]:
        yield Problem("one_box", f"several boxes of {column} are ticked; it has one value", int(row), column)


def _side_by_side(table: pd.DataFrame, frame: pd.DataFrame, key: str, fields: Mapping[str, str]) -> pd.DataFrame:
    """A row for each code of the key, in place of a field for each; boxes become yes and no."""
    pieces = []
    for code, name in fields.items():
        cells = frame[name].replace({"1": "yes", "0": "no"}) if "___" in name else frame[name]
        pieces.append(table.assign(**{key: code, SPREAD[key]: cells}))
    return pd.concat(pieces).sort_index(kind="stable")
