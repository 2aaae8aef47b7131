"""What a failed check says: what is wrong, what is allowed, what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from .model import Field, TableSchema

MASK = "***"
LONGEST = 40
MOST_CODES = 12
DAY_OR_MONTH_FIRST = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{2,4})")


def shown(value: str, field: Field | None = None) -> str:
    """A value as it may be shown: masked in a column that identifies a person, cut if it is long."""
    if value and field is not None and field.identifier:
        return MASK
    return value if len(value) <= LONGEST else value[: LONGEST - 1] + "…"


def allowed_or_empty(field: Field) -> str:
    """The values that a column may hold, in words: "1 to 5 or empty"."""
    return allowed_values(field) + ("" if field.required else " or empty")


def cell_message(rule: str, value: str, field: Field) -> str:
    """Message for one value of one column."""
    value = shown(value, field)
    if rule == "required":
        state = f"holds a missing code ({value})" if value else "is empty"
        return f"{field.name} {state}; every row needs a value: {allowed_values(field)}"
    if rule == "date_format":
        return _date_message(value, field)
    reason = {
        "type": f"is not a {'whole number' if field.type == 'integer' else 'number'}{_comma(value)}",
        "minimum": f"is below {field.minimum}",
        "maximum": f"is above {field.maximum}",
        "categories": f"is not in the dictionary{_nearest(value, field)}",
    }[rule]
    return f"{field.name} {value} {reason}; allowed: {allowed_or_empty(field)}"


def _nearest(value: str, field: Field) -> str:
    near = get_close_matches(value.casefold().replace(" ", "_"), map(str, field.categories or ()), n=1, cutoff=0.8)
    return f" (did you mean {near[0]}?)" if near else ""


def unknown_column(name: str, schema: TableSchema) -> str:
    near = get_close_matches(name.casefold(), schema.names, n=1)
    hint = (
        f"did you mean {near[0]}? Rename it" if near else f"the columns of {schema.name} are {', '.join(schema.names)}"
    )
    return f"column {shown(name)} is not in the dictionary; {hint}, remove it, or add it to the dictionary"


def missing_column(name: str, schema: TableSchema) -> str:
    return f"column {name} is missing; every {schema.name} table needs it: {schema.field(name).label}"


def duplicate_column(name: str) -> str:
    return f"two columns are called {name}; keep one of them"


def repeated_key(names: Sequence[str], row: int) -> str:
    return f"the same {', '.join(names)} stands in row {row}; each may stand once: remove one of the two rows"


def allowed_values(field: Field) -> str:
    if field.categories is not None:
        return _codes(field.categories)
    if field.minimum is not None and field.maximum is not None:
        return f"{field.minimum} to {field.maximum}"
    if field.minimum is not None:
        return f"{field.minimum} or more"
    if field.maximum is not None:
        return f"{field.maximum} or less"
    return {"string": "text", "integer": "a whole number", "number": "a number", "date": "YYYY-MM-DD"}[field.type]


def _codes(categories: Mapping[int | str, str]) -> str:
    codes = list(categories)
    if len(codes) > MOST_CODES:
        return f"{codes[0]} to {codes[-1]} ({len(codes)} codes, see the dictionary)"
    return ", ".join(f"{code} ({label})" if isinstance(code, int) else code for code, label in categories.items())


def _comma(value: str) -> str:
    return " (decimals are written with a point)" if re.fullmatch(r"[+-]?\d+,\d+", value) else ""


def _date_message(value: str, field: Field) -> str:
    form = "dates are written YYYY-MM-DD (ISO 8601)"
    if match := DAY_OR_MONTH_FIRST.fullmatch(value):
        first, second = int(match[1]), int(match[2])
        order = "day first?" if first > 12 else "month first?" if second > 12 else "day or month first?"
        return f"{field.name} {value} is not in the ISO form ({order}); {form}, because their order is never guessed"
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return f"{field.name} {value} is no day of the calendar; {form}"
    if re.match(r"\d{4}-\d{2}-\d{2}[T ]", value):
        return f"{field.name} {value} has a time of day; {form}, without a time"
    return f"{field.name} {value} is not a date; {form}{'' if field.required else ' or left empty'}"
