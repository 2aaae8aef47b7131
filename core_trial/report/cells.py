"""How a number is shown in a table: a value and a format in, text out."""

from __future__ import annotations

import datetime
import math
import string
from collections.abc import Sequence
from typing import Any

import pandas as pd

from ..wording import p_value

MISSING = "–"
"""Shown where there is no value; the table says under it what that means."""

SUPPRESSED = "*"
"""Stands in a frame, and is shown, where a small count is withheld."""

INTERVAL = "{:.2f} ({:.2f} to {:.2f})"
"""Format of an estimate with its limits: `Column("estimate", ..., INTERVAL, parts=("estimate", "low", "high"))`."""

_NAMED = {"integer": ",.0f", "percent": ".1%"}


def show(values: Sequence[Any], style: str) -> str:
    """The values of one cell as text.

    Parameters
    ----------
    values : the parts of the cell, most often one
    style : a format specification (".2f", "+.0f"); one of "p", "integer", "percent"; or a template with a field a part
        ("{:.1f} ({:.1f})"). Empty: as it is

    A missing first part makes the whole cell missing, a suppressed part makes it suppressed.

    >>> show([0.9712, -1.018, 2.9601], INTERVAL)
    '0.97 (−1.02 to 2.96)'
    >>> show([0.00004], "p"), show([1234], "integer"), show([float("nan")], ".2f")
    ('<0.001', '1,234', '–')
    """
    if any(isinstance(value, str) and value == SUPPRESSED for value in values):
        return SUPPRESSED
    if is_missing(values[0]):
        return MISSING
    template = style if "{" in style else f"{{:{style}}}"
    return _FORMATTER.vformat(template, tuple(values), {})


def is_missing(value: Any) -> bool:
    """True of None, NaN, NA, NaT."""
    return bool(pd.isna(value))


def is_numeric(style: str) -> bool:
    """True of a format that is for numbers, which are aligned on the right."""
    return style != ""


class _CellFormatter(string.Formatter):
    """`str.format` that knows missing values, p-values, the true minus sign, and lets words stand as they are."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if is_missing(value):
            return MISSING
        if isinstance(value, bool) or type(value).__name__ == "bool_":
            return "yes" if value else "no"
        if isinstance(value, datetime.date):
            return value.strftime("%Y-%m-%d")
        if isinstance(value, str):
            return value
        return _number(value, format_spec)


_FORMATTER = _CellFormatter()


def _number(value: Any, spec: str) -> str:
    if spec == "p":
        return p_value(value)
    if isinstance(value, float) and math.isinf(value):
        return "∞" if value > 0 else "−∞"
    spec = _NAMED.get(spec, spec)
    if spec.endswith(("f", "%", "e", "g")):
        spec = f"+z{spec[1:]}" if spec.startswith("+") else f"z{spec}"
    return format(value, spec).replace("-", "−")
