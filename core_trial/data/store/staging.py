"""The tables of a trial in DuckDB, with the types of the data dictionary.

Each table stands in the schema `numbered` with a first column `row`, the number of the row in its source, and under its
own name without it. A table in memory is checked and stored; Parquet files stay where they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb
import pandas as pd

from ..checks import FailureLog
from ..dictionary.check import MISSING_COLUMNS
from ..dictionary.model import TableSchema
from ..sources.records import Content, ParquetFiles, Records, as_text
from .batches import BATCH, Batch, check_batch, check_header
from .parquet_views import check_files, create_views
from .sql import TYPES, create_unnumbered, quoted


class Staged(NamedTuple):
    """What came of staging a table: its number of rows and its codes for missing values."""

    rows: int
    missing_codes: pd.DataFrame


def stage_absent(connection: duckdb.DuckDBPyConnection, schema: TableSchema) -> None:
    """An empty table with the columns of the dictionary, so that queries need not ask whether the table is there."""
    columns = ", ".join(f"{quoted(field.name)} {TYPES[field.type]}" for field in schema.fields)
    connection.execute(f'CREATE TABLE numbered.{quoted(schema.name)} ("row" BIGINT, {columns})')
    create_unnumbered(connection, schema)


def stage(
    connection: duckdb.DuckDBPyConnection, schema: TableSchema, content: Content, storage: Path, log: FailureLog
) -> Staged:
    """Check a table against the dictionary and give it to DuckDB; failures go to the log."""
    if isinstance(content, Records):
        return _stage_records(connection, schema, content, log)
    return _stage_files(connection, schema, content, storage, log)


def _stage_records(
    connection: duckdb.DuckDBPyConnection, schema: TableSchema, given: Records, log: FailureLog
) -> Staged:
    stage_absent(connection, schema)
    log.add_problems(schema.name, given.problems)
    check_header(list(given.frame.columns), schema, log)
    codes = [pd.DataFrame(given.missing_codes, columns=list(MISSING_COLUMNS))]
    for batch in _slices(_with_labels(given, schema), given):
        parsed = check_batch(batch, schema, log)
        codes.append(parsed.missing_codes)
        numbered = parsed.frame.assign(row=batch.rows)[["row", *schema.names]]
        connection.register("batch", numbered)
        connection.execute(f"INSERT INTO numbered.{quoted(schema.name)} FROM batch")
        connection.unregister("batch")
    return Staged(len(given.rows), pd.concat(codes, ignore_index=True))


def _stage_files(
    connection: duckdb.DuckDBPyConnection, schema: TableSchema, files: ParquetFiles, storage: Path, log: FailureLog
) -> Staged:
    checked = check_files(connection, schema, files, storage, log)
    create_views(connection, schema, checked.files)
    return Staged(checked.rows, checked.missing_codes)


def _with_labels(given: Records, schema: TableSchema) -> pd.DataFrame:
    """The table with its codes translated whose value label is a label or code of the dictionary."""
    frame = given.frame
    for field in schema.fields:
        known = {str(text).casefold() for pair in (field.categories or {}).items() for text in pair}
        labels = given.labels.get(field.name, {})
        labels = {code: label for code, label in labels.items() if label.strip().casefold() in known}
        if labels and field.name in frame:
            codes = frame[field.name]
            as_label = codes.map(labels)
            frame = frame.assign(**{field.name: as_label.where(as_label.notna(), codes.astype(object).map(as_text))})
    return frame


def _slices(frame: pd.DataFrame, given: Records) -> Iterator[Batch]:
    for start in range(0, len(frame), BATCH):
        yield Batch(frame.iloc[start : start + BATCH], given.rows[start : start + BATCH])
