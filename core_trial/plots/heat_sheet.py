"""What an engagement heat map shows at any width, and where its columns stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ..errors import PlanError
from ..wording import number
from .blocks import MARGIN
from .scale import Limits
from .text import text_width

LINE = 15.0
"""Height of a team's line in points."""

NARROWEST_CELL, WIDEST_CELL = 12.5, 40.0
NARROWEST_COURSE, WIDEST_COURSE = 65.0, 150.0
GAP = 6.0


@dataclass(frozen=True)
class HeatSheet:
    """What is drawn at any width."""

    data: pd.DataFrame
    scale: tuple[float, float]
    value: str
    label: str
    bands: Mapping[float, str]
    limits: Limits

    @cached_property
    def cells(self) -> pd.DataFrame:
        return self.data[self.data["level"] == "engagement"]

    @cached_property
    def course(self) -> pd.DataFrame:
        return self.data[self.data["level"] == "course"]

    @cached_property
    def change(self) -> pd.Series:
        return self.data[self.data["level"] == "change"].set_index("team")["value"]

    @property
    def teams(self) -> list[str]:
        return list(self.change.index)

    @property
    def components(self) -> list[str]:
        return list(self.cells["component"].unique())

    @property
    def first(self) -> float:
        return float(self.course["timepoint"].min())

    @property
    def last(self) -> float:
        return float(self.course["timepoint"].max())

    @property
    def rated(self) -> bool:
        """Whether any cell has a value."""
        return bool(self.cells["value"].notna().any())

    def share(self, value: float) -> float:
        """Where a value stands on the scale, 0 to 1."""
        low, high = self.scale
        return float(np.clip((value - low) / (high - low), 0, 1))


@dataclass(frozen=True)
class Columns:
    """Left edges and widths in points: of cells, of the numbers of change, of the course."""

    cells: float
    cell: float
    change: float
    course: float
    course_width: float


def lay_out_columns(sheet: HeatSheet, width: float) -> Columns:
    """Columns in a figure `width` points wide; PlanError if the components do not fit."""
    names = max(map(text_width, sheet.teams)) + GAP
    changes = max(text_width(text) for text in ("Change", *map(signed, sheet.change))) + 1.5 * GAP
    room = width - 2 * MARGIN - names - changes
    count = len(sheet.components)
    cell = min(WIDEST_CELL, (room - min(WIDEST_COURSE, max(NARROWEST_COURSE, 0.3 * room))) / count)
    if cell < NARROWEST_CELL:
        raise PlanError(f"{count} components do not fit in {width / 72 * 25.4:.0f} mm: choose fewer, or a wider figure")
    left = MARGIN + names
    course = left + count * cell + changes
    return Columns(left, cell, course - GAP, course, width - MARGIN - 4 - course)


def signed(value: float) -> str:
    """
    >>> signed(21.0), signed(-3.4), signed(float("nan"))
    ('+21', '−3', '–')
    """
    if np.isnan(value):
        return "–"
    return f"{'+' if round(value) > 0 else ''}{number(value, 0)}"


def padded(limits: Limits, width: float) -> Limits:
    """Limits wider by half a mark at both ends, on an axis `width` points wide."""
    pad = 3 * (limits[1] - limits[0]) / width
    return limits[0] - pad, limits[1] + pad
