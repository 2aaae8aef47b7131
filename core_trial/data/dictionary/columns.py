"""One column of records, text or typed, as values of the type that the dictionary gives.

Each distinct value is read once, however long the column is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .model import Field

DTYPES: dict[str, Any] = {"string": "str", "integer": "Int64", "number": "float64", "date": "datetime64[us]"}
"""Field type -> dtype of the column."""

NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
ISO_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ]00:00(?::00(?:\.0+)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
LARGEST_INTEGER = 2**53


@dataclass(frozen=True)
class Column:
    """What was read, in columns of equal length.

    `parsed` has the dtype of the field; `code` is the missing code that stood there, else missing;
    `rule` is the rule that the value breaks, else missing, and `text` the value as it stood there.
    """

    parsed: pd.Series
    code: pd.Series
    rule: pd.Series
    text: pd.Series


def parse_column(raw: pd.Series, field: Field) -> Column:
    """Read the values of a column."""
    positions, distinct = pd.factorize(raw)
    text = _as_text(pd.Series(distinct))
    code = _missing_code(text, field)
    values, wrong = _read(text.mask(code.notna()), field)
    rule = pd.Series(_rule(field), text.index, dtype="str").where(wrong)
    return Column(*(_spread(part, positions) for part in (values, code, rule, text)))


def empty_column(length: int, field: Field) -> pd.Series:
    """A column of missing values, for one that the records do not have."""
    return pd.Series([None] * length, dtype="object").astype(DTYPES[field.type])


def _spread(distinct: pd.Series, positions: np.ndarray) -> pd.Series:
    return distinct.reindex(positions).reset_index(drop=True)


def _as_text(values: pd.Series) -> pd.Series:
    """Values as they would stand in a CSV file; blank text is missing."""
    if _is_whole(values):
        values = values.astype("Int64")
    text = values.astype("object").astype("str") if values.dtype == "category" else values.astype("str")
    text = text.str.strip()
    return text.mask(text == "")


def _is_whole(values: pd.Series) -> bool:
    """Whether true and false are 1 and 0 here, and 3.0 is 3."""
    if pd.api.types.is_bool_dtype(values):
        return True
    return pd.api.types.is_float_dtype(values) and bool(((values % 1 == 0) & (values.abs() < LARGEST_INTEGER)).all())


def _missing_code(text: pd.Series, field: Field) -> pd.Series:
    """The missing code of each value: given as the code, an equal number (-99.0 is -99), or, where text is not free, as
    its meaning."""
    code = text.where(text.isin(list(field.missing)))
    if field.type in ("integer", "number"):
        numbers = {float(c): c for c in field.missing if re.fullmatch(NUMBER, c)}
        code = code.fillna(_to_number(text).map(numbers).astype("str"))
    if field.type != "string" or field.categories is not None:
        meanings = {meaning.casefold(): c for c, meaning in field.missing.items() if c}
        code = code.fillna(text.str.casefold().map(meanings).astype("str"))
    return code


def _read(text: pd.Series, field: Field) -> tuple[pd.Series, pd.Series]:
    """Values of the type of the field, and whether each could not be read."""
    if field.categories is not None:
        text = _label_to_code(text, field)
    values = READERS[field.type](text)
    return values.astype(DTYPES[field.type]), text.notna() & values.isna()


def _label_to_code(text: pd.Series, field: Field) -> pd.Series:
    categories = field.categories or {}
    codes = {label.casefold(): str(code) for code, label in categories.items()}
    codes |= {str(code).casefold(): str(code) for code in categories}
    return text.str.casefold().map(codes).astype("str").fillna(text)


def _to_number(text: pd.Series) -> pd.Series:
    return text.where(text.str.fullmatch(NUMBER).fillna(False)).astype("float64")


def _finite(text: pd.Series) -> pd.Series:
    number = _to_number(text)
    return number.where(np.isfinite(number))


def _to_integer(text: pd.Series) -> pd.Series:
    number = _to_number(text)
    return number.where((number % 1 == 0) & (number.abs() < LARGEST_INTEGER))


def _to_date(text: pd.Series) -> pd.Series:
    day = text.where(text.str.fullmatch(ISO_DATE).fillna(False)).str.slice(0, 10)
    return pd.to_datetime(day, format="%Y-%m-%d", errors="coerce")


READERS = {"string": lambda text: text, "integer": _to_integer, "number": _finite, "date": _to_date}


def _rule(field: Field) -> str:
    if field.categories is not None:
        return "categories"
    return "date_format" if field.type == "date" else "type"
