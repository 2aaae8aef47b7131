"""Ratings as an array: units, codes and raters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...columns import known, numeric, refuse_rows, require_columns
from ...errors import DataError, PlanError
from .coefficients import MISSING, Array, Sums, tally

ALL = "(all)"
"""The code of ratings that are of one thing."""

MAXIMUM_CATEGORIES = 100

Integers = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Ratings:
    """What R raters said of U kinds of units, for each of K codes.

    Attributes
    ----------
    values : (U, K, R) positions in `categories`, or -1 where there is no rating
    count : (U,) how many units there are of each kind
    group : (U,) what the units are parts of, 0 to G - 1, such as documents
    codes, raters : K and R names
    scores : (q,) numbers that the categories stand for, in order
    """

    values: Integers
    count: Array
    group: Integers
    codes: tuple[str, ...]
    raters: tuple[str, ...]
    scores: Array

    def sums(self, code: int) -> Sums:
        """Of each unit, for one code."""
        return tally(self.values[:, code], len(self.scores))

    @property
    def units(self) -> int:
        return int(self.count.sum())


def read_ratings(
    data: pd.DataFrame, unit: str, rater: str, value: str, code: str | None, categories: Sequence[object] | None
) -> Ratings:
    """Ratings of a frame with a row a rating; those that are not there, or are empty, are missing."""
    require_columns(data, [unit, rater, value, *([code] if code else [])])
    keys = [known(data[name]).astype(str) for name in (unit, rater)]
    codes = known(data[code]).astype(str) if code else pd.Series(ALL, index=data.index)
    _refuse_repeated(pd.DataFrame({"unit": keys[0], "code": codes, "rater": keys[1]}))
    position, scores = _positions(data[value], categories)
    (row, units), (column, raters), (layer, names) = (pd.factorize(key, sort=True) for key in (*keys, codes))
    values = np.full((len(units), len(names), len(raters)), MISSING)
    values[row, layer, column] = position
    ones = np.ones(len(units))
    return Ratings(values, ones, np.arange(len(units)), tuple(names), tuple(raters), scores)


def _refuse_repeated(keys: pd.DataFrame) -> None:
    repeated = keys.duplicated(keep=False)
    named = keys[repeated].drop_duplicates()
    pairs = ", ".join(f"{row.rater} of {row.unit} {row.code}".removesuffix(f" {ALL}") for row in named.itertuples())
    refuse_rows(keys["unit"], repeated, "has two ratings by one rater", f"keep one of those by {pairs}")


def _positions(column: pd.Series, categories: Sequence[object] | None) -> tuple[Integers, Array]:
    """The place of each rating among the categories, and the numbers that these stand for."""
    present = column.dropna()
    if present.empty:
        raise DataError(f"column {str(column.name)!r} has no ratings")
    if categories is None:
        numbers = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        categories = sorted((numeric(present) if numbers else present.astype(str)).unique())
    if len(categories) > MAXIMUM_CATEGORIES:
        raise PlanError(
            f"{len(categories)} values are measurements, not categories: an intraclass correlation fits them"
        )
    order = pd.Index(categories)
    position = order.get_indexer(pd.Index(column if pd.api.types.is_numeric_dtype(order) else column.astype("str")))
    wrong = (position < 0) & column.notna()
    refuse_rows(column, wrong, "is no category", f"choose one of {', '.join(map(str, categories))}")
    scores = order.to_numpy(float) if pd.api.types.is_numeric_dtype(order) else np.arange(1.0, len(order) + 1)
    return np.where(column.isna(), MISSING, position), scores
