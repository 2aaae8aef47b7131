"""The parts of an engagement heat map: the scale of its cells, and a line a team."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ..wording import sentence
from .blocks import MARGIN
from .heat_data import DELIVERED, MISSING, NOT_DELIVERED
from .heat_marks import draw_cell, draw_course
from .heat_sheet import GAP, LINE, Columns, HeatSheet, lay_out_columns, padded, signed
from .plot import TrialFigure
from .scale import ticks
from .style import FONT, GREY
from .text import LEADING, text_width, wrap


@dataclass(frozen=True)
class HeatScale:
    """What the cells mean, in as many lines as are needed."""

    sheet: HeatSheet
    width: float

    @property
    def entries(self) -> list[tuple[str, float, str]]:
        """Note of a cell, its value, and what it means."""
        low, high = self.sheet.scale
        values = [("", value, "") for value in np.linspace(low, high, 4) if self.sheet.rated]
        words = {NOT_DELIVERED: "not delivered", DELIVERED: "delivered, not rated", MISSING: "not known"}
        found = set(self.sheet.cells["note"])
        return [*values, *((note, np.nan, words[note]) for note in words if note in found)]

    @property
    def title(self) -> str:
        return sentence(self.sheet.value) if self.sheet.rated else "Delivered"

    @property
    def places(self) -> list[tuple[int, float]]:
        """Line and left edge of each entry."""
        line, left, places = 0, MARGIN + text_width(self.title) + GAP, []
        for _, _, words in self.entries:
            needed = LINE + 1 + (text_width(words) + 3 if words else 0)
            left += GAP if words else 0
            if left + needed > self.width - MARGIN:
                line, left = line + 1, MARGIN
            places.append((line, left))
            left += needed
        return places

    @property
    def height(self) -> float:
        return (self.places[-1][0] + 1) * (LINE + 2) + 3

    def draw(self, figure: TrialFigure, top: float) -> None:
        axes = figure.place_axes(0, top, figure.width, self.height)
        axes.set(xlim=(0, figure.width), ylim=(self.height, 0))
        axes.axis("off")
        middle: dict[str, Any] = {"va": "center_baseline", "fontsize": FONT}
        axes.text(MARGIN, LINE / 2, self.title, **middle)
        for (note, value, words), (line, left) in zip(self.entries, self.places, strict=True):
            height = line * (LINE + 2)
            draw_cell(axes, self.sheet, (left, height), LINE, note, value, gid="scale")
            axes.text(left + LINE + 3, height + LINE / 2, words, **middle)


@dataclass(frozen=True)
class HeatRows:
    """A line a team: name, cells, change, course; headings above, the axis of the course below."""

    sheet: HeatSheet
    width: float

    @cached_property
    def columns(self) -> Columns:
        return lay_out_columns(self.sheet, self.width)

    @cached_property
    def headings(self) -> list[list[str]]:
        """The lines over each column of cells."""
        names = [sentence(name.replace("_", " ")) for name in self.sheet.components]
        return [[name] for name in names] if self.turned else [wrap(name, self.columns.cell - 2) for name in names]

    @property
    def turned(self) -> bool:
        """Whether headings read from bottom to top, for a word that is wider than a cell."""
        words = " ".join(self.sheet.components).replace("_", " ").split()
        return max(text_width(sentence(word)) for word in words) > self.columns.cell - 2

    @property
    def head(self) -> float:
        if self.turned:
            return max(text_width(lines[0]) for lines in self.headings) + 6
        return max(map(len, self.headings)) * FONT * LEADING + 4

    @property
    def foot(self) -> list[str]:
        return wrap(self.sheet.label, self.columns.course_width)

    @property
    def body(self) -> float:
        return LINE * len(self.sheet.teams)

    @property
    def height(self) -> float:
        return self.head + self.body + 12 + FONT * LEADING * len(self.foot)

    def draw(self, figure: TrialFigure, top: float) -> None:
        self._draw_headings(figure, top + self.head)
        axes = figure.place_axes(0, top + self.head, figure.width, self.body)
        axes.set(xlim=(0, figure.width), ylim=(self.body, 0))
        axes.axis("off")
        self._draw_lines(axes)
        self._draw_course(figure, top + self.head)

    def _draw_headings(self, figure: TrialFigure, base: float) -> None:
        columns = self.columns
        for place, lines in enumerate(self.headings):
            middle = columns.cells + (place + 0.5) * columns.cell
            if self.turned:
                figure.write(middle, base - 3, lines[0], rotation=90, ha="center", va="bottom", fontsize=FONT)
            else:
                figure.write_lines(middle, base - 3 - len(lines) * FONT * LEADING, lines, FONT, ha="center")
        figure.write(columns.change, base - 4, "Change", ha="right", fontsize=FONT)

    def _draw_lines(self, axes: Axes) -> None:
        """Names, cells and changes."""
        columns, places = self.columns, {team: place for place, team in enumerate(self.sheet.teams)}
        middle: dict[str, Any] = {"va": "center_baseline", "fontsize": FONT}
        for team, place in places.items():
            axes.text(MARGIN, (place + 0.5) * LINE, team, **middle)
            axes.text(columns.change, (place + 0.5) * LINE, signed(self.sheet.change[team]), ha="right", **middle)
        order = {name: place for place, name in enumerate(self.sheet.components)}
        for cell in self.sheet.cells.to_dict("records"):
            corner = columns.cells + order[cell["component"]] * columns.cell, places[cell["team"]] * LINE
            draw_cell(axes, self.sheet, corner, columns.cell, cell["note"], cell["value"], gid="cell")

    def _draw_course(self, figure: TrialFigure, top: float) -> None:
        columns, sheet = self.columns, self.sheet
        axes = figure.place_axes(columns.course, top, columns.course_width, self.body)
        labelled = ticks(sheet.limits, False, columns.course_width)
        axes.set(xlim=padded(sheet.limits, columns.course_width), ylim=(self.body, 0))
        axes.set_xticks(list(labelled), list(labelled.values()))
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        for band in sheet.bands:
            axes.axvline(band, color=GREY, linewidth=0.6, linestyle=(0, (1, 2)), zorder=0.5, gid=f"threshold-{band:g}")
        for place, team in enumerate(sheet.teams):
            draw_course(axes, sheet, sheet.course[sheet.course["team"] == team], (place + 0.5) * LINE)
        under = top + self.body + 11
        figure.write_lines(columns.course + columns.course_width / 2, under, self.foot, FONT, ha="center")
