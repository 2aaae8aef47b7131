"""Where the tables of a trial stand: a folder, a workbook, a database, a REDCap export, or one source a table."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
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
from .formats import FORMATS, find_parquet, open_workbook, read_sheet, table_name
from .queries import Query, answer, database_kind, database_tables
from .records import Content, Records, records
from .redcap import Redcap, is_redcap_header, read_redcap

WORKBOOKS = {".xlsx", ".xlsm"}
DATABASES = {".db", ".sqlite", ".sqlite3", ".duckdb"}
COMPANIONS = {".toml", ".json", ".md", ".html", ".pdf"}
"""Suffixes of files that may stand beside the records in a folder and are no data."""


@dataclass(frozen=True)
class Input:
    """One table of the trial as it is given; `path` is its file or folder. `read` takes a folder for its own files."""

    table: str
    name: str
    format: str
    read: Callable[[Path], Content]
    path: Path | None = None


@dataclass(frozen=True)
class Fault:
    """Something wrong with the source of a table, or with a file or sheet that is no table."""

    table: str
    problem: Problem


def find_inputs(source: Any, dictionary: Dictionary) -> tuple[list[Input], list[Fault]]:
    """Locate the tables of a trial without reading their rows.

    Raises: DataError when the source does not exist, cannot be opened or is of no known kind.
    """
    try:
        found = list(_look_at(source, dictionary))
    except OSError as error:
        raise DataError(f"{error.filename} cannot be read: {error.strerror}") from error
    inputs = [each for each in found if isinstance(each, Input)]
    names = Counter(each.table for each in inputs)
    once = [each for each in inputs if names[each.table] == 1]
    faults = [each for each in found if isinstance(each, Fault)]
    return once, [*faults, *(_given_again(table, inputs) for table, n in names.items() if n > 1)]


def _look_at(source: Any, dictionary: Dictionary) -> Iterable[Input | Fault]:
    match source:
        case Mapping():
            return _in_mapping(source, dictionary)
        case Redcap():
            return _in_redcap(source, dictionary)
        case str() | Path():
            path = Path(source)
            if not path.exists():
                raise DataError(f"{path}: there is no such folder or file")
            return _in_folder(path, dictionary) if path.is_dir() else _in_file(path, dictionary)
    raise DataError(f"a trial is loaded from a folder, a file or a mapping of tables, not from a {_kind(source)}")


def _in_mapping(source: Mapping[str, Any], dictionary: Dictionary) -> Iterator[Input | Fault]:
    for table, given in source.items():
        yield _input(table, given, dictionary) if table in dictionary.tables else _unknown_table(table, dictionary)


def _input(table: str, given: Any, dictionary: Dictionary) -> Input:
    match given:
        case pd.DataFrame():
            return Input(table, "data frame", "data frame", lambda _: records(given))
        case Query(database, sql):
            name = f"{Path(database).name}: {sql}" if database else sql
            return Input(table, name, "SQL query", partial(answer, given))
        case Redcap(path):
            file = Path(path)
            return Input(table, file.name, "REDCap", lambda _: _redcap_table(given, table, dictionary), file)
        case str() | Path():
            return _file_input(table, Path(given))
        case _ if hasattr(given, "__arrow_c_stream__"):
            return _input(table, pa.table(given).to_pandas(), dictionary)
    raise DataError(f"{table}: a table is a data frame, a path, a ct.Query or a ct.Redcap, not a {_kind(given)}")


def _file_input(table: str, path: Path) -> Input:
    if path.is_dir():
        return Input(table, path.name, "Parquet folder", lambda _: find_parquet(path), path)
    if not _is_readable(path):
        raise DataError(f"{table}: {_unknown_kind(path)}")
    kind = FORMATS[path.suffix.lower()]
    return Input(table, path.name, kind.name, lambda _: kind.read(path), path)


def _in_folder(folder: Path, dictionary: Dictionary) -> Iterator[Input | Fault]:
    for path in sorted(folder.iterdir()):
        table = table_name(path.stem)
        is_table = table in dictionary.tables
        is_hidden = path.name.startswith((".", "~$"))
        if is_hidden or (not is_table and (path.is_dir() or path.suffix.lower() in COMPANIONS)):
            continue
        if not is_table:
            yield _stray(path.name, path.name, _hint(path))
        elif path.is_dir() or _is_readable(path):
            yield _file_input(table, path)
        else:
            yield Fault(table, Problem("known_format", _unknown_kind(path)))


def _in_file(path: Path, dictionary: Dictionary) -> Iterable[Input | Fault]:
    suffix = path.suffix.lower()
    if suffix in WORKBOOKS:
        return _in_workbook(path, dictionary)
    if database_kind(path):
        return _in_database(path, dictionary)
    if not _is_readable(path):
        kinds = "a folder, an Excel workbook, a DuckDB or SQLite file, or a REDCap export as CSV"
        raise DataError(f"{path.name} is of an unknown kind; a trial is {kinds}")
    if suffix in (".csv", ".tsv", ".txt") and is_redcap_header(header_names(path)):
        return _in_redcap(Redcap(path), dictionary)
    return _in_mapping({table_name(path.stem): path}, dictionary)


def _in_workbook(path: Path, dictionary: Dictionary) -> Iterator[Input | Fault]:
    with open_workbook(path) as workbook:
        sheets = workbook.sheetnames
    for sheet in sheets:
        if table_name(sheet) in dictionary.tables:
            yield _sheet_input(path, sheet)
        else:
            yield _stray(sheet, f"the sheet {sheet} of {path.name}")


def _sheet_input(path: Path, sheet: str) -> Input:
    name = f"{path.name}, sheet {sheet}"
    return Input(table_name(sheet), name, "Excel", lambda _: read_sheet(path, sheet), path)


def _in_database(path: Path, dictionary: Dictionary) -> Iterator[Input | Fault]:
    kind = str(database_kind(path))
    for table in database_tables(path):
        if table in dictionary.tables:
            query = Query(path, f'SELECT * FROM "{table}"')
            yield Input(table, f"{path.name}, table {table}", kind, partial(answer, query), path)
        else:
            yield _stray(table, f"the table {table} of {path.name}")


def _in_redcap(export: Redcap, dictionary: Dictionary) -> Iterator[Input | Fault]:
    path = Path(export.path)
    tables, problems = read_redcap(export, dictionary)
    for table, content in tables.items():
        yield _form_input(path, table, content)
    yield from (Fault(path.name, problem) for problem in problems)


def _form_input(path: Path, table: str, content: Records) -> Input:
    return Input(table, path.name, "REDCap", lambda _: content, path)


def _redcap_table(export: Redcap, table: str, dictionary: Dictionary) -> Records:
    tables, _ = read_redcap(export, dictionary)
    if table not in tables:
        raise DataError(f"{Path(export.path).name} has no fields of the table {table}")
    return tables[table]


def _is_readable(path: Path) -> bool:
    return path.suffix.lower() in FORMATS


def _given_again(table: str, inputs: list[Input]) -> Fault:
    names = " and ".join(each.name for each in inputs if each.table == table)
    return Fault(table, Problem("one_source", f"given more than once, as {names}; keep one of them"))


def _unknown_table(table: str, dictionary: Dictionary) -> Fault:
    near = difflib.get_close_matches(table, dictionary.tables, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the tables are {', '.join(dictionary.tables)}"
    return Fault(table, Problem("known_table", f"{table} is no table of the data dictionary; {hint}"))


def _stray(name: str, what: str, hint: str = "") -> Fault:
    message = f"{what} is no table of the data dictionary and was not read{hint}"
    return Fault(name, Problem("known_table", message, severity="warning"))


def _hint(path: Path) -> str:
    is_whole_trial = path.suffix.lower() in WORKBOOKS | DATABASES
    return "; to load a trial from one workbook or database, give its own path" if is_whole_trial else ""


def _unknown_kind(path: Path) -> str:
    return f"{path.name} is of an unknown kind; tables are read from {', '.join(FORMATS)}"


def _kind(value: Any) -> str:
    return type(value).__name__
