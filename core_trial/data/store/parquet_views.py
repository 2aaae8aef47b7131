"""Tables in Parquet files of any size: checked in batches, then a view on the files.

Where the dictionary translates what stands in the files (codes for missing values, labels, text for dates), the
translated table is written to a temporary Parquet file, and the view is on that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate
from pathlib import Path
from uuid import uuid4

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from ..dictionary.check import parse_table
from ..dictionary.model import TableSchema
from ..sources.records import ParquetFiles
from .batches import BATCH, Batch, Staged, check_batches
from .sql import TYPES, Store, literal, quoted

ARROW_TYPES = {"string": pa.string(), "integer": pa.int64(), "number": pa.float64(), "date": pa.timestamp("us")}

INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
AS_GIVEN = {
    "string": {"VARCHAR", "ENUM"},
    "integer": INTEGERS,
    "number": INTEGERS | {"FLOAT", "DOUBLE", "DECIMAL"},
    "date": {"DATE", "TIMESTAMP", "TIMESTAMP_NS"},
}
"""DuckDB types of a Parquet column that a cast brings to the type of the dictionary."""

READ_AS = {"DATE": "TIMESTAMP", "TIMESTAMP_NS": "TIMESTAMP", "DECIMAL": "DOUBLE", "ENUM": "VARCHAR"}
"""DuckDB types that pandas would hold as Python objects, and what they are read as."""


def stage_files(store: Store, schema: TableSchema, files: ParquetFiles) -> Staged:
    """Check all rows of the files and make the views on them, or on a temporary file with the translated table."""
    types = _column_types(store.connection, files)
    as_given = all(types[field.name] in AS_GIVEN[field.type] for field in schema.fields if field.name in types)
    codes = []
    for batch in check_batches(_batches(store.connection, files, types, schema), schema, store.log):
        codes.append(batch.missing_codes)
        as_given = as_given and _is_same(batch.given, batch.parsed)
    rows = sum(_lengths(files))
    if not as_given:
        files = _translate(_batches(store.connection, files, types, schema), schema, store.folder)
    _create_views(store.connection, schema, files)
    return Staged(rows, pd.concat(codes, ignore_index=True))


def _create_views(connection: duckdb.DuckDBPyConnection, schema: TableSchema, files: ParquetFiles) -> None:
    """The views `<table>` and `numbered.<table>`; rows are numbered through the files in their order."""
    types = _column_types(connection, files)
    columns = ", ".join(
        f"CAST({quoted(field.name) if field.name in types else 'NULL'} AS {TYPES[field.type]}) AS {quoted(field.name)}"
        for field in schema.fields
    )
    before = accumulate(_lengths(files), initial=0)
    starts = ", ".join(f"({literal(str(path))}, {n})" for path, n in zip(files.paths, before, strict=False))
    connection.execute(f"CREATE VIEW {quoted(schema.name)} AS SELECT {columns} FROM {_scan(files)}")
    connection.execute(
        f"""CREATE VIEW numbered.{quoted(schema.name)} AS
        SELECT file_row_number + rows_before + 1 AS "row", {columns}
        FROM {_scan(files, "file_row_number = true, filename = true")}
        JOIN (VALUES {starts}) AS starts(filename, rows_before) USING (filename)"""
    )


def _scan(files: ParquetFiles, *options: str) -> str:
    paths = ", ".join(literal(str(path)) for path in files.paths)
    hive = "true" if files.partitioned else "false"
    always = ("union_by_name = true", f"hive_partitioning = {hive}", "hive_types_autocast = false")
    return f"read_parquet([{paths}], {', '.join([*always, *options])})"


def _column_types(connection: duckdb.DuckDBPyConnection, files: ParquetFiles) -> dict[str, str]:
    """The type of each column, without its parameters: DECIMAL for DECIMAL(9, 2)."""
    described = connection.execute(f"DESCRIBE SELECT * FROM {_scan(files)}").fetchall()
    return {name: kind.split("(")[0] for name, kind, *_ in described}


def _lengths(files: ParquetFiles) -> list[int]:
    return [pa.parquet.read_metadata(path).num_rows for path in files.paths]


def _batches(
    connection: duckdb.DuckDBPyConnection, files: ParquetFiles, types: Mapping[str, str], schema: TableSchema
) -> Iterator[Batch]:
    """The rows in their order, columns of the dictionary only; before them an empty batch with the names of all."""
    yield Batch(pd.DataFrame(columns=list(types), dtype="str"), np.arange(0))
    known = {name: READ_AS.get(types[name], types[name]) for name in schema.names if name in types}
    columns = ", ".join(f"CAST({quoted(name)} AS {kind}) AS {quoted(name)}" for name, kind in known.items()) or "NULL"
    first = 1
    for batch in connection.sql(f"SELECT {columns} FROM {_scan(files)}").to_arrow_reader(BATCH):
        frame = batch.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)[list(known)]
        yield Batch(frame, np.arange(first, first + len(frame)))
        first += len(frame)


def _is_same(given: pd.DataFrame, parsed: pd.DataFrame) -> bool:
    """Whether a cast brings the values as given to the values of the dictionary."""
    names = parsed.columns.intersection(given.columns)
    return all(given[name].astype(parsed[name].dtype).equals(parsed[name]) for name in names)


def _translate(batches: Iterator[Batch], schema: TableSchema, folder: Path) -> ParquetFiles:
    path = folder / f"{schema.name}-{uuid4().hex}.parquet"
    columns = pa.schema([(field.name, ARROW_TYPES[field.type]) for field in schema.fields])
    with pa.parquet.ParquetWriter(path, columns) as writer:
        for batch in batches:
            frame = parse_table(batch.frame, schema).frame
            writer.write_table(pa.Table.from_pandas(frame, columns, preserve_index=False))
    return ParquetFiles((path,))
