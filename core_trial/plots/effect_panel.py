"""Effects that share an axis, with their cells in the table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes

from .blocks import MARGIN
from .effect_axes import EffectAxis
from .effect_marks import draw_effect, marker_sides
from .effect_table import INDENT, TableLayout
from .plot import TrialFigure
from .scale import ticks
from .style import FONT, GREY, INK
from .text import LEADING

ROW_PADDING = 5.0
TICKS, GAP_BELOW = 12.0, 5.0


@dataclass(frozen=True)
class Footing:
    """What stands under an axis: the measure, and whom its two sides favour ("" for none)."""

    measure: str
    favours: tuple[str, str]

    @property
    def height(self) -> float:
        return FONT * LEADING * (1 + any(self.favours))


@dataclass(frozen=True)
class Line:
    """A line of the table: a heading, or the label of the effect in this row of the data."""

    label: list[str]
    row: int | None

    @property
    def height(self) -> float:
        return len(self.label) * FONT * LEADING + ROW_PADDING


@dataclass(frozen=True)
class EffectPanel:
    """A panel as a block. Without an `axis` nothing in it was estimated."""

    rows: pd.DataFrame
    lines: list[Line]
    layout: TableLayout
    axis: EffectAxis | None
    footing: Footing | None

    @property
    def body(self) -> float:
        return sum(line.height for line in self.lines)

    @property
    def height(self) -> float:
        footing = self.footing.height if self.footing else 0.0
        return self.body + (TICKS + footing + GAP_BELOW if self.axis else 0.0)

    def draw(self, figure: TrialFigure, top: float) -> None:
        for line, middle in self._placed():
            self._write(figure, line, top + middle)
        if self.axis:
            axes = figure.place_axes(self.layout.axis_left, top, self.layout.axis_width, self.body)
            self._draw_axis(axes, self.axis)
            effects = self.rows.to_dict("index")
            sides = marker_sides(self.rows["weight"].mask(self.rows["summary"]))
            for line, middle in self._placed():
                if line.row is not None:
                    draw_effect(axes, effects[line.row], str(line.row + 1), middle, sides[line.row])
            if self.footing:
                share, _ = (axes.transScale + axes.transLimits).transform((self.axis.reference, 1))
                reference = self.layout.axis_left + share * self.layout.axis_width
                self._write_footing(figure, self.footing, reference, top + self.body + TICKS)

    def _placed(self) -> Iterator[tuple[Line, float]]:
        """Each line with the height of its middle under the panel's upper edge."""
        top = 0.0
        for line in self.lines:
            yield line, top + line.height / 2
            top += line.height

    def _write(self, figure: TrialFigure, line: Line, middle: float) -> None:
        first = middle - len(line.label) * FONT * LEADING / 2
        if line.row is None:
            figure.write_lines(MARGIN, first, line.label, FONT, weight="bold")
            return
        indent = INDENT if self.rows.loc[line.row, "group"] else 0.0
        figure.write_lines(MARGIN + indent, first, line.label, FONT)
        for column in self.layout.columns:
            cell = column.cells[line.row]
            figure.write_lines(column.edge, middle - FONT * LEADING / 2, [cell], FONT, ha="right")

    def _draw_axis(self, axes: Axes, axis: EffectAxis) -> None:
        if axis.ratio:
            axes.set_xscale("log")
        axes.set(xlim=axis.limits, ylim=(self.body, 0), yticks=[], facecolor="none")
        marks = ticks(axis.limits, axis.ratio, self.layout.axis_width)
        axes.set_xticks(list(marks), list(marks.values()))
        axes.minorticks_off()
        axes.spines["left"].set_visible(False)
        name = str(self.rows.index[0] + 1)
        axes.axvline(axis.reference, color=INK, linewidth=0.6, zorder=0.5, gid=f"reference-{name}")
        if axis.overall is not None:
            axes.axvline(
                axis.overall, color=GREY, linewidth=0.7, linestyle=(0, (4, 2)), zorder=0.5, gid=f"overall-{name}"
            )

    def _write_footing(self, figure: TrialFigure, footing: Footing, reference: float, top: float) -> None:
        """The measure under the middle of the axis; under it, from the reference outwards, whom each side favours."""
        left, width = self.layout.axis_left, self.layout.axis_width
        figure.write_lines(left + width / 2, top, [footing.measure], FONT, ha="center")
        below, above = footing.favours
        if below:
            figure.write_lines(reference - 4, top + FONT * LEADING, [f"← {below}"], FONT, ha="right", color=GREY)
        if above:
            figure.write_lines(reference + 4, top + FONT * LEADING, [f"{above} →"], FONT, ha="left", color=GREY)
