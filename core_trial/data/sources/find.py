"""Where the tables of a trial stand: a folder, a workbook, a database, a REDCap export, or one source a table."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from ...errors import DataError
from ..checks import Problem
from ..dictionary.model import Dictionary
from .delimited import header_names
from .digests import hash_content, hash_path
from .formats import FORMATS, find_parquet, open_workbook, read_sheet, table_name
from .queries import Query, answer, database_kind, database_tables
from .records import Content, records
from .redcap import Redcap, is_redcap_header, read_redcap

COMPANIONS = {".toml", ".json", ".md", ".html", ".pdf"}
"""Suffixes of files that may stand beside the records in a folder and are no data."""


@dataclass(frozen=True)
class Input:
    """One table of the trial as it is given. `read` takes a folder for temporary files; `path` is what is hashed."""

    table: str
    name: str
    format: str
    read: Callable[[Path], Content]
    path: Path | None = None

    def sha256(self, content: Content) -> str:
        """Digest of the file, of the sorted digests of a folder's files, or of a frame or an answer as CSV."""
        return hash_content(content) if self.path is None else hash_path(self.path)


@dataclass(frozen=True)
class Found:
    """The inputs of a trial, and what is wrong with its source, by table."""

    inputs: tuple[Input, ...]
    problems: tuple[tuple[str, Problem], ...] = ()


def find_inputs(source: Any, dictionary: Dictionary) -> Found:
    """Locate the tables of a trial without reading their rows.

    Raises: DataError when the source does not exist or is of no known kind.
    """
    if isinstance(source, Mapping):
        return _in_mapping(source, dictionary)
    if isinstance(source, Redcap):
        return _in_redcap(source, dictionary)
    if not isinstance(source, str | Path):
        raise DataError(f"a trial is loaded from a folder, a file or a mapping of tables, not from {type(source)}")
    path = Path(source)
    if path.is_dir():
        return _in_folder(path, dictionary)
    if not path.exists():
        raise DataError(f"{path}: there is no such folder or file")
    return _in_file(path, dictionary)


def _in_mapping(source: Mapping[str, Any], dictionary: Dictionary) -> Found:
    known = {table: given for table, given in source.items() if table in dictionary.tables}
    problems = [(table, _unknown_table(table, dictionary)) for table in source if table not in known]
    return Found(tuple(_input(table, given, dictionary) for table, given in known.items()), tuple(problems))


def _input(table: str, given: Any, dictionary: Dictionary) -> Input:
    match given:
        case pd.DataFrame():
            return Input(table, "data frame", "data frame, hashed as CSV", lambda _: records(given))
        case Query(database, sql):
            name = f"{Path(database).name}: {sql}" if database else sql
            return Input(table, name, "SQL query, its answer hashed as CSV", partial(answer, given))
        case Redcap(path):
            return Input(table, Path(path).name, "REDCap", lambda _: read_redcap(given, dictionary)[table], Path(path))
        case str() | Path():
            return _file_input(table, Path(given))
        case _ if hasattr(given, "__arrow_c_stream__"):
            return _input(table, pa.table(given).to_pandas(), dictionary)
    raise DataError(f"{table}: a table is a data frame, a path, a ct.Query or a ct.Redcap, not {type(given)}")


def _file_input(table: str, path: Path) -> Input:
    if path.is_dir():
        return Input(table, path.name, "Parquet folder", lambda _: find_parquet(path), path)
    if not path.exists():
        raise DataError(f"{table}: {path}: there is no such file")
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise DataError(f"{table}: {path.name} is of an unknown kind; tables are read from {', '.join(FORMATS)}")
    return Input(table, path.name, kind.name, lambda _: kind.read(path), path)


def _in_folder(folder: Path, dictionary: Dictionary) -> Found:
    candidates = [path for path in sorted(folder.iterdir()) if _may_hold_table(path, dictionary)]
    by_table: dict[str, list[Path]] = {}
    for path in candidates:
        by_table.setdefault(table_name(path.stem), []).append(path)
    inputs, problems = [], []
    for table, paths in by_table.items():
        if table not in dictionary.tables:
            problems += [(path.name, _stray_file(path)) for path in paths]
        elif len(readable := [path for path in paths if path.is_dir() or path.suffix.lower() in FORMATS]) == 1:
            inputs.append(_file_input(table, readable[0]))
        else:
            problems.append((table, _not_one_file(paths, readable)))
    return Found(tuple(inputs), tuple(problems))


def _may_hold_table(path: Path, dictionary: Dictionary) -> bool:
    if path.name.startswith((".", "~$")):
        return False
    if path.is_dir():
        return table_name(path.name) in dictionary.tables
    return path.suffix.lower() not in COMPANIONS or table_name(path.stem) in dictionary.tables


def _in_file(path: Path, dictionary: Dictionary) -> Found:
    suffix = path.suffix.lower()
    if suffix in (".xlsx", ".xlsm"):
        return _in_workbook(path, dictionary)
    if database_kind(path):
        return _in_database(path, dictionary)
    if suffix in (".csv", ".tsv", ".txt") and is_redcap_header(header_names(path)):
        return _in_redcap(Redcap(path), dictionary)
    if suffix not in FORMATS:
        raise DataError(
            f"{path.name} is of an unknown kind; a trial is a folder, an Excel workbook, a DuckDB or SQLite file, "
            "or a REDCap export as CSV"
        )
    return _in_mapping({table_name(path.stem): path}, dictionary)


def _in_workbook(path: Path, dictionary: Dictionary) -> Found:
    with open_workbook(path) as workbook:
        sheets = workbook.sheetnames
    tables = {sheet: table_name(sheet) for sheet in sheets}

    def sheet_input(sheet: str) -> Input:
        return Input(tables[sheet], f"{path.name}, sheet {sheet}", "Excel", lambda _: read_sheet(path, sheet), path)

    known = [sheet for sheet in sheets if tables[sheet] in dictionary.tables]
    strays = [(sheet, _stray(f"the sheet {sheet} of {path.name}")) for sheet in sheets if sheet not in known]
    return Found(tuple(map(sheet_input, known)), tuple(strays))


def _in_database(path: Path, dictionary: Dictionary) -> Found:
    names = database_tables(path)

    def table_input(table: str) -> Input:
        query = Query(path, f'SELECT * FROM "{table}"')
        return Input(table, f"{path.name}, table {table}", f"{database_kind(path)}", partial(answer, query), path)

    known = [name for name in names if name in dictionary.tables]
    strays = [(name, _stray(f"the table {name} of {path.name}")) for name in names if name not in known]
    return Found(tuple(map(table_input, known)), tuple(strays))


def _in_redcap(export: Redcap, dictionary: Dictionary) -> Found:
    tables = read_redcap(export, dictionary)
    path = Path(export.path)

    def form_input(table: str) -> Input:
        return Input(table, path.name, "REDCap", lambda _: tables[table], path)

    return Found(tuple(map(form_input, tables)))


def _unknown_table(table: str, dictionary: Dictionary) -> Problem:
    near = difflib.get_close_matches(table, dictionary.tables, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the tables are {', '.join(dictionary.tables)}"
    return Problem("known_table", f"{table} is no table of the data dictionary; {hint}")


def _stray_file(path: Path) -> Problem:
    if path.suffix.lower() in (".xlsx", ".xlsm", ".db", ".sqlite", ".duckdb"):
        return _stray(path.name, "; to load a trial from one workbook or database, give its own path")
    return _stray(path.name)


def _stray(what: str, hint: str = "") -> Problem:
    message = f"{what} is no table of the data dictionary and was not read{hint}"
    return Problem("known_table", message, severity="warning")


def _not_one_file(paths: list[Path], readable: list[Path]) -> Problem:
    names = " and ".join(path.name for path in readable or paths)
    if readable:
        return Problem("one_file", f"given more than once, as {names}; keep one of them")
    return Problem("known_format", f"{names} is of an unknown kind; tables are read from {', '.join(FORMATS)}")
