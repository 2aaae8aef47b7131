"""The DuckDB connection of a trial and the names in it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import duckdb

from ..checks import FailureLog
from ..dictionary.model import TableSchema

TYPES = {"string": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE", "date": "TIMESTAMP"}
"""DuckDB types of the types of the dictionary."""


class Store(NamedTuple):
    """Where a trial is put together: DuckDB, a folder for temporary files, and the failures found so far."""

    connection: duckdb.DuckDBPyConnection
    folder: Path
    log: FailureLog


def connect(folder: Path, memory_limit: str | None, threads: int | None) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection in memory that spills to `folder`."""
    settings = {"temp_directory": str(folder), "memory_limit": memory_limit, "threads": threads}
    connection = duckdb.connect(config={name: value for name, value in settings.items() if value is not None})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("CREATE SCHEMA numbered")
    return connection


def create_unnumbered(connection: duckdb.DuckDBPyConnection, schema: TableSchema) -> None:
    """The table under its own name, without the numbers of the rows."""
    columns = ", ".join(quoted(name) for name in schema.names)
    connection.execute(f"CREATE VIEW {quoted(schema.name)} AS SELECT {columns} FROM numbered.{quoted(schema.name)}")


def quoted(name: str) -> str:
    """A name as it stands in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as it stands in SQL."""
    return "'" + text.replace("'", "''") + "'"
