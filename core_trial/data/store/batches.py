"""Some rows of a table at a time, checked against the dictionary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..checks import FailureLog
from ..dictionary.check import parse_table
from ..dictionary.model import TableSchema

BATCH = 250_000
"""Rows that are checked at once."""


class Batch(NamedTuple):
    """Some rows of a table as given, and their numbers in the source."""

    frame: pd.DataFrame
    rows: NDArray[np.int64]


class Staged(NamedTuple):
    """What came of giving a table to DuckDB: its number of rows and its codes for missing values."""

    rows: int
    missing_codes: pd.DataFrame


class CheckedBatch(NamedTuple):
    """Some rows as given, and as they were read by the dictionary."""

    rows: NDArray[np.int64]
    given: pd.DataFrame
    parsed: pd.DataFrame
    missing_codes: pd.DataFrame


def check_batches(batches: Iterable[Batch], schema: TableSchema, log: FailureLog) -> Iterator[CheckedBatch]:
    """Check rows against the dictionary; failures go to the log, those of the header with the first batch.

    Whether the key is unique is a matter of the whole table and is not looked at here.
    """
    for number, batch in enumerate(batches):
        parsed = parse_table(batch.frame, schema)
        failures = parsed.failures[parsed.failures["rule"] != "unique_key"]
        if number == 0:
            log.add(failures[failures["row"].isna()])
        log.add(_renumbered(failures[failures["row"].notna()], batch.rows))
        yield CheckedBatch(batch.rows, batch.frame, parsed.frame, _renumbered(parsed.missing_codes, batch.rows))


def _renumbered(cells: pd.DataFrame, rows: NDArray[np.int64]) -> pd.DataFrame:
    return cells.assign(row=rows[cells["row"].to_numpy(dtype=np.int64) - 1])
