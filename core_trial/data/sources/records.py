"""What a reader hands on: one table as it was given, before the dictionary is applied to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...errors import DataError
from ..checks import Problem


class MissingCode(NamedTuple):
    """A cell that holds the reason why the value is missing."""

    row: int
    column: str
    code: str
    meaning: str


@dataclass(frozen=True)
class Records:
    """A table in memory. `rows` numbers its rows as in the file, `labels` holds the value labels by column."""

    frame: pd.DataFrame
    rows: NDArray[np.int64]
    problems: tuple[Problem, ...] = ()
    labels: Mapping[str, Mapping[Any, str]] = field(default_factory=dict)
    missing_codes: tuple[MissingCode, ...] = ()


@dataclass(frozen=True)
class ParquetFiles:
    """A table in one or more Parquet files, in this order, which is never loaded whole.

    `partitioned`: folders named `column=value` give a column.
    """

    paths: tuple[Path, ...]
    partitioned: bool = False


Content = Records | ParquetFiles


def records(frame: pd.DataFrame, rows: NDArray[np.int64] | None = None) -> Records:
    """A data frame as records, its rows numbered from 1 or by `rows`.

    Columns of Python objects, categories and the like become text; an index that has a name becomes a column, another
    is left out. Of columns with the same name the first is kept, and the others are a problem.
    """
    named = frame.reset_index() if any(frame.index.names) else frame.reset_index(drop=True)
    names = [str(name).strip() for name in named.columns]
    first = {name: named.iloc[:, names.index(name)] for name in names}
    plain = pd.DataFrame({name: column if _is_plain(column) else _as_string(column) for name, column in first.items()})
    return Records(plain, np.arange(1, len(plain) + 1) if rows is None else rows, tuple(_repeated(names)))


def _is_plain(column: pd.Series) -> bool:
    return column.dtype == "str" or (column.dtype.kind in "biufM" and not isinstance(column.dtype, pd.SparseDtype))


def _as_string(column: pd.Series) -> pd.Series:
    return column.astype(object).map(as_text).astype("str")


def _repeated(names: list[str]) -> Iterator[Problem]:
    for name, n in Counter(names).items():
        if n > 1:
            yield Problem("duplicate_column", f"the column {name} stands {n} times in the header", column=name)


def as_text(value: Any) -> str | None:
    """A cell of a spreadsheet or database as it would stand in a CSV file; dates in ISO 8601, None for no value."""
    match value:
        case bool():
            return str(int(value))
        case datetime() if not pd.isna(value):
            return (value.date() if value.time() == time(0) else value).isoformat()
        case date() if not pd.isna(value):
            return value.isoformat()
        case float() if value.is_integer():
            return str(int(value))
        case bytes():
            return value.decode("utf-8", errors="replace")
        case _:
            return None if pd.api.types.is_scalar(value) and pd.isna(value) else str(value)


@contextmanager
def reading(name: str, kind: str) -> Iterator[None]:
    """Turn whatever a library raises on a damaged file into a DataError that names the file."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise DataError(f"{name} cannot be read as {kind}: {reason}") from error
