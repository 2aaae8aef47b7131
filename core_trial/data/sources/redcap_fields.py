"""Which fields of a REDCap export are which columns of which table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from ..dictionary.model import Dictionary, TableSchema

SPREAD = {"item": "score", "component": "delivered"}
"""Keys whose codes stand side by side in an export, and the column that the fields hold."""

FROM_RECORD = ("team", "person")
FROM_EVENT = ("timepoint", "wave", "period")

REDCAP_OWN = r"redcap_.*|.*_complete|.*_timestamp"
"""Fields that REDCap adds to an export."""


@dataclass(frozen=True)
class FormFields:
    """The fields of one table.

    `single` maps a column to its field; `boxes` maps a column to its checkboxes, and `spread` a key of `SPREAD` to its
    fields, by code. `own` fields are no other table's and say that a row of the export is a row of this table.
    """

    single: Mapping[str, str]
    boxes: Mapping[str, Mapping[str, str]]
    spread: Mapping[str, Mapping[str, str]]
    own: frozenset[str] = frozenset()

    def all(self) -> set[str]:
        """Every field of the table."""
        coded = [field for fields in (*self.boxes.values(), *self.spread.values()) for field in fields.values()]
        return {*self.single.values(), *coded}


def assign_fields(names: Collection[str], dictionary: Dictionary) -> dict[str, FormFields]:
    """The fields of each table that has fields of its own in the export."""
    forms = {table: _fields(schema, names) for table, schema in dictionary.tables.items()}
    claims = Counter(field for form in forms.values() for field in form.all())
    owned = {table: _own(form, claims) for table, form in forms.items()}
    return {table: replace(form, own=owned[table]) for table, form in forms.items() if owned[table]}


def unread_fields(names: list[str], forms: Collection[FormFields]) -> list[str]:
    """Fields, after the first, which names the record, that are neither REDCap's own nor of a table."""
    read = {field for form in forms for field in form.all()}
    return [name for name in names[1:] if name not in read and not re.fullmatch(REDCAP_OWN, name)]


def _fields(schema: TableSchema, names: Collection[str]) -> FormFields:
    single = {column: name for column in schema.names if (name := _named(schema, column, names))}
    boxes: dict[str, dict[str, str]] = {}
    spread: dict[str, dict[str, str]] = {}
    for field in schema.fields:
        ticked = {str(code): _named(schema, f"{field.name}___{code}", names) for code in field.categories or {}}
        listed = {str(code): _named(schema, f"{field.name}_{code}", names) for code in field.categories or {}}
        target = spread if field.name in SPREAD else boxes
        coded = {code: name or listed[code] * (field.name in SPREAD) for code, name in ticked.items()}
        if any(coded.values()):
            target[field.name] = {code: name for code, name in coded.items() if name}
    return FormFields(single, boxes, spread)


def _named(schema: TableSchema, column: str, names: Collection[str]) -> str:
    """The field of a column: called after table and column, or after the column; empty if there is none."""
    return next((name for name in (f"{schema.name}_{column}", column) if name in names), "")


def _own(form: FormFields, claims: Mapping[str, int]) -> frozenset[str]:
    keys = {form.single.get(column) for column in (*FROM_RECORD, *FROM_EVENT)}
    return frozenset(field for field in form.all() - keys if claims[field] == 1)
