"""Axes: how far effects reach, where no effect stands, and ticks. Ratios are drawn on their logarithms."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from .text import text_width

Limits = tuple[float, float]

LONGEST = 5
"""An interval is cut where it is this many times as far from the reference as the median interval reaches."""

MOST_TICKS = 9

_PAD = 0.05
_STEPS = ((1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8), (1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,))


def reach(rows: pd.DataFrame, reference: float, ratio: bool) -> Limits:
    """How far the axis must extend below and above the reference to hold the effects, in units of the axis."""
    ends = _on_axis(rows[["conf_low", "estimate", "conf_high"]].to_numpy(), ratio) - _on_axis(reference, ratio)
    distances = np.abs(ends).max(axis=1, where=~np.isnan(ends), initial=0)
    distances = distances[(distances > 0) & np.isfinite(distances)]
    longest = LONGEST * np.quantile(distances, 0.5, method="lower") if distances.size else 1.0
    ends = np.clip(ends, -longest, longest)
    return max(-np.nanmin(ends), 0.0), max(np.nanmax(ends), 0.0)


def aligned_limits(reaches: list[Limits], references: list[float], ratios: list[bool]) -> list[Limits]:
    """Limits of axes under each other, with the reference in one place on all of them.

    With s the share of an axis that stands below its reference, the place max s / (max s + 1 - min s) keeps the
    largest stretching of any axis smallest.
    """
    shares = [low / (low + high) if low + high else 0.5 for low, high in reaches]
    place = max(shares) / (max(shares) + 1 - min(shares))
    return [
        _around(low, high, place, reference, ratio)
        for (low, high), reference, ratio in zip(reaches, references, ratios, strict=True)
    ]


def _around(low: float, high: float, place: float, reference: float, ratio: bool) -> Limits:
    span = max([part / share for part, share in ((low, place), (high, 1 - place)) if share], default=0) or 1.0
    centre = float(_on_axis(reference, ratio))
    ends = centre - (place + _PAD) * span, centre + (1 - place + _PAD) * span
    return (float(np.exp(ends[0])), float(np.exp(ends[1]))) if ratio else ends


def ticks(limits: Limits, ratio: bool, width: float) -> dict[float, str]:
    """Round values within the limits, with their labels, as many as stand apart on an axis `width` points wide."""
    candidates = _ratio_ticks(*limits) if ratio else [even_ticks(*limits, most) for most in (6, 5, 4, 3, 2, 1)]
    within = [{v: _label(v) for v in values if limits[0] <= v <= limits[1]} for values in candidates]
    for fewest in (3, 1):
        for labelled in within:
            if fewest <= len(labelled) <= MOST_TICKS and _apart(labelled, limits, ratio, width):
                return labelled
    return dict(list(within[0].items())[:1])


def even_ticks(low: float, high: float, most: int) -> NDArray[np.float64]:
    """Multiples of a round step around the limits, in at most this many steps."""
    return np.asarray(MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high))


def _ratio_ticks(low: float, high: float) -> list[NDArray[np.float64]]:
    """From fine to coarse: even steps on a short axis, then round values in each power of ten, then powers alone."""
    even = [even_ticks(low, high, most) for most in (6, 5, 4)] if high / low < 2 else []
    powers = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    within = [np.sort(np.outer(powers, steps), axis=None) for steps in _STEPS]
    every = [powers[np.round(np.log10(powers)) % step == 0] for step in (2, 3, 5)]
    return [*even, *within, *every]


def _apart(labelled: dict[float, str], limits: Limits, ratio: bool, width: float) -> bool:
    low, high = _on_axis(np.array(limits), ratio)
    centres = (_on_axis(np.array(list(labelled)), ratio) - low) / (high - low) * width
    widths = np.array([text_width(label) for label in labelled.values()])
    return bool(np.all(np.diff(centres) > (widths[1:] + widths[:-1]) / 2 + 5))


def _label(value: float) -> str:
    return f"{value:,.10g}".replace("-", "−")


def _on_axis(values: NDArray[np.float64] | float, ratio: bool) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return np.log(values) if ratio else np.asarray(values, dtype=float)
