"""The table of a forest plot: what its columns say, how wide they are and where they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import pandas as pd

from ..columns import require_columns
from ..errors import PlanError
from ..wording import interval, number, p_value, percent, sentence
from .blocks import MARGIN
from .plot import TrialFigure
from .style import FONT, MM
from .text import LEADING, text_width, wrap

Columns = Mapping[str, str] | Sequence[str] | None
"""Columns of a table: names of columns, or name -> header; None for the default."""

ARMS = ("intervention", "control")
COUNTS = {"clusters": "Clusters", "n": "n"}
"""Numbers analysed, in a column of this name or in one for each arm."""

GAP, INDENT = 9.0, 7.0
NARROW_FIGURE = 120 * MM
NARROWEST_LABEL, NARROWEST_AXIS = 20 * MM, 18 * MM
AXIS_SHARE = 0.28
"""Labels are wrapped rather than leave the axes a smaller share of the figure."""


@dataclass(frozen=True)
class Column:
    """A column of text, a cell for each row, aligned on the right at the point `edge`."""

    header: str
    cells: tuple[str, ...]
    edge: float = 0.0

    @property
    def width(self) -> float:
        return max([_header_width(self.header), *map(text_width, self.cells)])


@dataclass(frozen=True)
class TableLayout:
    """The header row as a block, and where columns, labels and axes stand in a figure of this width."""

    width: float
    label_header: str
    labels: tuple[list[str], ...]
    columns: tuple[Column, ...]
    axis_left: float
    axis_width: float

    @property
    def height(self) -> float:
        return max(header.count("\n") + 1 for _, header, _ in self._headers()) * FONT * LEADING + 6

    def draw(self, figure: TrialFigure, top: float) -> None:
        rule = top + self.height - 4
        for edge, header, align in self._headers():
            lines = header.split("\n")
            figure.write_lines(edge, rule - 2 - len(lines) * FONT * LEADING, lines, FONT, weight="bold", ha=align)
        figure.rule(MARGIN, rule, self.width - 2 * MARGIN)

    def _headers(self) -> Iterator[tuple[float, str, str]]:
        yield MARGIN, self.label_header, "left"
        for column in self.columns:
            yield column.edge, column.header, "right"


def lay_out(
    rows: pd.DataFrame, left: Columns, right: Columns, width: float, *, digits: int, conf_level: float
) -> TableLayout:
    """Place the columns in a figure `width` points wide; labels are wrapped where the axes would become too narrow.

    Raises PlanError if no room is left for the axes, or a column is none of `rows`.
    """
    wide = width >= NARROW_FIGURE
    default = _default_headers(rows, conf_level)
    counts = [name for name in COUNTS if name in rows or _by_arm(rows, name)]
    p_values = ["p_value"] if rows["p_value"].notna().any() else []
    named_left = _named(left, counts if wide else [], default)
    named_right = _named(right, ["estimate", *p_values] if wide else ["estimate"], default)
    label_header = named_left.pop("label", default["label"])
    before = [Column(header, _cells(rows, name, digits)) for name, header in named_left.items()]
    after = [Column(header, _cells(rows, name, digits)) for name, header in named_right.items()]
    free = width - 2 * MARGIN - GAP - sum(GAP + column.width for column in (*before, *after))
    labels = _wrapped(rows, free, width)
    label_width = max(text_width(line) for lines in labels for line in lines) + _indent(rows)
    label_width = max(label_width, _header_width(label_header))
    return _placed(TableLayout(width, label_header, tuple(labels), (), MARGIN + label_width, 0.0), before, after)


def _placed(layout: TableLayout, before: Sequence[Column], after: Sequence[Column]) -> TableLayout:
    """With the columns from the labels' right edge rightwards and from the figure's right edge leftwards."""
    left, right, placed = layout.axis_left, layout.width - MARGIN, []
    for column in before:
        left += GAP + column.width
        placed.append(replace(column, edge=left))
    for column in reversed(after):
        placed.append(replace(column, edge=right))
        right -= GAP + column.width
    left += GAP
    return replace(layout, columns=tuple(placed), axis_left=left, axis_width=right - left)


def _wrapped(rows: pd.DataFrame, free: float, width: float) -> list[list[str]]:
    longest_word = max(text_width(word) for label in rows["label"] for word in label.split() or [""]) + _indent(rows)
    room = max(free - AXIS_SHARE * width, NARROWEST_LABEL)
    if longest_word <= free - NARROWEST_AXIS:
        room = max(room, longest_word)
    if free - room < NARROWEST_AXIS:
        raise PlanError(
            f"the columns of the table leave {max(free - room, 0) / MM:.0f} mm for the axes of a figure of "
            f"{width / MM:.0f} mm; make it wider, or name fewer columns in left= and right="
        )
    return [wrap(label, room - _indent(rows)) for label in rows["label"]]


def _indent(rows: pd.DataFrame) -> float:
    return INDENT if (rows["group"] != "").any() else 0.0


def _by_arm(rows: pd.DataFrame, name: str) -> bool:
    return name not in rows and all(f"{name}_{arm}" in rows for arm in ARMS)


def _default_headers(rows: pd.DataFrame, conf_level: float) -> dict[str, str]:
    measures = rows.loc[rows["estimate"].notna(), "measure"].unique()
    measure = measures[0] if len(measures) == 1 else "effect"
    return {
        "label": "Outcome" if "outcome" in rows else "",
        "estimate": f"{sentence(measure)}\n({percent(conf_level)} CI)",
        "p_value": "p",
        **{name: f"{header}\nI / C" if _by_arm(rows, name) else header for name, header in COUNTS.items()},
    }


def _named(chosen: Columns, default: Sequence[str], headers: Mapping[str, str]) -> dict[str, str]:
    if isinstance(chosen, Mapping):
        return dict(chosen)
    names = default if chosen is None else chosen
    return {name: headers.get(name, sentence(name.replace("_", " "))) for name in names}


def _header_width(header: str) -> float:
    return max(text_width(line, weight="bold") for line in header.split("\n"))


def _cells(rows: pd.DataFrame, name: str, digits: int) -> tuple[str, ...]:
    if name == "estimate":
        limits = zip(rows["estimate"], rows["conf_low"], rows["conf_high"], strict=True)
        return tuple(interval(*values, digits) for values in limits)
    if name == "p_value":
        return tuple(map(p_value, rows[name]))
    if _by_arm(rows, name):
        arms = (_column(rows[f"{name}_{arm}"], digits) for arm in ARMS)
        return tuple(" / ".join(pair) for pair in zip(*arms, strict=True))
    require_columns(rows, [name])
    return tuple(_cell(value, 1) for value in rows[name]) if name == "df" else _column(rows[name], digits)


def _column(values: pd.Series, digits: int) -> tuple[str, ...]:
    """Numbers with so many decimals, whole ones with none, other values as they are."""
    numbers = [float(value) for value in values.dropna() if isinstance(value, Real)]
    decimals = 0 if all(value.is_integer() for value in numbers) else digits
    return tuple(_cell(value, decimals) for value in values)


def _cell(value: Any, decimals: int) -> str:
    if pd.isna(value):
        return ""
    return number(float(value), decimals) if isinstance(value, Real) else str(value)
