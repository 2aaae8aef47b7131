"""Which rows of a table are not plainly as the dictionary wants them, in SQL: only those need a closer look."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from ..dictionary.columns import LARGEST_INTEGER, NUMBER
from ..dictionary.model import Field, TableSchema
from .sql import literal, quoted

SPACE_AT_END = r"'^[\s\pZ]|[\s\pZ]$'"


def doubtful(schema: TableSchema, names: Collection[str]) -> str:
    """A condition that holds for each row with a value that may break a rule or be read as something else.

    The columns `names` of the table have the types of the dictionary. A row for which the condition does not hold
    passes `parse_table` unchanged; one for which it holds may do so, too.
    """
    plain = [_is_plain(field) for field in schema.fields if field.name in names]
    return f"NOT ({' AND '.join(plain or ['true'])})"


def _is_plain(field: Field) -> str:
    column = quoted(field.name)
    conditions = " AND ".join([f"{column} IS NOT NULL", *_conditions(field, column)])
    return f"({conditions})" if field.required else f"({column} IS NULL OR ({conditions}))"


def _conditions(field: Field, column: str) -> Iterator[str]:
    if field.categories is not None:
        yield f"{column} IN ({', '.join(_value(code, field) for code in field.categories)})"
        return
    if field.minimum is not None:
        yield f"{column} >= {_value(field.minimum, field)}"
    if field.maximum is not None:
        yield f"{column} <= {_value(field.maximum, field)}"
    if field.type == "number":
        yield f"isfinite({column})"
    if field.type == "integer":
        yield f"abs({column}) < {LARGEST_INTEGER}"
    if field.type == "date":
        yield f"{column} = date_trunc('day', {column})"
    elif field.type == "string":
        yield f"{column} <> '' AND NOT regexp_matches({column}, {SPACE_AT_END})"
        yield f"{column} NOT IN ({', '.join(map(literal, field.missing))})"
    elif numbers := [code for code in field.missing if re.fullmatch(NUMBER, code)]:
        yield f"{column} NOT IN ({', '.join(numbers)})"


def _value(value: float | str, field: Field) -> str:
    text = literal(str(value)) if isinstance(value, str) else str(value)
    return f"TIMESTAMP {text}" if field.type == "date" else text
