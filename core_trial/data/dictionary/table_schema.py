"""What a file of the data dictionary may say: Frictionless Table Schema v2, and what this package adds to it.

The standard is at https://datapackage.org/standard/table-schema/. Additions stand in an object `core_trial`, of a field
(`unit`, `direction`, `identifier`, `source`) and of a table (`required`). Properties of the standard that would change
how a value is read and that are not supported are refused, so that nothing is silently ignored; any other property is
kept as it is.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, StrictStr, model_validator

FieldType = Literal["string", "integer", "number", "date"]
Direction = Literal["higher is better", "lower is better"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Bound = StrictInt | float | StrictStr


class Descriptor(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class MissingValue(Descriptor):
    value: StrictStr
    label: str = ""


class Category(Descriptor):
    value: StrictInt | StrictStr
    label: str | None = None


class Constraints(Descriptor):
    model_config = ConfigDict(extra="forbid")
    required: bool = False
    minimum: Bound | None = None
    maximum: Bound | None = None


class FieldAdditions(Descriptor):
    unit: str | None = None
    direction: Direction | None = None
    identifier: bool = False
    source: dict[str, Any] = {}


class TableAdditions(Descriptor):
    required: bool = False


def _as_objects(entries: Any) -> Any:
    """Bare values, which the standard allows, as the objects `{"value": ...}`."""
    return [e if isinstance(e, dict) else {"value": e} for e in entries] if isinstance(entries, list) else entries


def _as_list(key: Any) -> Any:
    return [key] if isinstance(key, str) else key


class FieldDescriptor(Descriptor):
    name: Name
    type: FieldType
    title: str = ""
    description: str = ""
    constraints: Constraints = Constraints()
    categories: Annotated[list[Category], BeforeValidator(_as_objects)] | None = None
    missing: Annotated[list[MissingValue], BeforeValidator(_as_objects)] | None = Field(None, alias="missingValues")
    additions: FieldAdditions = Field(FieldAdditions(), alias="core_trial")
    format: Literal["default"] = "default"
    decimalChar: Literal["."] = "."
    groupChar: None = None
    bareNumber: Literal[True] = True

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        _check_bounds(self)
        _check_categories(self)
        _check_missing(self)
        return self


class Reference(Descriptor):
    resource: str
    fields: Annotated[list[str], BeforeValidator(_as_list)]


class ForeignKey(Descriptor):
    fields: Annotated[list[str], BeforeValidator(_as_list)]
    reference: Reference


class TableDescriptor(Descriptor):
    name: Name
    title: str = ""
    description: str = ""
    fields: list[FieldDescriptor] = Field(min_length=1)
    primary_key: Annotated[list[str], BeforeValidator(_as_list)] = Field([], alias="primaryKey")
    foreign_keys: list[ForeignKey] = Field([], alias="foreignKeys")
    missing: Annotated[list[MissingValue], BeforeValidator(_as_objects)] = Field(
        [MissingValue(value="")], alias="missingValues"
    )
    additions: TableAdditions = Field(TableAdditions(), alias="core_trial")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        names = [field.name for field in self.fields]
        _check_unique(names, "field name")
        keys = [self.primary_key, *(key.fields for key in self.foreign_keys)]
        if absent := [name for key in keys for name in key if name not in names]:
            raise ValueError(f"the key names {absent[0]!r}, which is not a field of the table")
        return self


def _check_bounds(field: FieldDescriptor) -> None:
    bounds: list[Any] = [b for b in (field.constraints.minimum, field.constraints.maximum) if b is not None]
    if bounds and field.type == "string":
        raise ValueError("minimum and maximum are for integer, number and date fields")
    if field.type == "date":
        bounds = [dt.date.fromisoformat(str(bound)) for bound in bounds]
    elif any(isinstance(bound, str) for bound in bounds):
        raise ValueError(f"minimum and maximum of {field.type} fields are numbers without quotation marks")
    if bounds != sorted(bounds):
        raise ValueError("the minimum is above the maximum")


def _check_categories(field: FieldDescriptor) -> None:
    if field.categories is None:
        return
    code = {"integer": int, "string": str}.get(field.type)
    if code is None:
        raise ValueError(f"categories are for string and integer fields, not {field.type}")
    if wrong := [c.value for c in field.categories if not isinstance(c.value, code)]:
        raise ValueError(f"category {wrong[0]!r} is not of the type {field.type}")
    _check_unique((c.value for c in field.categories), "category")
    _check_unique((c.label for c in field.categories if c.label), "label of a category")


def _check_missing(field: FieldDescriptor) -> None:
    codes = [m.value for m in field.missing or ()]
    _check_unique(codes, "missing code")
    categories = {str(c.value) for c in field.categories or ()}
    if clash := [code for code in codes if code in categories or _in_range(code, field.constraints)]:
        raise ValueError(f"the missing code {clash[0]!r} is also an allowed value")


def _in_range(code: str, limits: Constraints) -> bool:
    bounds = (limits.minimum, limits.maximum)
    if bounds == (None, None) or any(isinstance(bound, str) for bound in bounds):
        return False
    try:
        number = float(code)
    except ValueError:
        return False
    low, high = limits.minimum, limits.maximum
    return (low is None or number >= float(low)) and (high is None or number <= float(high))


def _check_unique(values: Iterable[object], what: str) -> None:
    if repeated := [value for value, n in Counter(values).items() if n > 1]:
        raise ValueError(f"the {what} {repeated[0]!r} stands twice")
