"""From the inputs of a trial to its checked tables in DuckDB."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import duckdb
import pandas as pd
import pyarrow as pa

from ..errors import DataError
from .checks import Problem
from .dictionary.model import Dictionary, TableSchema
from .rule_checks import check_rules
from .sources.digests import hash_content, hash_path
from .sources.find import Fault, Input
from .store.batches import MISSING_DTYPES
from .store.sql import Store
from .store.staging import create_table, stage

CODE_DTYPES = {"table": "str", **MISSING_DTYPES}
NO_CODES = pd.DataFrame(columns=list(CODE_DTYPES)).astype(CODE_DTYPES)


class Source(NamedTuple):
    """Where a table came from.

    `sha256` is the digest of the file; of a folder, that of the sorted digests of its files, a line each; of a data
    frame or the answer to a query, that of the table written as CSV. `rows` is the number of data rows.
    """

    table: str
    name: str
    format: str
    sha256: str
    rows: int


class Loaded(NamedTuple):
    """The sources of the tables that are present, in the order of the dictionary, and all missing codes."""

    sources: tuple[Source, ...]
    missing_codes: pd.DataFrame


def load_tables(store: Store, dictionary: Dictionary, inputs: Iterable[Input], faults: Iterable[Fault]) -> Loaded:
    """Read, check and stage every table, then check the rules between them; failures go to the log of the store."""
    for fault in faults:
        store.log.add_problems(fault.table, [fault.problem])
    by_table = {given.table: given for given in inputs}
    faulty = {fault.table for fault in faults}
    for table, schema in dictionary.tables.items():
        create_table(store, schema)
        if schema.required and table not in by_table and table not in faulty:
            store.log.add_problems(table, [_required(schema)])
    digest = cache(hash_path)
    given = [(schema, by_table[table]) for table, schema in dictionary.tables.items() if table in by_table]
    loaded = [each for schema, one in given if (each := _load(store, schema, one, digest)) is not None]
    check_rules(store.connection, dictionary, [source.table for source, _ in loaded], store.log)
    codes = pd.concat([NO_CODES, *(missing for _, missing in loaded)], ignore_index=True)
    return Loaded(tuple(source for source, _ in loaded), codes)


def _load(
    store: Store, schema: TableSchema, given: Input, digest: Callable[[Path], str]
) -> tuple[Source, pd.DataFrame] | None:
    """Read, check and stage one table; None when it cannot be read or has no rows."""
    try:
        content = given.read(store.folder)
        staged = stage(store, schema, content)
        sha256 = digest(given.path) if given.path else hash_content(content)
    except (DataError, OSError, duckdb.Error, pa.ArrowException) as error:
        store.log.add_problems(schema.name, [_unreadable(given, error)])
        return None
    if staged.rows == 0:
        store.log.add_problems(schema.name, [_no_rows(given, schema)])
        return None
    source = Source(schema.name, given.name, given.format, sha256, staged.rows)
    return source, staged.missing_codes.assign(table=schema.name)[list(CODE_DTYPES)]


def _required(schema: TableSchema) -> Problem:
    return Problem("required_table", f"the table {schema.name} is missing; every trial needs it: {schema.description}")


def _unreadable(given: Input, error: Exception) -> Problem:
    if isinstance(error, DataError):
        return Problem("readable", str(error))
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).splitlines()[0][:200]
    return Problem("readable", f"{given.path or given.name} cannot be read as {given.format}: {reason}")


def _no_rows(given: Input, schema: TableSchema) -> Problem:
    if schema.required:
        return Problem("no_rows", f"{given.name} has no rows; every trial needs {schema.name}")
    message = f"{given.name} has no rows and is treated as if it were not given"
    return Problem("no_rows", message, severity="warning")
