"""Read a data dictionary from a folder; one of the user builds on the one that ships with the package."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from ...errors import PlanError
from ...resources import shipped
from .model import TABLES, Dictionary, Field, TableSchema, table_schema


def read_dictionary(folder: str | Path | None = None) -> Dictionary:
    """Read a data dictionary: a folder with one Table Schema (JSON) a table.

    The one that ships with the package is complete. A folder of the user may add tables, columns and categories to it,
    or change a range, but the columns that the analyses use stay.

    Parameters
    ----------
    folder : tables that it lacks are taken from the shipped dictionary; None: the shipped dictionary itself

    Raises
    ------
    PlanError : a file is no Table Schema, or lacks or changes a column that the analyses use. It names file and place.

    Examples
    --------
    >>> import core_trial as ct
    >>> score = ct.read_dictionary().tables["fidelity_items"].field("score")
    >>> score.minimum, score.maximum, score.direction
    (1, 5, 'higher is better')
    """
    return _shipped() if folder is None else _extend(_shipped(), Path(folder))


@cache
def _shipped() -> Dictionary:
    return _ordered(_read_folder(shipped("data_dictionary")))


def _extend(base: Dictionary, folder: Path) -> Dictionary:
    own = _read_folder(folder)
    for name in own.keys() & base.tables.keys():
        _check_extends(own[name], base.tables[name], folder / f"{name}.json")
    return _ordered({**base.tables, **own})


def _ordered(tables: Mapping[str, TableSchema]) -> Dictionary:
    names = [*TABLES, *sorted(tables.keys() - set(TABLES))]
    return Dictionary({name: tables[name] for name in names})


def _read_folder(folder: Path) -> dict[str, TableSchema]:
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise PlanError(f"{folder}: no *.json file here; a data dictionary is a folder with one Table Schema a table")
    return {path.stem: _read_table(path) for path in paths}


def _read_table(path: Path) -> TableSchema:
    try:
        raw = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise PlanError(f"{path}: not JSON at line {error.lineno}, column {error.colno}: {error.msg}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"{path}: cannot be read: {error}") from None
    table = table_schema({"name": path.stem, **raw} if isinstance(raw, dict) else raw, str(path))
    if table.name != path.stem:
        raise PlanError(f"{path}: name is {table.name!r}; the file of a table is called after it: {table.name}.json")
    return table


def _check_extends(own: TableSchema, base: TableSchema, place: Path) -> None:
    if base.required and not own.required:
        raise PlanError(f"{place}: the table must stay required")
    if own.primary_key != base.primary_key:
        raise PlanError(f"{place}: the primary key must stay {list(base.primary_key)}")
    for field in base.fields:
        if field.name not in own.names:
            raise PlanError(f"{place}: field {field.name} is missing; the analyses use it, so it must stay")
        _check_keeps(own.field(field.name), field, place)


def _check_keeps(own: Field, base: Field, place: Path) -> None:
    if own.type != base.type:
        raise PlanError(f"{place}: field {own.name}: the type must stay {base.type}, not {own.type}")
    if base.required and not own.required:
        raise PlanError(f"{place}: field {own.name}: must stay required")
    if lost := (base.categories or {}).keys() - (own.categories or {}).keys():
        raise PlanError(f"{place}: field {own.name}: the category {min(lost, key=str)!r} must stay")
