"""Some rows of a table at a time, checked against the dictionary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..checks import FailureLog
from ..dictionary.check import parse_table
from ..dictionary.model import Field, TableSchema

BATCH = 250_000
"""Rows that are checked at once."""

MISSING_DTYPES = {"row": "Int64", "column": "str", "code": "str", "meaning": "str"}
"""Columns of a table of missing codes."""

SPARE = 100
"""Characters that a text may have beyond the longest code or label of its column before it is cut."""


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


def cut_long_text(frame: pd.DataFrame, schema: TableSchema) -> pd.DataFrame:
    """The rows without the end of texts that are too long for a code, label, number or date, and so fail anyhow."""
    coded = [field for field in schema.fields if field.categories or field.type != "string"]
    longest = {field.name: SPARE + max(map(len, _known_texts(field)), default=0) for field in coded}
    texts = {name: frame[name] for name in longest if name in frame and frame[name].dtype == "str"}
    too_long = {name: text for name, text in texts.items() if text.str.len().max() > longest[name]}
    return frame.assign(**{name: text.str.slice(0, longest[name]) for name, text in too_long.items()})


def _known_texts(field: Field) -> list[str]:
    pairs = [*(field.categories or {}).items(), *field.missing.items()]
    return [str(text) for pair in pairs for text in pair]


def _renumbered(cells: pd.DataFrame, rows: NDArray[np.int64]) -> pd.DataFrame:
    return cells.assign(row=pd.array(rows[cells["row"].to_numpy(dtype=np.int64) - 1], dtype="Int64"))
