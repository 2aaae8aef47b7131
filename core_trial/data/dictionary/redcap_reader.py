"""A REDCap data dictionary read: its forms as tables, its fields as columns."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from ...errors import PlanError, TrialWarning
from .model import Dictionary, table_schema
from .redcap import ANNOTATION, COLUMNS

NEEDED = ("Variable / Field Name", "Form Name", "Field Type", "Field Label")
CHOICES = "Choices, Calculations, OR Slider Labels"
VALIDATION = "Text Validation Type OR Show Slider Number"

VALIDATED = {"integer": "integer", "number": r"number(_[1-4]dp)?", "date": "date_[ymd]{3}"}
"""Type of a field -> its validations in REDCap."""

NUMBER = r"-?\d+(\.\d+)?"
FIXED = {"integer": NUMBER, "number": NUMBER, "date": r"\d{4}-\d{2}-\d{2}"}
LIMIT: dict[str, Callable[[str], Any]] = {"integer": lambda text: int(float(text)), "number": float, "date": str}
"""Type of a field -> limits that are fixed values, and how they are read."""

Row = dict[str, str]
Raw = dict[str, Any]


def read_redcap_dictionary(source: str | Path | pd.DataFrame) -> Dictionary:
    """Read a REDCap data dictionary: each form is a table.

    Choices are categories; `integer`, `number` and `date_*` validations give types and limits, calculated fields are
    numbers, sliders integers from 0 to 100, and a checkbox field is a column `name___code` a choice, as REDCap exports
    it. Descriptive fields hold no data. A dictionary written by `redcap_dictionary` comes back as it was.

    Parameters
    ----------
    source : the CSV file that REDCap downloads, or a data frame of it; with REDCap's column names or those of its API

    Raises
    ------
    PlanError : the file is no REDCap data dictionary; the message names the row.
    """
    place = "REDCap dictionary" if isinstance(source, pd.DataFrame) else str(source)
    forms: dict[str, list[Row]] = {}
    for row in _rows(source, place):
        forms.setdefault(row["Form Name"], []).append(row)
    tables = {form: _table(form, rows) for form, rows in forms.items()}
    return Dictionary(
        {form: table_schema(raw, f"{place}: form {form}") for form, raw in tables.items() if raw["fields"]}
    )


def _rows(source: str | Path | pd.DataFrame, place: str) -> Iterator[Row]:
    frame = source if isinstance(source, pd.DataFrame) else _read_csv(Path(source))
    frame = frame.rename(columns={api: name for name, api in COLUMNS.items()})
    if absent := [name for name in NEEDED if name not in frame.columns]:
        raise PlanError(f"{place}: not a REDCap data dictionary: the column {absent[0]!r} is missing")
    frame = frame.reindex(columns=list(COLUMNS), fill_value="").astype("str").fillna("")
    for number, values in enumerate(frame.itertuples(index=False, name=None), start=1):
        row = dict(zip(COLUMNS, values, strict=True))
        if row["Field Type"] not in FIELDS:
            known = ", ".join(FIELDS)
            raise PlanError(f"{place}: row {number}: unknown field type {row['Field Type']!r}; known: {known}")
        yield row


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype="str", keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise PlanError(f"{path}: cannot be read as a REDCap data dictionary: {error}") from None


def _table(form: str, rows: list[Row]) -> Raw:
    kept: Raw = next((note["table"] for note in map(_annotation, rows) if "table" in note), {})
    return {**kept, "name": form, "fields": [field for row in rows for field in FIELDS[row["Field Type"]](row)]}


def _annotation(row: Row) -> Raw:
    """The properties that `redcap_dictionary` put into the annotation; other annotations are none of ours."""
    try:
        note = json.loads(row["Field Annotation"])
    except json.JSONDecodeError:
        return {}
    return note.get(ANNOTATION, {}) if isinstance(note, dict) else {}


def _field(row: Row, kind: str, **properties: Any) -> Raw:
    """A field of type `kind`, with what its annotation adds to the columns of REDCap."""
    note = {key: value for key, value in _annotation(row).items() if key not in ("table", "categories")}
    required = {"required": _is_yes(row["Required Field?"])}
    return {
        "name": row["Variable / Field Name"],
        "type": kind,
        **note,
        "title": row["Field Label"],
        "description": row["Field Note"],
        **properties,
        "constraints": required | properties.get("constraints", {}),
        "core_trial": note.get("core_trial", {}) | {"identifier": _is_yes(row["Identifier?"])},
    }


def _is_yes(text: str) -> bool:
    return text.strip().casefold() == "y"


def _text(row: Row) -> Iterator[Raw]:
    kind = next((k for k, pattern in VALIDATED.items() if re.fullmatch(pattern, row[VALIDATION])), "string")
    yield _field(row, kind, constraints=_limits(row, kind))


def _plain_text(row: Row) -> Iterator[Raw]:
    yield _field(row, "string")


def _calculated(row: Row) -> Iterator[Raw]:
    yield _field(row, "number")


def _slider(row: Row) -> Iterator[Raw]:
    yield _field(row, "integer", constraints={"minimum": 0, "maximum": 100} | _limits(row, "integer"))


def _choice(row: Row) -> Iterator[Raw]:
    choices = _choices(row)
    whole = all(re.fullmatch(r"-?\d+", code) for code in choices)
    kind = _annotation(row).get("type", "integer" if whole else "string")
    added = _annotation(row).get("categories", {})
    code_of: Callable[[str], int | str] = int if kind == "integer" else str
    categories = [{**added.get(code, {}), "value": code_of(code), "label": label} for code, label in choices.items()]
    yield _field(row, kind, categories=categories)


def _two(no: str, yes: str) -> Callable[[Row], Iterator[Raw]]:
    categories = [{"value": 1, "label": yes}, {"value": 0, "label": no}]
    return lambda row: iter([_field(row, "integer", categories=categories)])


def _checkbox(row: Row) -> Iterator[Raw]:
    for code, label in _choices(row).items():
        column = f"{row['Variable / Field Name']}___{code.lower().replace('-', '_')}"
        option = {**row, "Variable / Field Name": column, "Field Label": f"{row['Field Label']}: {label}"}
        yield from _two("Unchecked", "Checked")(option)


def _choices(row: Row) -> dict[str, str]:
    """`1, Label | 2, Label` by code; a choice without a comma is its own label."""
    pairs = [choice.partition(",") for choice in row[CHOICES].split("|") if choice.strip()]
    return {code.strip(): label.strip() or code.strip() for code, _, label in pairs}


def _limits(row: Row, kind: str) -> Raw:
    limits = {"minimum": row["Text Validation Min"], "maximum": row["Text Validation Max"]}
    given = {bound: text for bound, text in limits.items() if text and kind in LIMIT}
    return {bound: LIMIT[kind](text) for bound, text in given.items() if _is_fixed(text, kind, row)}


def _is_fixed(limit: str, kind: str, row: Row) -> bool:
    """Whether a limit is a number or date; one that is not ("today", another field) is warned of."""
    fixed = re.fullmatch(FIXED[kind], limit) is not None
    if not fixed:
        variable = row["Variable / Field Name"]
        warnings.warn(
            f"{variable}: the limit {limit!r} is no fixed value and is not checked", TrialWarning, stacklevel=2
        )
    return fixed


FIELDS: dict[str, Callable[[Row], Iterator[Raw]]] = {
    "text": _text,
    "notes": _plain_text,
    "file": _plain_text,
    "sql": _plain_text,
    "calc": _calculated,
    "slider": _slider,
    "radio": _choice,
    "dropdown": _choice,
    "yesno": _two("No", "Yes"),
    "truefalse": _two("False", "True"),
    "checkbox": _checkbox,
    "descriptive": lambda _: iter(()),
}
"""Field type of REDCap -> the fields of a table that it makes."""
