"""The parts of an XY plot: the square of memberships with its labels, and what stands beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ..wording import number
from .blocks import MARGIN
from .label_places import NEAR, Array, place_labels
from .plot import TrialFigure
from .style import BLUE, FONT, GREEN, GREY, INK, VERMILION
from .text import LEADING, text_width, wrap

BOTH, CONDITION, OUTCOME = "in both", "in the condition only", "in the outcome only"
NEITHER, LINE = "in neither", "on a line at 0.5"

_MARKS: dict[str, tuple[str, str, str]] = {
    BOTH: ("o", BLUE, BLUE),
    CONDITION: ("s", VERMILION, "white"),
    OUTCOME: ("^", GREEN, GREEN),
    NEITHER: ("o", GREY, "white"),
    LINE: ("D", INK, "white"),
}
"""Marker, edge and face of a quadrant."""

WIDEST = 260.0
"""Points that the square is wide at most."""

BESIDE = 150.0
"""Points that the words need beside the square; with less room they stand under it."""

PAD = 0.05
LABEL = 62.0
"""Width of a label in points from which on it has several lines."""


_ALONG = np.linspace(0, 1, 60)
_GUIDES = np.vstack(
    [np.column_stack(line) for line in ((_ALONG, _ALONG), (_ALONG, 0 * _ALONG + 0.5), (0 * _ALONG + 0.5, _ALONG))]
)
"""Points along the diagonal and the lines at 0.5, in shares of the square."""


@dataclass(frozen=True)
class Sets:
    """What is drawn at any width."""

    data: pd.DataFrame
    x_label: str
    y_label: str
    relation: str
    parameters: dict[str, float]

    @property
    def in_line(self) -> str:
        """How many cases are in line with the relation, in words."""
        return f"{int(self.data['in_line'].sum())} of {len(self.data)}"

    @cached_property
    def marks(self) -> pd.DataFrame:
        """A row a mark: `x y quadrant` and the names of the cases that share it."""
        return self.data.groupby(["x", "y", "quadrant"])["case"].agg(", ".join).reset_index()

    @property
    def words(self) -> list[str]:
        """The parameters of fit, a line each."""
        return [f"{name} {number(value, 2)}" for name, value in self.parameters.items()]


@dataclass(frozen=True)
class XyPanel:
    """The square, and beside or under it the parameters and the quadrants."""

    sets: Sets
    width: float

    @property
    def left(self) -> float:
        return MARGIN + text_width("0.5") + 8 + FONT * LEADING * len(wrap(self.sets.y_label, self.side_limit))

    @property
    def side_limit(self) -> float:
        return min(WIDEST, self.width - 2 * MARGIN - 40)

    @property
    def side(self) -> float:
        return min(WIDEST, self.width - MARGIN - self.left)

    @property
    def beside(self) -> bool:
        return self.width - self.left - self.side - MARGIN >= BESIDE

    @property
    def foot(self) -> list[str]:
        return wrap(self.sets.x_label, self.side)

    @property
    def square_height(self) -> float:
        return self.side + 14 + FONT * LEADING * len(self.foot)

    @property
    def legend(self) -> list[tuple[str | None, str]]:
        """Quadrant of a mark, or None, and the words of a line."""
        found = [quadrant for quadrant in _MARKS if quadrant in set(self.sets.data["quadrant"])]
        width = self.width - MARGIN - self.legend_left
        words = wrap(f"“{self.sets.x_label}” as {self.sets.relation} for “{self.sets.y_label}”", width)
        fit = [(None, line) for line in (*words, *self.sets.words)]
        return [*fit, (None, ""), *((quadrant, quadrant) for quadrant in found)]

    @property
    def legend_left(self) -> float:
        return self.left + self.side + 16 if self.beside else self.left

    @property
    def height(self) -> float:
        below = 0 if self.beside else FONT * LEADING * len(self.legend) + 6
        return self.square_height + below

    def draw(self, figure: TrialFigure, top: float) -> None:
        axes = figure.place_axes(self.left, top, self.side, self.side)
        limits = (-PAD, 1 + PAD)
        axes.set(xlim=limits, ylim=limits)
        axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
        axes.set_ylabel("\n".join(wrap(self.sets.y_label, self.side)))
        figure.write_lines(self.left + self.side / 2, top + self.side + 13, self.foot, FONT, ha="center")
        self._draw_lines(axes)
        self._draw_marks(axes)
        self._draw_labels(axes)
        self._draw_legend(figure, top if self.beside else top + self.square_height + 6)

    def _draw_lines(self, axes: Axes) -> None:
        dotted: dict[str, Any] = {"color": GREY, "linewidth": 0.6, "linestyle": (0, (1, 2)), "zorder": 0.5}
        axes.axvline(0.5, gid="quadrant-x", **dotted)
        axes.axhline(0.5, gid="quadrant-y", **dotted)
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.6, zorder=0.5, gid="diagonal")

    def _draw_marks(self, axes: Axes) -> None:
        for quadrant, marks in self.sets.marks.groupby("quadrant"):
            axes.plot(marks["x"], marks["y"], **_look(str(quadrant)), zorder=3, gid=f"marks-{quadrant}")

    def _draw_labels(self, axes: Axes) -> None:
        texts = ["\n".join(wrap(names, LABEL)) for names in self.sets.marks["case"]]
        points = (self.sets.marks[["x", "y"]].to_numpy() + PAD) / (1 + 2 * PAD) * self.side
        sizes = np.array([_size(text) for text in texts])
        centres = place_labels(points, sizes, (self.side, self.side), _GUIDES * self.side)
        for point, centre, size, text in zip(points, centres, sizes, texts, strict=True):
            end = np.clip(point, centre - size / 2, centre + size / 2)
            if np.linalg.norm(end - point) > 2 * NEAR:
                line = np.array([point, end]).T / self.side
                axes.plot(*line, transform=axes.transAxes, color=GREY, linewidth=0.4, zorder=2, gid="leader")
            place = centre / self.side
            middle: dict[str, Any] = {"ha": "center", "va": "center", "linespacing": 1.1}
            axes.text(place[0], place[1], text, transform=axes.transAxes, gid="label", **middle)

    def _draw_legend(self, figure: TrialFigure, top: float) -> None:
        for place, (quadrant, words) in enumerate(self.legend):
            base = top + place * FONT * LEADING
            indent = 0 if quadrant is None else 12
            figure.write_lines(self.legend_left + indent, base, [words], FONT)
            if quadrant is not None:
                spot = (self.legend_left + 4) / figure.width, 1 - (base + FONT * LEADING / 2) / figure.height
                figure.add_artist(Line2D([spot[0]], [spot[1]], **_look(quadrant)))


def _look(quadrant: str) -> dict[str, Any]:
    marker, edge, face = _MARKS[quadrant]
    look: dict[str, Any] = {"linestyle": "", "markersize": 4.6, "markeredgewidth": 1.0}
    return {**look, "marker": marker, "markeredgecolor": edge, "markerfacecolor": face}


def _size(text: str) -> Array:
    """Width and height of a label in points."""
    lines = text.split("\n")
    return np.array([max(map(text_width, lines)), FONT * 1.1 * len(lines)])
