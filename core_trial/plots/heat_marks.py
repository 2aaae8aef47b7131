"""Cells and courses of an engagement heat map."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from ..wording import number
from .heat_data import DELIVERED, MISSING, NOT_DELIVERED
from .heat_sheet import LINE, HeatSheet
from .style import INK

TINTS = LinearSegmentedColormap.from_list("uptake", ["#F1F6FB", "#9CC3E0", "#2F78AE", "#0B4A7A"])
"""From light to dark, so that it keeps its order in grey."""

DARK = 0.55
"""From this share of the scale on, numbers in a cell are white."""

SIGNS = {NOT_DELIVERED: "no", DELIVERED: "yes", MISSING: ""}


_LOOKS: dict[str, dict[str, Any]] = {
    NOT_DELIVERED: {"facecolor": "white", "edgecolor": "#9a9a9a", "linewidth": 0.5},
    DELIVERED: {"facecolor": "#dcdcdc", "edgecolor": "#9a9a9a", "linewidth": 0.5},
    MISSING: {"facecolor": "white", "edgecolor": "#9a9a9a", "linewidth": 0, "hatch": "//////"},
}


def draw_cell(
    axes: Axes, sheet: HeatSheet, corner: tuple[float, float], width: float, note: str, value: float, *, gid: str
) -> None:
    """A cell with its number; white with "no" where nothing was delivered, hatched where nothing is known."""
    share = sheet.share(value) if note == "" else 0.0
    look = _LOOKS.get(note, {"facecolor": TINTS(share), "linewidth": 0})
    left, top = corner
    name = f"{gid}-{note or 'value'}"
    axes.add_patch(Rectangle((left + 0.6, top + 0.6), width - 1.2, LINE - 1.2, gid=name, **look))
    text = SIGNS.get(note) if note else number(value, 0 if float(value).is_integer() else 1)
    middle = (left + width / 2, top + LINE / 2)
    axes.text(*middle, text or "", ha="center", va="center_baseline", color="white" if share >= DARK else INK)


def draw_course(axes: Axes, sheet: HeatSheet, points: pd.DataFrame, height: float) -> None:
    """The values of a team on a line."""
    points = points.dropna(subset="value")
    if points.empty:
        return
    axes.hlines(height, points["value"].min(), points["value"].max(), color=INK, linewidth=0.9, zorder=2, gid="course")
    between = points[~points["timepoint"].isin([sheet.first, sheet.last])]["value"]
    axes.vlines(between, height - 3.2, height + 3.2, color=INK, linewidth=0.9, zorder=2, gid="course-between")
    for time, face in ((sheet.first, "white"), (sheet.last, INK)):
        value = points.loc[points["timepoint"] == time, "value"]
        marks: dict[str, Any] = {"linestyle": "", "marker": "o", "markersize": 4.2, "markeredgecolor": INK}
        axes.plot(value, [height] * len(value), markerfacecolor=face, markeredgewidth=0.9, zorder=3, **marks)
