"""Tables that come from a database or from SQL over files."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import duckdb
import pandas as pd

from ...errors import DataError
from .records import ParquetFiles, Records, as_text, reading, records

SIGNATURES = {"SQLite": (0, b"SQLite format 3\0"), "DuckDB": (8, b"DUCK")}
"""Where in the file the bytes stand that tell the kind of a database."""


@dataclass(frozen=True)
class Query:
    """A table of the trial as the answer to a query.

    Parameters
    ----------
    database : a DuckDB or SQLite file, which is only read; None: no database, the query names Parquet or CSV files.
    sql : any query. Its columns are those of the table in the data dictionary; with an ORDER BY, the recorded hash of
        the answer is the same in every run.

    Examples
    --------
    >>> import core_trial as ct
    >>> query = ct.Query("hospital.duckdb", "SELECT id AS person, team, admitted_on, ... FROM spells ORDER BY ALL")
    >>> trial = ct.load_trial({"teams": "teams.csv", "allocation": "arms.csv", "admissions": query})  # doctest: +SKIP
    """

    database: str | Path | None
    sql: str


def database_kind(path: Path) -> str | None:
    """Whether a file is a "SQLite" or "DuckDB" database; None: neither."""
    with path.open("rb") as file:
        start = file.read(32)
    return next((kind for kind, (at, mark) in SIGNATURES.items() if start[at : at + len(mark)] == mark), None)


def database_tables(path: Path) -> list[str]:
    """Names of the tables and views of a database file."""
    with reading(path.name, "a database"):
        if database_kind(path) == "SQLite":
            names = _ask_sqlite(path, "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')").frame["name"]
            return [str(name) for name in names]
        with duckdb.connect(str(path), read_only=True) as connection:
            return [row[0] for row in connection.execute("SELECT table_name FROM information_schema.tables").fetchall()]


def answer(query: Query, folder: Path) -> Records | ParquetFiles:
    """Run a query. The answer of DuckDB, which may be large, is kept as a Parquet file in `folder`."""
    if query.database is None:
        with reading("the query", "SQL"), duckdb.connect() as connection:
            return _spool(connection, query.sql, folder)
    path = Path(query.database)
    if not path.is_file():
        raise DataError(f"{path}: there is no such database file")
    match database_kind(path):
        case "SQLite":
            with reading(path.name, "a SQLite database"):
                return _ask_sqlite(path, query.sql)
        case "DuckDB":
            with reading(path.name, "a DuckDB database"), duckdb.connect(str(path), read_only=True) as connection:
                return _spool(connection, query.sql, folder)
    raise DataError(f"{path.name} is neither a DuckDB nor a SQLite database")


def _ask_sqlite(path: Path, sql: str) -> Records:
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        cursor = connection.execute(sql)
        names = [column[0] for column in cursor.description]
        cells = [[as_text(value) for value in row] for row in cursor]
    return records(pd.DataFrame(cells, columns=names, dtype="str"))


def _spool(connection: duckdb.DuckDBPyConnection, sql: str, folder: Path) -> ParquetFiles:
    path = folder / f"query-{uuid4().hex}.parquet"
    connection.sql(sql).write_parquet(str(path))
    return ParquetFiles((path,))
