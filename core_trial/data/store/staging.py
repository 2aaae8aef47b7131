"""The tables of a trial in DuckDB, with the types of the data dictionary.

Each table stands in the schema `numbered` with a first column `row`, the number of the row in its source, and under its
own name without it. A table in memory is checked and stored; Parquet files stay where they are.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ..dictionary.model import TableSchema
from ..sources.records import Content, Records, as_text
from .batches import BATCH, MISSING_DTYPES, Batch, Staged, check_batches, cut_long_text
from .parquet_views import stage_files
from .sql import TYPES, Store, quoted


def create_table(store: Store, schema: TableSchema) -> None:
    """An empty table with the columns of the dictionary, so that queries need not ask whether the table is there."""
    columns = ", ".join(f"{quoted(field.name)} {TYPES[field.type]}" for field in schema.fields)
    store.connection.execute(f'CREATE TABLE numbered.{quoted(schema.name)} ("row" BIGINT, {columns})')
    names = ", ".join(map(quoted, schema.names))
    store.connection.execute(f"CREATE VIEW {quoted(schema.name)} AS SELECT {names} FROM numbered.{quoted(schema.name)}")


def stage(store: Store, schema: TableSchema, content: Content) -> Staged:
    """Check a table against the dictionary and fill the empty one; failures go to the log of the store."""
    if isinstance(content, Records):
        return _stage_records(store, schema, content)
    return stage_files(store, schema, content)


def _stage_records(store: Store, schema: TableSchema, given: Records) -> Staged:
    store.log.add_problems(schema.name, given.problems)
    codes = [pd.DataFrame(given.missing_codes, columns=list(MISSING_DTYPES)).astype(MISSING_DTYPES)]
    for batch in check_batches(_batches(given, schema), schema, store.log):
        codes.append(batch.missing_codes)
        store.connection.register("batch", batch.parsed.assign(row=batch.rows)[["row", *schema.names]])
        store.connection.execute(f"INSERT INTO numbered.{quoted(schema.name)} FROM batch")
        store.connection.unregister("batch")
    return Staged(len(given.rows), pd.concat(codes, ignore_index=True))


def _batches(given: Records, schema: TableSchema) -> Iterator[Batch]:
    frame = cut_long_text(_with_labels(given, schema), schema)
    for start in range(0, max(len(frame), 1), BATCH):
        yield Batch(frame.iloc[start : start + BATCH], given.rows[start : start + BATCH])


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
