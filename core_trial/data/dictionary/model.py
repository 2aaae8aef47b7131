"""The data dictionary: for each table its columns, their types, ranges, codes and meanings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pydantic import ValidationError

from ...errors import PlanError
from .table_schema import Category, Direction, FieldDescriptor, FieldType, ForeignKey, MissingValue, TableDescriptor

TABLES = ("teams", "allocation", "fidelity_items", "admissions", "exposure", "patients", "staff", "engagement")
"""The tables of the trial, in the order in which they are read and shown."""

SUBSCALES = ("referrals", "content", "staffing", "location")
"""Keys of the four subscales of the fidelity scale, in the order of its items."""


@dataclass(frozen=True)
class Field:
    """One column.

    `minimum` and `maximum` are numbers, or ISO 8601 text for a date. `categories` maps a code to its label, in order.
    `missing` maps a code that stands for a missing value to its meaning; the empty text is one of them.
    `identifier` columns identify a person: their values are never shown. `source` names instrument and paper, and
    `confirmed`: whether what is said of them was read in that paper.
    """

    name: str
    label: str
    description: str
    type: FieldType
    unit: str | None
    minimum: float | str | None
    maximum: float | str | None
    categories: Mapping[int | str, str] | None
    required: bool
    missing: Mapping[str, str]
    direction: Direction | None
    identifier: bool
    source: Mapping[str, Any]


@dataclass(frozen=True)
class TableSchema:
    """One table.

    `required`: without the table there is no trial. `missing` maps the missing codes of every column that has none of
    its own to their meanings. `raw` is the Table Schema as read.
    """

    name: str
    title: str
    description: str
    fields: tuple[Field, ...]
    primary_key: tuple[str, ...]
    foreign_keys: tuple[ForeignKey, ...]
    required: bool
    missing: Mapping[str, str]
    raw: dict[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, in order."""
        return tuple(field.name for field in self.fields)

    def field(self, name: str) -> Field:
        """The column `name`."""
        return self.fields[self.names.index(name)]

    def raw_field(self, name: str) -> dict[str, Any]:
        """The column `name` as the Table Schema has it."""
        fields: list[dict[str, Any]] = self.raw["fields"]
        return fields[self.names.index(name)]

    def raw_categories(self, name: str) -> list[dict[str, Any]]:
        """The categories of a column with all that the Table Schema says of them, `value` first of all."""
        entries = self.raw_field(name).get("categories", [])
        return [entry if isinstance(entry, dict) else {"value": entry} for entry in entries]


@dataclass(frozen=True)
class Dictionary:
    """All tables by name."""

    tables: Mapping[str, TableSchema]

    @property
    def sha256(self) -> str:
        """Digest of the content: layout and order of properties in the files do not change it."""
        content = json.dumps({name: table.raw for name, table in self.tables.items()}, sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


def table_schema(raw: dict[str, Any], place: str) -> TableSchema:
    """A table from its Table Schema; `place` (a file, say) begins the message of the PlanError if it is not one."""
    try:
        descriptor = TableDescriptor.model_validate(raw)
    except ValidationError as error:
        raise PlanError(_faults(error, raw, place)) from None
    return TableSchema(
        name=descriptor.name,
        title=descriptor.title or descriptor.name,
        description=descriptor.description,
        fields=tuple(_field(field, descriptor) for field in descriptor.fields),
        primary_key=tuple(descriptor.primary_key),
        foreign_keys=tuple(descriptor.foreign_keys),
        required=descriptor.additions.required,
        missing=_meanings(descriptor.missing),
        raw=raw,
    )


def fidelity_items(dictionary: Dictionary) -> pd.DataFrame:
    """The items of the fidelity scale: `item name subscale confirmed`, a row an item.

    `confirmed` tells whether name and subscale were read in a published source.
    """
    categories = dictionary.tables["fidelity_items"].raw_categories("item")
    rows = [(c["value"], c.get("label"), c.get("subscale"), c.get("confirmed", False)) for c in categories]
    items = pd.DataFrame(rows, columns=["item", "name", "subscale", "confirmed"])
    if not items["subscale"].isin(SUBSCALES).all():
        raise PlanError(f"fidelity_items.item: each category needs a subscale, one of {', '.join(SUBSCALES)}")
    return items


def _field(field: FieldDescriptor, table: TableDescriptor) -> Field:
    return Field(
        name=field.name,
        label=field.title or field.name,
        description=field.description,
        type=field.type,
        unit=field.additions.unit,
        minimum=field.constraints.minimum,
        maximum=field.constraints.maximum,
        categories=_labels(field.categories),
        required=field.constraints.required or field.name in table.primary_key,
        missing=_meanings(table.missing if field.missing is None else field.missing),
        direction=field.additions.direction,
        identifier=field.additions.identifier,
        source=field.additions.source,
    )


def _labels(categories: list[Category] | None) -> dict[int | str, str] | None:
    return None if categories is None else {c.value: c.label or str(c.value) for c in categories}


def _meanings(missing: list[MissingValue]) -> dict[str, str]:
    return {m.value: m.label or "Missing" for m in missing}


def _faults(error: ValidationError, raw: Any, place: str) -> str:
    return "\n".join(f"{place}: {_spot(fault['loc'], raw)}{_reason(fault)}" for fault in error.errors())


def _spot(location: tuple[int | str, ...], raw: Any) -> str:
    """`("fields", 3, "constraints", "minimum")` as "field score: constraints.minimum: "."""
    match location:
        case ("fields", int(position), *rest):
            field = raw["fields"][position]
            name = field.get("name", position + 1) if isinstance(field, dict) else position + 1
            return f"field {name}: {_spot(tuple(rest), raw)}"
        case ():
            return ""
    return ".".join(map(str, location)) + ": "


REASONS = {
    "extra_forbidden": "is not supported; the constraints are required, minimum and maximum, beside categories",
    "missing": "is missing",
    "model_type": "must be a JSON object",
}


def _reason(fault: Any) -> str:
    return REASONS.get(fault["type"], str(fault["msg"]).removeprefix("Value error, "))
