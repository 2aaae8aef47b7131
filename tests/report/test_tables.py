"""One table, shown to people with rounding and signs, kept for machines in full."""

import csv
import io
import json
import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_trial.report import Column, Table
from core_trial.report.cells import INTERVAL, show


def rows(table: Table) -> dict[str, tuple[str, ...]]:
    return {row.cells[0]: row.cells[1:] for group in table.grid() for row in group.rows}


def test_cells_are_shown_as_their_format_says(effects: Table) -> None:
    assert rows(effects) == {
        "CSQ-8": ("0.97 (−1.02 to 2.96)", "0.340", "21.6", "375", "120"),
        "Fidelity": ("0.00 (−3.20 to 3.10)", "<0.001", "∞", "1,234", "99"),
        "Admissions": ("1234.50 (0.31 to 2000.00)", ">0.999", "23.0", "–", "81"),
        "Burnout <0-54>": ("–", "–", "–", "6", "*"),
    }


def test_rows_stand_under_the_heading_of_their_group(effects: Table) -> None:
    assert [(group.heading, len(group.rows)) for group in effects.grid()] == [("Primary", 1), ("Secondary", 3)]


def test_signs_are_explained_only_where_they_occur(effects: Table) -> None:
    assert effects.legend()[0] == "t with the stated df."
    assert effects.legend()[1] == "– not estimated."
    assert effects.legend()[2].startswith("* withheld")
    plain = Table("plain", "Plain", pd.DataFrame({"a": [1]}), (Column("a", "A", "integer"),))
    assert plain.legend() == ()
    years = Table("years", "Years", pd.DataFrame({"a": ["2014–2016"]}), (Column("a", "A"),))
    assert years.legend() == ()


def test_a_format_may_differ_from_row_to_row() -> None:
    frame = pd.DataFrame(
        {
            "what": ["Age", "Gender", "Woman"],
            "a": [41.26, math.nan, 120],
            "b": [9.9, math.nan, 0.533],
            "format": ["{:.1f} ({:.1f})", "", "{:integer} ({:.0%})"],
            "depth": [0, 0, 1],
        }
    )
    column = Column("a", "All", parts=("a", "b"), format_from="format")
    table = Table("baseline", "Baseline", frame, (Column("what", ""), column), indents="depth")
    assert rows(table) == {"Age": ("41.3 (9.9)",), "Gender": ("",), "Woman": ("120 (53%)",)}
    assert [row.indent for group in table.grid() for row in group.rows] == [0, 0, 1]
    assert table.to_csv().splitlines()[0] == "what,a,b"


@pytest.mark.parametrize(
    ("values", "style", "text"),
    [
        ([True], "", "yes"),
        ([pd.Timestamp("2016-03-01")], "", "2016-03-01"),
        ([None], "", "–"),
        ([pd.NA], "integer", "–"),
        ([-0.001], ".2f", "0.00"),
        ([-math.inf], ".1f", "−∞"),
        ([0.1234], "percent", "12.3%"),
        (["high-fidelity"], "", "high-fidelity"),
        ([1.5, math.nan, 2.5], INTERVAL, "1.50 (– to 2.50)"),
        (["*", 0.4], "{:integer} ({:.0%})", "*"),
        ([8, "*"], "{:integer} ({:.0%})", "*"),
        ([0.0005], "p", "<0.001"),
        ([0.001], "p", "0.001"),
        ([0.0], "p", "<0.001"),
    ],
)
def test_one_cell(values: list[object], style: str, text: str) -> None:
    assert show(values, style) == text


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_files_hold_every_digit(numbers: list[float]) -> None:
    table = Table("x", "X", pd.DataFrame({"x": numbers}), (Column("x", "X", ".2f"),))
    read = [float(row["x"]) for row in csv.DictReader(io.StringIO(table.to_csv()))]
    assert read == numbers
    assert [row["x"] for row in json.loads(table.to_json())["rows"]] == numbers


def test_json_is_strict_and_tells_missing_from_infinite(effects: Table) -> None:
    content = json.loads(effects.to_json(), parse_constant=pytest.fail)
    assert content["rows"][3]["estimate"] is None
    assert content["rows"][1]["df"] == "Infinity"
    assert content["rows"][2]["n"] is None
    assert content["rows"][0]["n"] == 375
    assert content["labels"]["n"] == "People"


def test_dates_are_dates_in_files() -> None:
    frame = pd.DataFrame({"day": [pd.Timestamp("2016-03-01"), pd.NaT]})
    table = Table("days", "Days", frame, (Column("day", "Day"),))
    assert table.to_csv() == 'day\n2016-03-01\n""\n'
    assert [row["day"] for row in json.loads(table.to_json())["rows"]] == ["2016-03-01", None]


def test_files_of_a_table_are_its_csv_and_json(effects: Table) -> None:
    files = effects.files("tables")
    assert sorted(files) == ["tables/effects.csv", "tables/effects.json"]
    assert files["tables/effects.csv"].decode() == effects.to_csv()


def test_a_table_without_rows_is_a_table(effects: Table) -> None:
    empty = Table("none", "None", effects.frame.iloc[:0], effects.columns, groups="role")
    assert list(empty.grid()) == []
    assert empty.to_csv().count("\n") == 1
    assert json.loads(empty.to_json())["rows"] == []
