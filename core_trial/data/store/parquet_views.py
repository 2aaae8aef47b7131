"""Tables in Parquet files of any size: checked, then a view on the files.

DuckDB passes over the rows that are plainly as the dictionary wants them; the others are checked in batches. Where the
dictionary translates what stands in the files (codes for missing values, labels, text for dates), the translated table
is written to a temporary Parquet file, and the view is on that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import NamedTuple
from uuid import uuid4

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from ..dictionary.check import parse_table
from ..dictionary.model import TableSchema
from ..sources.records import ParquetFiles
from .batches import BATCH, Batch, Staged, check_batches, cut_long_text
from .doubt import doubtful
from .sql import TYPES, Store, literal, quoted

ARROW_TYPES = {"string": pa.string(), "integer": pa.int64(), "number": pa.float64(), "date": pa.timestamp("us")}

INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
AS_GIVEN = {
    "string": {"VARCHAR"},
    "integer": INTEGERS,
    "number": INTEGERS | {"FLOAT", "DOUBLE", "DECIMAL"},
    "date": {"DATE", "TIMESTAMP", "TIMESTAMP_NS"},
}
"""DuckDB types of a Parquet column that a cast brings to the type of the dictionary."""

READ_AS = {
    **{kind: kind for kind in (*INTEGERS, "FLOAT", "DOUBLE", "TIMESTAMP")},
    **dict.fromkeys(("DATE", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"), "TIMESTAMP"),
    "DECIMAL": "DOUBLE",
    "BOOLEAN": "BIGINT",
}
"""DuckDB types of a Parquet column, and what they are read as to be checked; others are read as text."""


PANDAS_INDEX = r"__index_level_\d+__"
"""Columns in which pandas keeps the index of a frame in Parquet."""


class Scan(NamedTuple):
    """The files as DuckDB reads them: the types of their columns, and `row`, which counts through all of them."""

    source: str
    types: Mapping[str, str]
    row: str
    rows: int


def stage_files(store: Store, schema: TableSchema, files: ParquetFiles) -> Staged:
    """Check all rows of the files and make the views on them, or on a temporary file with the translated table."""
    scan = _scan(store.connection, files)
    known = [field for field in schema.fields if field.name in scan.types]
    as_given = all(scan.types[field.name] in AS_GIVEN[field.type] for field in known)
    where = doubtful(schema, scan.types) if as_given else "true"
    codes = []
    for batch in check_batches(_batches(store.connection, scan, schema, where), schema, store.log):
        codes.append(batch.missing_codes)
        as_given = as_given and _is_same(batch.given, batch.parsed)
    view = scan if as_given else _translated(store, schema, scan)
    _create_views(store.connection, schema, view)
    return Staged(scan.rows, pd.concat(codes, ignore_index=True))


def _scan(connection: duckdb.DuckDBPyConnection, files: ParquetFiles) -> Scan:
    lengths = [pa.parquet.read_metadata(path).num_rows for path in files.paths]
    before = accumulate(lengths, initial=0)
    names = [literal(str(path.resolve())) for path in files.paths]
    starts = ", ".join(f"({name}, {n})" for name, n in zip(names, before, strict=False))
    hive = "true" if files.partitioned else "false"
    options = f"union_by_name = true, hive_partitioning = {hive}, hive_types_autocast = false"
    source = f"read_parquet([{', '.join(names)}], {options})"
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    types = {name: kind.split("(")[0] for name, kind, *_ in described if not re.fullmatch(PANDAS_INDEX, name)}
    row = f"file_row_number + 1 + (SELECT n FROM (VALUES {starts}) AS starts(path, n) WHERE path = filename)"
    return Scan(source, types, row, sum(lengths))


def _create_views(connection: duckdb.DuckDBPyConnection, schema: TableSchema, scan: Scan) -> None:
    columns = ", ".join(
        f"CAST({name if field.name in scan.types else 'NULL'} AS {TYPES[field.type]}) AS {name}"
        for field in schema.fields
        for name in [quoted(field.name)]
    )
    table = quoted(schema.name)
    connection.execute(f"CREATE OR REPLACE VIEW {table} AS SELECT {columns} FROM {scan.source}")
    connection.execute(f"DROP TABLE numbered.{table}")
    connection.execute(f'CREATE VIEW numbered.{table} AS SELECT {scan.row} AS "row", {columns} FROM {scan.source}')


def _batches(connection: duckdb.DuckDBPyConnection, scan: Scan, schema: TableSchema, where: str) -> Iterator[Batch]:
    """The rows in their order, columns of the dictionary only; before them an empty batch with the names of all."""
    yield Batch(pd.DataFrame(columns=list(scan.types), dtype="str"), np.arange(0))
    known = {name: READ_AS.get(scan.types[name], "VARCHAR") for name in schema.names if name in scan.types}
    columns = [f"CAST({quoted(name)} AS {kind}) AS {quoted(name)}" for name, kind in known.items()]
    query = f"SELECT {', '.join([*columns, scan.row])} AS _row FROM {scan.source} WHERE {where} ORDER BY _row"
    for batch in connection.sql(query).to_arrow_reader(BATCH):
        frame = batch.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
        yield Batch(cut_long_text(frame[list(known)], schema), frame["_row"].to_numpy(dtype=np.int64))


def _is_same(given: pd.DataFrame, parsed: pd.DataFrame) -> bool:
    """Whether a cast brings the values as given to the values of the dictionary."""
    names = parsed.columns.intersection(given.columns)
    return all(given[name].astype(parsed[name].dtype).equals(parsed[name]) for name in names)


def _translated(store: Store, schema: TableSchema, scan: Scan) -> Scan:
    """The table as the dictionary reads it, in a temporary file with the same rows."""
    path = store.folder / f"{schema.name}-{uuid4().hex}.parquet"
    columns = pa.schema([(field.name, ARROW_TYPES[field.type]) for field in schema.fields])
    with pa.parquet.ParquetWriter(path, columns) as writer:
        for batch in _batches(store.connection, scan, schema, "true"):
            frame = parse_table(batch.frame, schema).frame
            writer.write_table(pa.Table.from_pandas(frame, columns, preserve_index=False))
    return _scan(store.connection, ParquetFiles((path,)))
