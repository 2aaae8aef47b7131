"""Columns of a data frame that an analysis names: found, numeric, coded, constant within clusters, or an error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .errors import FAILURE_COLUMNS, DataError, DesignError, PlanError

ARM_CODES = {"control": 0, "intervention": 1}
SHOWN = 5
LARGEST = 1e100  # beyond it squares and products of numbers overflow; Stata's missing values read as numbers are 9e307


def require_columns(data: pd.DataFrame, names: Iterable[str | None]) -> None:
    """Raise a `PlanError` for the first name that is no column, with the nearest one that is.

    Two columns of that name are a `DataError`; None is no name.
    """
    if not isinstance(data, pd.DataFrame):
        raise PlanError(f"data of type {type(data).__name__} are no data frame: give a pandas.DataFrame")
    for name in (name for name in names if name is not None):
        if name not in data.columns:
            raise PlanError(f"the data have no column {name!r}; {_columns_there(data, name)}")
        if data[name].ndim > 1:
            raise DataError(f"the data have more than one column {name!r}; rename or drop the others")


def _columns_there(data: pd.DataFrame, name: str) -> str:
    """The column whose name is nearest, or else all."""
    columns = [str(column) for column in data.columns]
    near = get_close_matches(str(name), columns, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(columns) or 'none'}"


def quoted_list(values: Iterable[object], most: int | None = SHOWN) -> str:
    """Values of the data in a sentence, the first of them where they are many; None for all.

    In quotation marks, so that a reader tells them from the sentence, and what is published can withhold them.

    >>> quoted_list(["T05", 8]), quoted_list("abcdefg")
    ("'T05', '8'", "'a', 'b', 'c', 'd', 'e' and 2 more")
    """
    return _first([f"'{value}'" for value in values], most)


def refuse_rows(column: pd.Series, broken: NDArray[np.bool_] | pd.Series, rule: str, remedy: str) -> None:
    """Raise a `DataError` that names the rows, counted from 1, in which the column is `broken`."""
    rows = np.flatnonzero(np.asarray(broken)) + 1
    if not len(rows):
        return
    failures = pd.DataFrame(
        {
            "table": "data",
            "row": rows,
            "column": column.name,
            "rule": rule,
            "value": column.iloc[rows - 1].astype(str).to_numpy(),
            "severity": "error",
            "message": remedy,
        },
        columns=list(FAILURE_COLUMNS),
    )
    raise DataError(f"column {column.name!r} {rule} in {_listed('row', rows)}: {remedy}", failures)


def known(column: pd.Series) -> pd.Series:
    """The column, without a missing value in it."""
    refuse_rows(column, column.isna(), "is missing", "fill it in, or leave these rows out before the analysis")
    return hashable(column)


def hashable(column: pd.Series) -> pd.Series:
    """The column, whose values label something: `DataError` for lists and the like."""
    if column.dtype == object:
        broken = ~column.map(pd.api.types.is_hashable).astype(bool)
        refuse_rows(column, broken, "is no label", "give each a number or a text")
    return column


def numeric(column: pd.Series) -> pd.Series:
    """The column as floating-point numbers, missing values kept."""
    if column.dtype.kind in "mMc":
        raise DataError(f"column {column.name!r} is not a number; its type is {column.dtype}")
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    numbers = pd.Series(values, index=column.index, name=column.name)
    refuse_rows(column, numbers.isna() & column.notna() | (np.abs(numbers) > LARGEST), "is not a number", "correct it")
    return numbers


def coded_arm(column: pd.Series) -> pd.Series:
    """The arm as 1 (intervention) and 0 (control), from these numbers or these words."""
    arm = known(column).astype(object).map(ARM_CODES | {0: 0, 1: 1})
    refuse_rows(column, arm.isna(), "is no arm", "code it 1 and 0, or 'intervention' and 'control'")
    return arm.astype(int)


def constant_within(column: pd.Series, cluster: pd.Series) -> None:
    """Raise a `DesignError` that names the clusters in which the column takes more than one value."""
    level, labels = pd.factorize(cluster, sort=True)
    value = pd.factorize(column)[0]
    first = value[np.unique(level, return_index=True)[1]]
    varying = labels[np.unique(level[(value != first[level]) & (level >= 0)])]
    if len(varying):
        raise DesignError(
            f"{column.name!r} varies within {_listed('cluster', varying)}: a {cluster.name!r} must have one value of it"
        )


def _listed(noun: str, items: Iterable[object]) -> str:
    """ "rows 1, 2, 3, 4, 5 and 7 more" """
    names = [str(item) for item in items]
    return f"{noun}{'s' if len(names) > 1 else ''} {_first(names, SHOWN)}"


def _first(names: Sequence[str], most: int | None) -> str:
    shown = names[:most]
    return ", ".join(shown) + (f" and {len(names) - len(shown)} more" if len(names) > len(shown) else "")
