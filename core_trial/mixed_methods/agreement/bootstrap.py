"""Estimates and percentile intervals of agreement, by a bootstrap of units or of the groups that they are in."""

from __future__ import annotations

from functools import reduce
from operator import or_

import numpy as np
import pandas as pd

from .coefficients import Array, Level, Sums, Weights, agreement_weights, coefficients, krippendorff
from .ratings import Ratings

POOLED = "(pooled)"
ELEMENTS = 2_000_000
"""Of an array, to which samples are taken at a time."""


def draw_weights(ratings: Ratings, resamples: int, seed: int, *, groups: bool) -> Array:
    """(1 + resamples, U) how often each unit counts: as observed first, then in samples drawn with replacement."""
    generator = np.random.default_rng(seed)
    if not groups:
        drawn = generator.multinomial(ratings.units, ratings.count / ratings.count.sum(), size=resamples)
        return np.vstack([ratings.count, drawn])
    n = int(ratings.group.max()) + 1
    drawn = generator.multinomial(n, np.full(n, 1 / n), size=resamples)
    return np.vstack([ratings.count, drawn[:, ratings.group] * ratings.count])


def estimate_all(ratings: Ratings, drawn: Array, weights: Weights, level: Level, conf_level: float) -> pd.DataFrame:
    """A row a code and coefficient, then the codes pooled."""
    alone = [ratings.sums(code) for code in range(len(ratings.codes))]
    named = list(zip(ratings.codes, alone, strict=True))
    pooled = [(POOLED, reduce(or_, alone))] if len(alone) != 1 else []
    tables = [
        _rows(ratings, sums, drawn, weights, level, conf_level).assign(code=code) for code, sums in named + pooled
    ]
    return pd.concat(tables, ignore_index=True)


def _rows(
    ratings: Ratings, of_units: Sums, drawn: Array, weights: Weights, level: Level, conf_level: float
) -> pd.DataFrame:
    parts = np.array_split(drawn, -(-len(drawn) * len(ratings.scores) ** 2 // ELEMENTS))
    values = np.hstack([_values(ratings, of_units.weighed(part), weights, level) for part in parts])
    table = pd.DataFrame([_interval(row, conf_level) for row in values])
    rated = int(of_units.paired @ ratings.count)
    undefined = f"undefined: {_reason(ratings, rated)}"
    return table.assign(
        coefficient=[*coefficients(len(ratings.raters), weights), "Krippendorff alpha"],
        weights=[*[weights] * (len(table) - 1), level],
        units=rated,
        note=table["note"].where(table["estimate"].notna(), undefined),
    )


def _values(ratings: Ratings, sums: Sums, weights: Weights, level: Level) -> Array:
    """(coefficients, B)."""
    agree = agreement_weights(ratings.scores, weights)
    found = [coefficient(sums, agree) for coefficient in coefficients(len(ratings.raters), weights).values()]
    return np.array([*found, krippendorff(sums, ratings.scores, level)])


def _reason(ratings: Ratings, rated: int) -> str:
    if len(ratings.raters) < 2:
        return "there is one rater only"
    return "no unit has two ratings" if not rated else "the ratings do not vary"


def _interval(values: Array, conf_level: float) -> dict[str, object]:
    """The first value, and quantiles of the others that are defined."""
    estimate, drawn = values[0], values[1:]
    defined = drawn[~np.isnan(drawn)]
    low, high = (np.nan, np.nan)
    if not np.isnan(estimate) and len(defined):
        low, high = np.quantile(defined, [(1 - conf_level) / 2, (1 + conf_level) / 2])
    lost = len(drawn) - len(defined)
    note = f"undefined in {lost} of {len(drawn)} resamples, which are left out of the interval" if lost else ""
    return {"estimate": float(estimate), "conf_low": float(low), "conf_high": float(high), "note": note}
