"""The axes of a forest plot: which effects share one, its limits, and which intervals leave it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..errors import PlanError
from .scale import Limits, aligned_limits, reach


@dataclass(frozen=True)
class EffectAxis:
    """The axis of a panel: its limits, where no effect stands, whether it is logarithmic, an overall estimate."""

    limits: Limits
    reference: float
    ratio: bool
    overall: float | None = None


def by_panel(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each panel, in the order in which panels appear."""
    return {str(name): part for name, part in rows.groupby("panel", sort=False)}


def effect_axes(
    rows: pd.DataFrame, reference: float | None, limits: Limits | Mapping[str, Limits] | None, overall: bool
) -> dict[str, EffectAxis]:
    """The axis of every panel in which something was estimated."""
    panels = by_panel(rows[rows["estimate"].notna()])
    ratios = [bool(part["ratio"].iloc[0]) for part in panels.values()]
    references = [_reference(reference, ratio) for ratio in ratios]
    reaches = [reach(part, at, ratio) for part, at, ratio in zip(panels.values(), references, ratios, strict=True)]
    automatic = aligned_limits(reaches, references, ratios) if panels else []
    asked = _asked_limits(limits, dict(zip(panels, ratios, strict=True)))
    return {
        name: EffectAxis(asked.get(name, default), at, ratio, _overall(panels[name]) if overall else None)
        for name, default, at, ratio in zip(panels, automatic, references, ratios, strict=True)
    }


def _reference(reference: float | None, ratio: bool) -> float:
    if reference is None:
        return 1.0 if ratio else 0.0
    if ratio and reference <= 0:
        raise PlanError(f"reference {reference:g}: on an axis of ratios it must be above 0")
    return reference


def _asked_limits(limits: Limits | Mapping[str, Limits] | None, ratios: Mapping[str, bool]) -> dict[str, Limits]:
    if limits is None:
        return {}
    asked = dict(limits) if isinstance(limits, Mapping) else dict.fromkeys(ratios, limits)
    for name, (low, high) in asked.items():
        if name not in ratios:
            raise PlanError(f"limits: no panel {name!r}; the panels are {', '.join(map(repr, ratios))}")
        if not (low < high and np.isfinite([low, high]).all()) or (ratios[name] and low <= 0):
            raise PlanError(f"limits {low:g} to {high:g}: they must rise, and be above 0 on an axis of ratios")
    return asked


def _overall(rows: pd.DataFrame) -> float | None:
    summaries = rows.loc[rows["summary"], "estimate"]
    return float(summaries.iloc[-1]) if len(summaries) else None


def with_arrows(rows: pd.DataFrame, axes: Mapping[str, EffectAxis]) -> pd.DataFrame:
    """With `beyond_low` and `beyond_high`: whether the effect or its interval leaves its axis on that side."""
    low = rows["panel"].map({name: axis.limits[0] for name, axis in axes.items()})
    high = rows["panel"].map({name: axis.limits[1] for name, axis in axes.items()})
    return rows.assign(
        beyond_low=(rows["conf_low"] < low) | (rows["estimate"] < low),
        beyond_high=(rows["conf_high"] > high) | (rows["estimate"] > high),
    )
