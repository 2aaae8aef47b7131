"""The marks of an effect on its axis: interval, marker or diamond, and an arrow where it leaves the axis."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Polygon

from .style import BLUE, INK

MARKER, LARGEST, SMALLEST = 4.6, 7.5, 1.5
"""Side of a marker in points: where there are no weights, at the largest weight, and at least."""

_HALF_DIAMOND = 3.6


def marker_sides(weights: pd.Series) -> pd.Series:
    """Sides in points of markers with the weights as their areas."""
    if not weights.max() > 0:
        return pd.Series(MARKER, index=weights.index)
    sides = LARGEST * np.sqrt(weights.fillna(0) / weights.max())
    return pd.Series(np.maximum(sides, SMALLEST), index=weights.index)


def draw_effect(axes: Axes, effect: Mapping[Hashable, Any], name: str, y: float, side: float) -> None:
    """Draw a row of the effects at the height `y`; `name` ends the ids of its artists ("interval-3")."""
    if np.isnan(effect["estimate"]):
        return
    low, high = axes.get_xlim()
    if effect["summary"] and not np.isnan(effect["conf_low"]):
        _draw_diamond(axes, effect, f"diamond-{name}", y)
    else:
        ends = np.clip([effect["conf_low"], effect["conf_high"]], low, high)
        axes.plot(ends, [y, y], color=INK, linewidth=0.9, gid=f"interval-{name}", solid_capstyle="butt")
        if low <= effect["estimate"] <= high:
            _draw_marker(axes, effect, f"marker-{name}", y, side)
    for end, x, marker in (("low", low, "<"), ("high", high, ">")):
        if effect[f"beyond_{end}"]:
            axes.plot(x, y, marker, color=INK, markersize=3.6, clip_on=False, gid=f"arrow-{end}-{name}")


def _draw_marker(axes: Axes, effect: Mapping[Hashable, Any], gid: str, y: float, side: float) -> None:
    face = BLUE if effect["prespecified"] else "white"
    look: dict[str, Any] = {"markerfacecolor": face, "markeredgecolor": BLUE, "markeredgewidth": 0.8, "zorder": 3}
    axes.plot(effect["estimate"], y, "s", markersize=side, clip_on=False, gid=gid, **look)


def _draw_diamond(axes: Axes, effect: Mapping[Hashable, Any], gid: str, y: float) -> None:
    low, middle, high = effect["conf_low"], effect["estimate"], effect["conf_high"]
    corners = [(low, y), (middle, y - _HALF_DIAMOND), (high, y), (middle, y + _HALF_DIAMOND)]
    face = BLUE if effect["prespecified"] else "white"
    axes.add_patch(Polygon(corners, facecolor=face, edgecolor=BLUE, linewidth=0.8, zorder=3, gid=gid))
