"""Some rows of a table at a time, checked against the dictionary."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..checks import FailureLog
from ..dictionary.check import Parsed, parse_table
from ..dictionary.model import TableSchema

BATCH = 250_000
"""Rows that are checked at once."""


class Batch(NamedTuple):
    """Some rows of a table as given, and their numbers in the source."""

    frame: pd.DataFrame
    rows: NDArray[np.int64]


def check_header(names: list[str], schema: TableSchema, log: FailureLog) -> None:
    """Check the column names of a table."""
    log.add(parse_table(pd.DataFrame(columns=names, dtype="str"), schema).failures)


def check_batch(batch: Batch, schema: TableSchema, log: FailureLog) -> Parsed:
    """Check the cells of some rows; the header and the uniqueness of the key are left to checks of the whole table."""
    parsed = parse_table(batch.frame, schema)
    cells = parsed.failures[parsed.failures["row"].notna() & (parsed.failures["rule"] != "unique_key")]
    log.add(_renumbered(cells, batch.rows))
    return replace(parsed, missing_codes=_renumbered(parsed.missing_codes, batch.rows))


def _renumbered(cells: pd.DataFrame, rows: NDArray[np.int64]) -> pd.DataFrame:
    return cells.assign(row=rows[cells["row"].to_numpy(dtype=np.int64) - 1])
