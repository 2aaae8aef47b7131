"""Tables in Parquet files of any size: checked in batches, then a view on the files.

Where the dictionary translates what stands in the files (codes for missing values, labels, text for dates), the
translated table is written to a temporary Parquet file, and the view is on that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from ..checks import FailureLog
from ..dictionary.check import MISSING_COLUMNS, parse_table
from ..dictionary.model import TableSchema
from ..sources.records import ParquetFiles
from .batches import BATCH, Batch, check_batch, check_header
from .sql import TYPES, literal, quoted

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


class CheckedFiles(NamedTuple):
    """The files to look at, their number of rows, and the codes for missing values that stood in them."""

    files: ParquetFiles
    rows: int
    missing_codes: pd.DataFrame


def check_files(
    connection: duckdb.DuckDBPyConnection, schema: TableSchema, files: ParquetFiles, storage: Path, log: FailureLog
) -> CheckedFiles:
    """Check all rows of the files; the files that come back hold the values of the dictionary."""
    types = _column_types(connection, files)
    check_header(list(types), schema, log)
    known = {field.name: types[field.name] for field in schema.fields if field.name in types}
    as_given = all(kind in AS_GIVEN[schema.field(name).type] for name, kind in known.items())
    codes, rows = [pd.DataFrame(columns=list(MISSING_COLUMNS))], 0
    for batch in _batches(connection, files, known):
        parsed = check_batch(batch, schema, log)
        codes.append(parsed.missing_codes)
        rows += len(batch.rows)
        as_given = as_given and _is_same(batch.frame, parsed.frame)
    if not as_given:
        files = _translate(_batches(connection, files, known), schema, storage)
    return CheckedFiles(files, rows, pd.concat(codes, ignore_index=True))


def create_views(connection: duckdb.DuckDBPyConnection, schema: TableSchema, files: ParquetFiles) -> None:
    """The views `<table>` and `numbered.<table>` on the files; rows are numbered through the files in their order."""
    types = _column_types(connection, files)
    columns = ", ".join(
        f"CAST({quoted(field.name) if field.name in types else 'NULL'} AS {TYPES[field.type]}) AS {quoted(field.name)}"
        for field in schema.fields
    )
    sizes = [pa.parquet.read_metadata(path).num_rows for path in files.paths]
    before = [0, *accumulate(sizes)][:-1]
    starts = ", ".join(f"({literal(str(path))}, {n})" for path, n in zip(files.paths, before, strict=True))
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


def _batches(connection: duckdb.DuckDBPyConnection, files: ParquetFiles, types: Mapping[str, str]) -> Iterator[Batch]:
    columns = [f"CAST({quoted(name)} AS {READ_AS.get(kind, kind)}) AS {quoted(name)}" for name, kind in types.items()]
    first = 1
    for batch in connection.sql(f"SELECT {', '.join(columns)} FROM {_scan(files)}").to_arrow_reader(BATCH):
        frame = batch.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
        yield Batch(frame, np.arange(first, first + len(frame)))
        first += len(frame)


def _is_same(given: pd.DataFrame, parsed: pd.DataFrame) -> bool:
    """Whether a cast brings the values as given to the values of the dictionary."""
    return all(given[name].astype(parsed[name].dtype).equals(parsed[name]) for name in given)


def _translate(batches: Iterator[Batch], schema: TableSchema, storage: Path) -> ParquetFiles:
    path = storage / f"{schema.name}-{uuid4().hex}.parquet"
    columns = pa.schema([(field.name, ARROW_TYPES[field.type]) for field in schema.fields])
    with pa.parquet.ParquetWriter(path, columns) as writer:
        for batch in batches:
            frame = parse_table(batch.frame, schema).frame
            writer.write_table(pa.Table.from_pandas(frame, columns, preserve_index=False))
    return ParquetFiles((path,))
