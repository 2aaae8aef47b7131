"""Records read by the dictionary: what is accepted, what fails, and what the failures say."""

import datetime as dt

import frictionless
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core_trial as ct
from core_trial.data.dictionary import pandera_schema, parse_table
from core_trial.errors import FAILURE_COLUMNS

TABLES = ct.read_dictionary().tables
REVIEWS, ADMISSIONS, PATIENTS, STAFF = (TABLES[t] for t in ("fidelity_items", "admissions", "patients", "staff"))


def review(**columns):
    """Reviews that break no rule but for the columns given; item numbers keep the rows apart."""
    n = len(next(iter(columns.values())))
    whole = {"team": ["T01"] * n, "timepoint": ["0"] * n, "item": [str(i + 1) for i in range(n)], **columns}
    return parse_table(pd.DataFrame(whole), REVIEWS)


def faults(parsed):
    places = parsed.failures[["row", "column", "rule"]].astype("object")
    return list(places.where(places.notna(), None).itertuples(index=False, name=None))


def message(parsed):
    return parsed.failures["message"].item()


def test_text_becomes_the_types_of_the_dictionary():
    parsed = review(score=["5", " 3.0 ", ""], reviewed_on=["2014-10-01", "2014-10-01T00:00:00", None])
    assert parsed.failures.empty
    assert tuple(parsed.frame.columns) == REVIEWS.names
    dtypes = {"team": "str", "timepoint": "Int64", "reviewed_on": "datetime64[us]", "item": "Int64", "score": "Int64"}
    assert parsed.frame.dtypes.astype("str").to_dict() == dtypes
    assert parsed.frame["score"].tolist() == [5, 3, pd.NA]
    assert parsed.frame["reviewed_on"].tolist()[:2] == [pd.Timestamp("2014-10-01")] * 2


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([5.0, np.nan, -99.0]),
        pd.Series([5, None, -99], dtype="Int64"),
        pd.Series([5, None, -99], dtype="object"),
        pd.Series([5, None, -99], dtype="int64[pyarrow]"),
        pd.Series(["5", None, "Evidence not available"], dtype="category"),
        pd.Series(["5", "", "-99.0"], dtype="str"),
    ],
)
def test_typed_columns_and_missing_codes_are_read_alike(column):
    parsed = review(score=column)
    assert parsed.frame["score"].tolist() == [5, pd.NA, pd.NA]
    assert parsed.missing_codes.to_dict("list") == {
        "row": [3],
        "column": ["score"],
        "code": ["-99"],
        "meaning": ["Evidence not available"],
    }


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["2014-10-01"]),
        pd.Series(pd.to_datetime(["2014-10-01"])),
        pd.Series(pd.to_datetime(["2014-10-01"]).tz_localize("Europe/London")),
        pd.Series([dt.date(2014, 10, 1)], dtype="object"),
        pd.Series([dt.date(2014, 10, 1)], dtype="date32[pyarrow]"),
        pd.Series(["2014-10-01 00:00:00.000"]),
        pd.Series(["2014-10-01T00:00Z"]),
    ],
)
def test_dates_of_every_kind(column):
    parsed = review(reviewed_on=column)
    assert parsed.failures.empty
    assert parsed.frame["reviewed_on"].item() == pd.Timestamp("2014-10-01")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("31/12/2015", ["31/12/2015", "day first?", "YYYY-MM-DD", "never guessed"]),
        ("12/31/2015", ["month first?"]),
        ("3.4.2015", ["day or month first?"]),
        ("2015-02-30", ["no day of the calendar"]),
        ("2015-02-28 13:45", ["time of day"]),
        ("42005", ["not a date", "left empty"]),
        ("20150228", ["not a date"]),
        ("2015-02", ["not a date"]),
    ],
)
def test_other_dates_are_not_guessed(value, words):
    parsed = review(reviewed_on=[value])
    assert faults(parsed) == [(1, "reviewed_on", "date_format")]
    assert [word for word in words if word not in message(parsed)] == []
    assert parsed.frame["reviewed_on"].isna().all()


def test_a_typed_time_of_day_fails():
    parsed = review(reviewed_on=pd.to_datetime(["2014-10-01 09:30", "2014-10-02 00:00"]))
    assert faults(parsed) == [(1, "reviewed_on", "date_format")]


def test_scores_out_of_range_say_what_is_allowed():
    parsed = review(score=["0", "6", "3.5", "1", "five"])
    assert faults(parsed) == [
        (1, "score", "minimum"),
        (2, "score", "maximum"),
        (3, "score", "type"),
        (5, "score", "type"),
    ]
    assert parsed.failures["message"].tolist() == [
        "score 0 is below 1; allowed: 1 to 5 or empty",
        "score 6 is above 5; allowed: 1 to 5 or empty",
        "score 3.5 is not a whole number; allowed: 1 to 5 or empty",
        "score five is not a whole number; allowed: 1 to 5 or empty",
    ]
    assert tuple(parsed.failures.columns) == FAILURE_COLUMNS
    assert set(parsed.failures["severity"]) == {"error"}


@pytest.mark.parametrize("value", ["1e400", "nan", "inf", "0x1F", "1_000", "٣", "9007199254740993", "--1", "1,000"])
def test_text_that_is_no_whole_number(value):
    teams = pd.DataFrame({"team": ["T01"], "trust": ["A"], "population": [value]})
    assert faults(parse_table(teams, TABLES["teams"])) == [(1, "population", "type")]


def test_a_decimal_comma_is_explained():
    staff = pd.DataFrame({"person": ["s1"], "team": ["T01"], "wave": ["baseline"], "work_engagement": ["3,5"]})
    parsed = parse_table(staff, STAFF)
    assert message(parsed).startswith("work_engagement 3,5 is not a number (decimals are written with a point)")


def test_codes_and_labels_of_categories_in_any_case():
    frame = {
        "person": list("abcd"),
        "team": ["T01"] * 4,
        "admitted_on": ["2015-01-01"] * 4,
        "legal_status": ["Detained", " informal ", "DETAINED", "sectioned"],
        "readmission": ["yes", "No", "1.0", "2"],
    }
    parsed = parse_table(pd.DataFrame(frame), ADMISSIONS)
    assert parsed.frame["legal_status"].tolist()[:3] == ["detained", "informal", "detained"]
    assert parsed.frame["readmission"].tolist()[:3] == [1, 0, 1]
    assert faults(parsed) == [(4, "legal_status", "categories"), (4, "readmission", "categories")]
    assert parsed.failures["message"].tolist() == [
        "legal_status sectioned is not in the dictionary; allowed: informal, detained or empty",
        "readmission 2 is not in the dictionary; allowed: 0 (No), 1 (Yes) or empty",
    ]


def test_true_and_false_are_codes():
    frame = {"person": ["a", "b"], "team": ["T01"] * 2, "admitted_on": ["2015-01-01"] * 2, "readmission": [True, False]}
    assert parse_table(pd.DataFrame(frame), ADMISSIONS).frame["readmission"].tolist() == [1, 0]


def test_numeric_team_codes_keep_no_decimals():
    assert review(team=[1.0, 2.0]).frame["team"].tolist() == ["1", "2"]


def test_required_cells_that_are_empty_blank_or_coded():
    parsed = review(team=["", "  ", "NA", None])
    assert faults(parsed) == [(row, "team", "required") for row in (1, 2, 3, 4)]
    assert parsed.failures["message"][0] == "team is empty; every row needs a value: text"
    assert parsed.failures["message"][2] == "team holds a missing code (NA); every row needs a value: text"


def test_a_value_that_cannot_be_read_is_one_failure():
    assert faults(review(timepoint=["soon", "0"])) == [(1, "timepoint", "categories")]


def test_columns_that_are_unknown_missing_or_doubled():
    frame = pd.DataFrame([["T01", "T01", "0", "3", "x"]], columns=["team", " team", "timepoint", "Score", "zebra"])
    parsed = parse_table(frame, REVIEWS)
    assert faults(parsed) == [
        (None, "Score", "unknown_column"),
        (None, "zebra", "unknown_column"),
        (None, "team", "duplicate_column"),
        (None, "item", "missing_column"),
    ]
    assert "did you mean score?" in parsed.failures["message"][0]
    assert "the columns of fidelity_items are team, timepoint" in parsed.failures["message"][1]
    assert parsed.frame["score"].isna().all()


def test_header_without_rows_is_a_legitimate_table():
    parsed = parse_table(pd.DataFrame(columns=["team", "timepoint", "item"]), REVIEWS)
    assert parsed.failures.empty
    assert parsed.frame.shape == (0, 5)
    assert parsed.frame["reviewed_on"].dtype == "datetime64[us]"


def test_no_columns_at_all_is_an_error():
    assert faults(parse_table(pd.DataFrame(), REVIEWS)) == [(None, None, "no_columns")]


def test_repeated_keys_name_the_first_row():
    parsed = review(item=["1", "2", "1", "1"])
    assert faults(parsed) == [(row, "team, timepoint, item", "unique_key") for row in (3, 4)]
    assert parsed.failures["value"].tolist() == ["T01, 0, 1"] * 2
    assert "stands in row 1;" in parsed.failures["message"][0]


def test_keys_that_could_not_be_read_are_not_repeated():
    assert faults(review(item=["x", "x"])) == [(1, "item", "categories"), (2, "item", "categories")]


def test_rows_count_from_the_first_row_given():
    raw = pd.DataFrame({"team": ["T01"] * 2, "timepoint": ["0"] * 2, "item": ["1", "1"], "score": ["-99", "9"]})
    parsed = parse_table(raw, REVIEWS, first_row=1001)
    assert parsed.failures["row"].tolist() == [1002, 1002]
    assert "stands in row 1001;" in parsed.failures["message"][0]
    assert parsed.missing_codes["row"].tolist() == [1001]


def test_the_index_of_the_records_does_not_matter():
    raw = pd.DataFrame({"team": ["T01"] * 2, "timepoint": ["0"] * 2, "item": ["1", "40"]}, index=["x", "x"])
    assert faults(parse_table(raw, REVIEWS)) == [(2, "item", "categories")]


def test_values_of_identifiers_are_never_shown():
    frame = {"person": ["Ada Byron", "Ada Byron", ""], "team": ["T01"] * 3, "wave": ["baseline"] * 3}
    parsed = parse_table(pd.DataFrame(frame), PATIENTS)
    assert [rule for _, _, rule in faults(parsed)] == ["unique_key", "required"]
    assert parsed.failures["value"].tolist() == ["***, baseline", ""]
    assert "Ada" not in parsed.failures.to_csv()


def test_long_text_is_cut():
    parsed = review(score=["9" * 100_000, "x" * 100_000])
    assert parsed.failures["value"].str.len().max() == 40
    assert parsed.failures["message"].str.len().max() < 200


def test_limits_of_dates(tmp_path):
    field = {"name": "day", "type": "date", "constraints": {"minimum": "2014-01-01", "maximum": "2016-12-31"}}
    (tmp_path / "visits.json").write_text(f'{{"fields": [{str(field).replace(chr(39), chr(34))}]}}', encoding="utf-8")
    visits = ct.read_dictionary(tmp_path).tables["visits"]
    parsed = parse_table(pd.DataFrame({"day": ["2013-12-31", "2014-01-01", "2017-01-01"]}), visits)
    assert faults(parsed) == [(1, "day", "minimum"), (3, "day", "maximum")]
    assert (
        parsed.failures["message"][0]
        == "day 2013-12-31 is below 2014-01-01; allowed: 2014-01-01 to 2016-12-31 or empty"
    )


@pytest.mark.parametrize("table", TABLES)
def test_pandera_schema_accepts_what_was_parsed(table):
    frame = parse_table(pd.DataFrame(columns=list(TABLES[table].names)), TABLES[table]).frame
    assert pandera_schema(TABLES[table]).validate(frame, lazy=True).equals(frame)


def _cells(field):
    """Values that the dictionary allows in a column, as they stand in a CSV file."""
    if field.categories:
        allowed = st.sampled_from(list(map(str, field.categories)))
    elif field.type == "date":
        allowed = st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)).map(str)
    elif field.type == "string":
        allowed = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1).filter(
            lambda text: text not in field.missing
        )
    else:
        allowed = st.integers(int(field.minimum or 0), int(field.maximum or 10**6)).map(str)
    return allowed if field.required else st.one_of(allowed, st.sampled_from(list(field.missing)))


@st.composite
def tables(draw):
    """A table of the dictionary with valid records."""
    schema = draw(st.sampled_from(list(TABLES.values())))
    rows = st.lists(st.tuples(*(_cells(field) for field in schema.fields)), max_size=8)
    raw = pd.DataFrame(draw(rows), columns=list(schema.names), dtype="str")
    return schema, raw.drop_duplicates(list(schema.primary_key)) if schema.primary_key else raw


@settings(deadline=None, max_examples=40)
@given(tables())
def test_valid_records_pass_and_come_back_the_same(given_table):
    schema, raw = given_table
    parsed = parse_table(raw, schema)
    assert parsed.failures.empty
    again = parse_table(parsed.frame, schema)
    assert again.failures.empty
    pd.testing.assert_frame_equal(again.frame, parsed.frame)
    coded = {(row, column) for row, column in parsed.missing_codes[["row", "column"]].itertuples(index=False)}
    empty = {(i + 1, c) for c in schema.names for i, value in enumerate(raw[c]) if value == ""}
    absent = {(i + 1, c) for c in schema.names for i in np.flatnonzero(parsed.frame[c].isna())}
    assert absent == coded | empty


@settings(deadline=None, max_examples=40)
@given(tables(), st.data())
def test_one_spoilt_cell_is_one_failure_in_its_place(given_table, data):
    schema, raw = given_table
    places = [
        f.name for f in schema.fields if (f.type != "string" or f.categories) and f.name not in schema.primary_key
    ]
    if raw.empty or not places:
        return
    row, column = data.draw(st.integers(0, len(raw) - 1)), data.draw(st.sampled_from(places))
    raw.iloc[row, raw.columns.get_loc(column)] = "?"
    found = faults(parse_table(raw, schema))
    assert [(r, c) for r, c, _ in found] == [(row + 1, column)]


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(*[st.sampled_from(["", "0", "1", "6", "-1", "-99", "3.5", "x"])] * 3), min_size=1, max_size=20)
)
def test_frictionless_finds_the_same_cells(rows):
    raw = pd.DataFrame(rows, columns=["staff_fte", "caseload", "population"], dtype="str")
    raw.insert(0, "team", [f"T{i}" for i in range(len(raw))])
    raw.insert(1, "trust", "A")
    raw.insert(2, "setting", "urban")
    raw = raw[list(TABLES["teams"].names)]
    ours = {(row, column) for row, column, _ in faults(parse_table(raw, TABLES["teams"]))}
    resource = {
        "$schema": "https://datapackage.org/profiles/2.0/dataresource.json",
        "name": "teams",
        "data": [list(raw.columns), *raw.to_numpy().tolist()],
        "schema": TABLES["teams"].raw,
    }
    report = frictionless.Resource.from_descriptor(resource).validate().flatten(["rowNumber", "fieldName"])
    assert ours == {(row - 1, column) for row, column in report}
