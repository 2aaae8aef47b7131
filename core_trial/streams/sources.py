"""Tables that are too large to hold, as relations that DuckDB reads in one pass, a few rows at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.parquet

from ..data.sources.formats import find_parquet
from ..data.sources.queries import Query, database_kind
from ..data.sources.records import reading
from ..data.store.sql import literal
from ..errors import DataError, PlanError

Source = str | Path | Query | duckdb.DuckDBPyRelation
"""A Parquet file or a folder of such, a query of a database or of files, or a relation of DuckDB."""

MEMORY_LIMIT = "1GB"
"""What DuckDB may use before it writes to disk; a relation has the limit of its own connection."""

BATCH = 100_000
"""Rows of SQLite that are held at once."""

SQLITE_TYPES = {"integer": pa.int64(), "real": pa.float64(), "text": pa.string()}


class Rows(NamedTuple):
    """A relation, and where it comes from in words."""

    relation: duckdb.DuckDBPyRelation
    origin: str


@contextmanager
def open_rows(source: Source) -> Iterator[Rows]:
    """The rows of `source`, while the context lasts.

    Raises
    ------
    PlanError : a source of another kind
    DataError : a file that does not exist or cannot be read
    """
    if isinstance(source, duckdb.DuckDBPyRelation):
        yield Rows(source, "a relation of DuckDB")
        return
    if not isinstance(source, str | Path | Query):
        raise PlanError(
            f"data of type {type(source).__name__} cannot be read: give a data frame, the path of a Parquet file or"
            " folder, a ct.Query or a relation of DuckDB"
        )
    with TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'; SET temp_directory = {literal(folder)}")
        if isinstance(source, Query):
            yield _query(connection, source, Path(folder))
        else:
            yield _parquet(connection, Path(source))


def _parquet(connection: duckdb.DuckDBPyConnection, path: Path) -> Rows:
    if not path.exists():
        raise DataError(f"{path}: there is no such file or folder")
    if path.is_file() and path.suffix != ".parquet":
        raise PlanError(f"{path.name} is no Parquet file: ask for a table of a database by ct.Query")
    files = find_parquet(path)
    names = [str(file.resolve()) for file in files.paths]
    with reading(path.name, "Parquet"):
        relation = connection.read_parquet(names, hive_partitioning=files.partitioned, union_by_name=True)
    return Rows(relation, f"the Parquet {'folder' if path.is_dir() else 'file'} {path.name}")


def _query(connection: duckdb.DuckDBPyConnection, query: Query, folder: Path) -> Rows:
    if query.database is None:
        with reading("the query", "SQL"):
            return Rows(connection.sql(query.sql), "a query")
    path = Path(query.database)
    if not path.is_file():
        raise DataError(f"{path}: there is no such database file")
    with reading(path.name, "a DuckDB or SQLite database"):
        if database_kind(path) == "SQLite":
            relation = connection.read_parquet(str(_from_sqlite(path, query.sql, folder)))
        else:
            connection.execute(f"ATTACH {literal(str(path.resolve()))} AS source (READ_ONLY)")
            connection.execute("USE source")
            relation = connection.sql(query.sql)
    return Rows(relation, f"a query of {path.name}")


def _from_sqlite(path: Path, sql: str, folder: Path) -> Path:
    """A temporary Parquet file with the answer, whose columns have the types of the values that occur."""
    file = folder / "query.parquet"
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        cursor = connection.execute(sql)
        names = [column[0] for column in cursor.description]
        schema = pa.schema(list(zip(names, _sqlite_types(connection, sql, len(names)), strict=True)))
        with pyarrow.parquet.ParquetWriter(file, schema) as writer:
            while batch := cursor.fetchmany(BATCH):
                columns = zip(zip(*batch, strict=True), schema.types, strict=True)
                writer.write_table(pa.table([pa.array(values, kind) for values, kind in columns], schema=schema))
    return file


def _sqlite_types(connection: sqlite3.Connection, sql: str, n_columns: int) -> list[pa.DataType]:
    """The type of each column: text if one value is, or else real if one is, or else integer."""
    labels = ", ".join(f"c{i}" for i in range(n_columns))
    kinds = ", ".join(f"group_concat(DISTINCT typeof(c{i}))" for i in range(n_columns))
    found = connection.execute(f"WITH answer({labels}) AS ({sql.rstrip().rstrip(';')}) SELECT {kinds} FROM answer")
    return [
        next((kind for name, kind in reversed(SQLITE_TYPES.items()) if name in (names or "")), pa.null())
        for names in found.fetchone()
    ]
