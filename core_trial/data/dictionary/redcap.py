"""The dictionary as a REDCap data dictionary, a CSV file of 18 columns.

A table is a form. REDCap wants names that are unique in the project, so a column whose name an earlier form has is
called `<table>_<column>`. What the 18 columns do not hold (name, unit, missing codes, keys) stands as JSON in the field
annotation, where REDCap leaves it alone; a dictionary that was not made here simply has none of it.
REDCap accepts missing codes in validated fields only when they are set up as missing data codes of the project.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from ...errors import PlanError
from .model import Dictionary, Field, TableSchema

COLUMNS = {
    "Variable / Field Name": "field_name",
    "Form Name": "form_name",
    "Section Header": "section_header",
    "Field Type": "field_type",
    "Field Label": "field_label",
    "Choices, Calculations, OR Slider Labels": "select_choices_or_calculations",
    "Field Note": "field_note",
    "Text Validation Type OR Show Slider Number": "text_validation_type_or_show_slider_number",
    "Text Validation Min": "text_validation_min",
    "Text Validation Max": "text_validation_max",
    "Identifier?": "identifier",
    "Branching Logic (Show field only if...)": "branching_logic",
    "Required Field?": "required_field",
    "Custom Alignment": "custom_alignment",
    "Question Number (surveys only)": "question_number",
    "Matrix Group Name": "matrix_group_name",
    "Matrix Ranking?": "matrix_ranking",
    "Field Annotation": "field_annotation",
}
"""The 18 columns as REDCap spells them, in its order, with the names that its API uses."""

HELD = {"title", "description", "constraints", "categories"}
"""Properties of a field that the 18 columns hold; the rest goes to the annotation."""

ANNOTATION = "table_schema"
VALIDATION = {"integer": "integer", "number": "number", "date": "date_ymd", "string": ""}
MOST_RADIO_BUTTONS = 12


def redcap_dictionary(dictionary: Dictionary) -> pd.DataFrame:
    """The 18 columns of REDCap, all text, a row a field; `to_csv(index=False)` gives the file that REDCap takes.

    Examples
    --------
    >>> import core_trial as ct
    >>> from core_trial.data.dictionary import redcap_dictionary
    >>> rows = redcap_dictionary(ct.read_dictionary())
    >>> rows.loc[rows["Variable / Field Name"] == "arm", "Choices, Calculations, OR Slider Labels"].item()
    'intervention, Intervention | control, Control'
    """
    names = redcap_names(dictionary)
    rows = [_row(table, field, names) for table in dictionary.tables.values() for field in table.fields]
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype="str").fillna("")


def redcap_names(dictionary: Dictionary) -> dict[tuple[str, str], str]:
    """The REDCap variable of each (table, column): unique in the project, as REDCap needs it."""
    names: dict[tuple[str, str], str] = {}
    for table in dictionary.tables.values():
        for column in table.names:
            name = column
            while name in names.values():
                name = f"{table.name}_{name}"
            names[table.name, column] = name
    return names


def _row(table: TableSchema, field: Field, names: Mapping[tuple[str, str], str]) -> dict[str, str]:
    is_first = field is table.fields[0]
    return {
        "Variable / Field Name": names[table.name, field.name],
        "Form Name": table.name,
        "Section Header": f"{table.title}. {table.description}" if is_first else "",
        "Field Type": _control(field),
        "Field Label": field.label,
        "Choices, Calculations, OR Slider Labels": _choices(table.name, field),
        "Field Note": field.description,
        "Text Validation Type OR Show Slider Number": "" if field.categories else VALIDATION[field.type],
        "Text Validation Min": _limit(field.minimum),
        "Text Validation Max": _limit(field.maximum),
        "Identifier?": "y" if field.identifier else "",
        "Required Field?": "y" if field.required else "",
        "Field Annotation": _annotation(table, field, is_first),
    }


def _control(field: Field) -> str:
    if field.categories is None:
        return "text"
    return "radio" if len(field.categories) <= MOST_RADIO_BUTTONS else "dropdown"


def _choices(table: str, field: Field) -> str:
    for code, label in (field.categories or {}).items():
        if re.search(r"[,|\s]", str(code)) or "|" in label:
            raise PlanError(
                f"{table}.{field.name}: REDCap cannot hold the category {code!r} {label!r}: no | or , in it"
            )
    return " | ".join(f"{code}, {label}" for code, label in (field.categories or {}).items())


def _limit(limit: float | str | None) -> str:
    return "" if limit is None else str(limit)


def _annotation(table: TableSchema, field: Field, is_first: bool) -> str:
    """What the other columns do not hold, as JSON: of the field and, in the first field of a form, of the table."""
    kept = {key: value for key, value in table.raw_field(field.name).items() if key not in HELD}
    if added := _category_properties(table.raw_categories(field.name)):
        kept["categories"] = added
    if is_first:
        kept["table"] = {key: value for key, value in table.raw.items() if key != "fields"}
    return json.dumps({ANNOTATION: kept}, ensure_ascii=False)


def _category_properties(categories: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What the dictionary says of a category beside value and label, by value."""
    added = {str(c["value"]): {k: v for k, v in c.items() if k not in ("value", "label")} for c in categories}
    return {value: properties for value, properties in added.items() if properties}
