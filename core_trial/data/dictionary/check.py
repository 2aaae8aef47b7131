"""Records against the dictionary: every fault at once, by rule, row and column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import pandas as pd
import pandera.pandas as pa

from ...errors import FAILURE_COLUMNS
from . import messages
from .columns import DTYPES, Column, empty_column, parse_column
from .model import Field, TableSchema

MISSING_COLUMNS = ("row", "column", "code", "meaning")
"""Columns of the table of missing codes: what stood in the cells that were read as missing."""


@dataclass(frozen=True)
class Parsed:
    """A table as read.

    `frame` has all columns of the dictionary in its order, of dtype str, Int64, float64 or datetime64[us]; a cell that
    broke the rule of its type is missing there. `failures` has the columns `FAILURE_COLUMNS`, a row a fault.
    `missing_codes` has the columns `MISSING_COLUMNS`, a row a cell.
    """

    frame: pd.DataFrame
    failures: pd.DataFrame
    missing_codes: pd.DataFrame


def parse_table(raw: pd.DataFrame, schema: TableSchema, *, first_row: int = 1) -> Parsed:
    """Read the records of one table by its dictionary.

    Text and typed columns are accepted; a code of a category, or its label in any case; dates in ISO 8601 only.
    Rules: `no_columns unknown_column duplicate_column missing_column type date_format categories required minimum
    maximum unique_key` (among the records given). Nothing is raised: whoever loads decides what the failures mean.

    Parameters
    ----------
    raw : the records; blank text is missing
    schema : the table of the dictionary
    first_row : number of the first row, for records that come in pieces

    Examples
    --------
    >>> import core_trial as ct, pandas as pd
    >>> from core_trial.data.dictionary import parse_table
    >>> reviews = pd.DataFrame({"team": ["T01"], "timepoint": ["Baseline"], "item": ["1"], "score": ["6"]})
    >>> parse_table(reviews, ct.read_dictionary().tables["fidelity_items"]).failures["message"].item()
    'score 6 is above 5; allowed: 1 to 5 or empty'
    """
    named = _by_name(raw)
    columns = {field.name: parse_column(named[field.name], field) for field in schema.fields if field.name in named}
    frame = pd.DataFrame(
        {f.name: columns[f.name].parsed if f.name in columns else empty_column(len(raw), f) for f in schema.fields}
    )
    broken = _failure_cases(frame, schema)
    parts = [
        _header_failures(raw, schema),
        _repeated_keys(frame, schema, broken, columns, first_row),
        _cell_failures(broken, schema, columns),
    ]
    return Parsed(frame, _finish(pd.concat(parts), schema, first_row), _missing_codes(columns, schema, first_row))


def pandera_schema(schema: TableSchema) -> pa.DataFrameSchema:
    """The rules of a table for values of the right type: required, minimum, maximum, categories, unique key."""
    return pa.DataFrameSchema(
        {field.name: _pandera_column(field) for field in schema.fields},
        checks=[_unique_key(schema.primary_key)] if schema.primary_key else [],
        name=schema.name,
    )


def _pandera_column(field: Field) -> pa.Column:
    checks = []
    if field.categories is not None:
        checks.append(pa.Check.isin(list(field.categories), error="categories"))
    if field.minimum is not None:
        checks.append(pa.Check.ge(_bound(field.minimum), error="minimum"))
    if field.maximum is not None:
        checks.append(pa.Check.le(_bound(field.maximum), error="maximum"))
    return pa.Column(DTYPES[field.type], checks, nullable=not field.required)


def _bound(limit: float | str) -> float | pd.Timestamp:
    return pd.Timestamp(limit) if isinstance(limit, str) else limit


def _unique_key(key: Iterable[str]) -> pa.Check:
    names = list(key)

    def is_new(frame: pd.DataFrame) -> pd.Series:
        return ~frame.duplicated(names) | frame[names].isna().any(axis=1)

    return pa.Check(is_new, error="unique_key")


def _by_name(raw: pd.DataFrame) -> dict[str, pd.Series]:
    """The columns by name; of two with the same name the first."""
    names = _names(raw)
    return {name: raw.iloc[:, names.index(name)] for name in names}


def _names(raw: pd.DataFrame) -> list[str]:
    return [str(name).strip() for name in raw.columns]


def _header_failures(raw: pd.DataFrame, schema: TableSchema) -> pd.DataFrame:
    names = _names(raw)
    if not names:
        text = f"the table has no columns; a header row is needed: {', '.join(schema.names)}"
        return _failures([(None, None, "no_columns", None, text)])
    unknown = [n for n in dict.fromkeys(names) if n not in schema.names]
    repeated = [n for n in dict.fromkeys(names) if n in schema.names and names.count(n) > 1]
    missing = [f.name for f in schema.fields if f.required and f.name not in names]
    return _failures(
        [(None, n, "unknown_column", None, messages.unknown_column(n, schema)) for n in unknown]
        + [(None, n, "duplicate_column", None, messages.duplicate_column(n)) for n in repeated]
        + [(None, n, "missing_column", None, messages.missing_column(n, schema)) for n in missing]
    )


def _failure_cases(frame: pd.DataFrame, schema: TableSchema) -> pd.DataFrame:
    try:
        pandera_schema(schema).validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        cases: pd.DataFrame = errors.failure_cases.rename(columns={"index": "position", "check": "rule"})
        cases["rule"] = cases["rule"].replace("not_nullable", "required")
        return cases[["position", "column", "rule"]]
    return pd.DataFrame({"position": [], "column": [], "rule": []})


def _repeated_keys(
    frame: pd.DataFrame, schema: TableSchema, broken: pd.DataFrame, columns: Mapping[str, Column], first_row: int
) -> pd.DataFrame:
    positions = broken.loc[broken["rule"] == "unique_key", "position"].drop_duplicates()
    if positions.empty:
        return _failures([])
    names = list(schema.primary_key)
    first = frame[names].assign(position=frame.index).groupby(names, dropna=False)["position"].transform("first")
    shown = [columns[n].text[positions].map(partial(messages.shown, field=schema.field(n))) for n in names]
    values = [", ".join(parts) for parts in zip(*shown, strict=True)]
    rows = zip(positions, values, (first[positions] + first_row).tolist(), strict=True)
    key = ", ".join(names)
    return _failures([(p, key, "unique_key", value, messages.repeated_key(names, row)) for p, value, row in rows])


def _cell_failures(broken: pd.DataFrame, schema: TableSchema, columns: Mapping[str, Column]) -> pd.DataFrame:
    """Cells that could not be read, then those that break a rule: a cell fails once."""
    unread = [_unread(column, name) for name, column in columns.items() if column.rule.notna().any()]
    cells = pd.concat([*unread, broken[broken["rule"] != "unique_key"]])
    cells = cells.drop_duplicates(["position", "column"])
    parts = [
        _with_messages(cells[cells["column"] == name], columns[name], schema.field(name))
        for name in cells["column"].unique()
        if name in columns
    ]
    return pd.concat(parts) if parts else _failures([])


def _unread(column: Column, name: str) -> pd.DataFrame:
    rule = column.rule.dropna()
    return pd.DataFrame({"position": rule.index, "column": name, "rule": rule})


def _with_messages(cells: pd.DataFrame, column: Column, field: Field) -> pd.DataFrame:
    """Failing cells of one column with their values, masked or cut, and messages; each distinct one is told once."""
    cells = cells.assign(value=column.text.fillna("")[cells["position"]].to_numpy())
    kinds = cells[["rule", "value"]].drop_duplicates()
    kinds["message"] = [messages.cell_message(rule, value, field) for rule, value in kinds.itertuples(index=False)]
    told = cells.merge(kinds, on=["rule", "value"], how="left")
    return told.assign(value=told["value"].map(partial(messages.shown, field=field)))


def _failures(rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["position", "column", "rule", "value", "message"])


def _finish(failures: pd.DataFrame, schema: TableSchema, first_row: int) -> pd.DataFrame:
    """The table of failures, by row; those of the whole table first."""
    row = failures["position"].astype("Int64") + first_row
    table = failures.assign(table=schema.name, severity="error", row=row)[list(FAILURE_COLUMNS)]
    typed = table.astype(dict.fromkeys(set(FAILURE_COLUMNS) - {"row"}, "str"))
    return typed.sort_values("row", na_position="first", kind="stable", ignore_index=True)


def _missing_codes(columns: Mapping[str, Column], schema: TableSchema, first_row: int) -> pd.DataFrame:
    found = {name: column.code.dropna() for name, column in columns.items()}
    parts = [
        pd.DataFrame(
            {"row": code.index + first_row, "column": n, "code": code, "meaning": code.map(schema.field(n).missing)}
        )
        for n, code in found.items()
        if len(code)
    ]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(MISSING_COLUMNS))
    table = table.astype({"row": "Int64", "column": "str", "code": "str", "meaning": "str"})
    return table.sort_values("row", kind="stable", ignore_index=True)
