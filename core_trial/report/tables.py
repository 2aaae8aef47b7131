"""The one table that every renderer reads: numbers in a frame, and how each column of them is shown."""

from __future__ import annotations

import datetime
import itertools
import json
import math
import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from .cells import MISSING, SUPPRESSED, is_missing, is_numeric, show

Align = Literal["left", "right", "center"]

_HAS_MISSING = re.compile(rf"(^|[ (]){MISSING}($|[ )])")

WIDE = 7
"""More columns than this do not fit an upright page."""


@dataclass(frozen=True)
class Column:
    """A column as it is shown.

    Attributes
    ----------
    key : column of the frame
    label : its heading
    format : how a value is shown, see `core_trial.report.cells.show`
    align : left for text and right for numbers unless given
    parts : columns that a template with several fields takes, in its order; `key` alone unless given
    format_from : column of the frame that holds the format of each row, where rows differ; empty leaves the cell empty
    turned : whether the heading reads from bottom to top, for a column narrower than it
    """

    key: str
    label: str
    format: str = ""
    align: Align | None = None
    parts: tuple[str, ...] = ()
    format_from: str | None = None
    turned: bool = False

    @property
    def alignment(self) -> Align:
        return self.align or ("right" if self.format_from or is_numeric(self.format) else "left")

    def show(self, row: dict[Hashable, Any]) -> str:
        """The text of this column's cell in a row of the frame."""
        style = row[self.format_from] if self.format_from else self.format
        if self.format_from and not style:
            return ""
        return show([row[part] for part in self.parts or (self.key,)], style)

    def unbroken(self, cell: str) -> str:
        """A cell of numbers with spaces at which no line breaks, but before a bracket; a cell of words as it is."""
        return cell if self.alignment == "left" else re.sub(r" (?!\()", "\u00a0", cell)


@dataclass(frozen=True)
class Row:
    """A row as it is shown: the text of its cells, and how deep its first one is set in."""

    cells: tuple[str, ...]
    indent: int = 0


@dataclass(frozen=True)
class Group:
    """Rows under one heading; None where a table has no groups."""

    heading: str | None
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Table:
    """A table of a report. Its files hold the frame in full; people are shown `columns`, formatted.

    Attributes
    ----------
    id : name of its files and anchor, `effects`
    title : its caption
    frame : the numbers, a row a row of the table
    columns : what is shown, in this order; the first column names the row
    notes : sentences under the table
    groups : column of the frame; rows next to each other that share its value stand under it as a heading
    indents : column of the frame with the depth (0, 1) at which the first cell is set in
    missing : what a missing value means in this table

    >>> frame = pd.DataFrame({"outcome": ["CSQ-8"], "estimate": [0.97], "low": [-1.02], "high": [2.97]})
    >>> from core_trial.report.cells import INTERVAL
    >>> effect = Column("estimate", "Effect (95% CI)", INTERVAL, parts=("estimate", "low", "high"))
    >>> table = Table("effects", "Effects", frame, (Column("outcome", "Outcome"), effect))
    >>> next(table.grid()).rows[0].cells
    ('CSQ-8', '0.97 (−1.02 to 2.97)')
    """

    id: str
    title: str
    frame: pd.DataFrame
    columns: tuple[Column, ...]
    notes: tuple[str, ...] = ()
    groups: str | None = None
    indents: str | None = None
    missing: str = "not available"

    @property
    def anchor(self) -> str:
        return f"table-{self.id}"

    @property
    def wide(self) -> bool:
        """Whether it needs a page on its side."""
        return len(self.columns) > WIDE

    def grid(self) -> Iterator[Group]:
        """The rows as text, by group, for the renderers that people read."""
        for heading, rows in itertools.groupby(self.frame.to_dict("records"), self._heading):
            yield Group(heading, tuple(self._row(row) for row in rows))

    def legend(self) -> tuple[str, ...]:
        """The notes, and what the signs in the cells mean where they occur."""
        cells = {cell for group in self.grid() for row in group.rows for cell in row.cells}
        signs = []
        if any(_HAS_MISSING.search(cell) for cell in cells):
            signs.append(f"{MISSING} {self.missing}.")
        if SUPPRESSED in cells:
            signs.append(f"{SUPPRESSED} withheld: the count is small, or would give a small one away.")
        return (*self.notes, *signs)

    def to_csv(self) -> str:
        """The frame in full precision: the shortest text that reads back as the same number."""
        return self._data().to_csv(index=False, lineterminator="\n", date_format="%Y-%m-%d")

    def to_json(self) -> str:
        """The same as JSON, with title, notes and headings; missing is null, infinity the text "Infinity"."""
        data = self._data()
        rows = [{str(key): _plain(value) for key, value in row.items()} for row in data.to_dict("records")]
        labels = {column.key: column.label for column in self.columns}
        content = {"id": self.id, "title": self.title, "labels": labels, "notes": self.notes, "rows": rows}
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def files(self, folder: str = "tables") -> dict[str, bytes]:
        """Both as outputs of a run, path -> content."""
        stem = f"{folder}/{self.id}"
        return {f"{stem}.csv": self.to_csv().encode(), f"{stem}.json": self.to_json().encode()}

    def _heading(self, row: dict[Hashable, Any]) -> str | None:
        return show([row[self.groups]], "") if self.groups else None

    def _row(self, row: dict[Hashable, Any]) -> Row:
        cells = tuple(column.show(row) for column in self.columns)
        return Row(cells, int(row[self.indents]) if self.indents else 0)

    def _data(self) -> pd.DataFrame:
        """The frame without the columns that only say how to show it."""
        display = {column.format_from for column in self.columns} | {self.indents}
        return self.frame[[name for name in self.frame.columns if name not in display]]


def _plain(value: Any) -> Any:
    """A cell as JSON knows it."""
    if is_missing(value):
        return None
    if isinstance(value, datetime.date):
        return value.strftime("%Y-%m-%d")
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value.item() if hasattr(value, "item") else value
