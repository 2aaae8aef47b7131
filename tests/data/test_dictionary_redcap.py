"""The dictionary as REDCap's 18 columns, out and in."""

import csv
import json
import re

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core_trial as ct
from core_trial.data.dictionary import (
    Dictionary,
    fidelity_items,
    read_redcap_dictionary,
    redcap_dictionary,
    redcap_names,
)
from core_trial.data.dictionary.model import table_schema
from core_trial.errors import PlanError, TrialWarning

HEADER = (
    '"Variable / Field Name","Form Name","Section Header","Field Type","Field Label",'
    '"Choices, Calculations, OR Slider Labels","Field Note","Text Validation Type OR Show Slider Number",'
    '"Text Validation Min","Text Validation Max",Identifier?,"Branching Logic (Show field only if...)",'
    '"Required Field?","Custom Alignment","Question Number (surveys only)","Matrix Group Name","Matrix Ranking?",'
    '"Field Annotation"'
)


@pytest.fixture(scope="module")
def rows():
    return redcap_dictionary(ct.read_dictionary()).set_index("Variable / Field Name", drop=False)


def read(**columns):
    """The table that a REDCap dictionary of one field makes, the column names being those of the API."""
    row = {"field_name": "x", "form_name": "visit", "field_type": "text", "field_label": "X", **columns}
    return read_redcap_dictionary(pd.DataFrame([row])).tables["visit"]


def test_the_columns_are_those_of_redcap(rows):
    assert list(rows.columns) == next(csv.reader([HEADER]))
    assert rows.shape[1] == 18


def test_variables_are_unique_and_spelt_as_redcap_wants(rows):
    names = rows["Variable / Field Name"]
    assert names.is_unique
    assert names.map(lambda name: re.fullmatch(r"[a-z][a-z0-9_]{0,25}", name) is not None).all()
    assert names.iloc[0] == "team"
    assert redcap_names(ct.read_dictionary())["patients", "person"] == "patients_person"


def test_fields_of_each_kind(rows):
    wanted = ["Field Type", "Choices, Calculations, OR Slider Labels", "Text Validation Type OR Show Slider Number"]
    shown = {name: tuple(rows.loc[name, wanted]) for name in ("setting", "readmission", "admitted_on", "staff_fte")}
    assert shown == {
        "setting": ("radio", "urban, Urban | rural, Rural", ""),
        "readmission": ("radio", "0, No | 1, Yes", ""),
        "admitted_on": ("text", "", "date_ymd"),
        "staff_fte": ("text", "", "number"),
    }
    assert rows.loc["item", "Field Type"] == "dropdown"
    limits = rows.loc["csq8_total", ["Text Validation Min", "Text Validation Max"]]
    assert tuple(limits) == ("8", "32")
    assert tuple(rows.loc["person", ["Identifier?", "Required Field?"]]) == ("y", "y")


def test_out_and_in_is_the_same_dictionary(tmp_path):
    shipped = ct.read_dictionary()
    redcap_dictionary(shipped).to_csv(tmp_path / "redcap.csv", index=False)
    back = read_redcap_dictionary(tmp_path / "redcap.csv")
    assert list(back.tables) == list(shipped.tables)
    for name, table in shipped.tables.items():
        assert back.tables[name].fields == table.fields
        assert back.tables[name].primary_key == table.primary_key
        assert back.tables[name].foreign_keys == table.foreign_keys
        assert back.tables[name].required == table.required
    assert fidelity_items(back).equals(fidelity_items(shipped))


LABELS = st.text(st.characters(exclude_characters="|", categories=["L", "N", "P"]), min_size=1, max_size=8)


@st.composite
def fields(draw):
    """A field as Table Schema, of any type, with codes that look like numbers too."""
    kind = draw(st.sampled_from(["string", "integer", "number", "date"]))
    constraints = {"required": draw(st.booleans())}
    field = {"type": kind, "title": draw(LABELS), "constraints": constraints}
    field["core_trial"] = {"identifier": draw(st.booleans())}
    if kind in ("string", "integer") and draw(st.booleans()):
        codes = draw(st.lists(st.integers(-9, 99), min_size=1, max_size=15, unique=True))
        labels = draw(st.lists(LABELS, min_size=len(codes), max_size=len(codes), unique=True))
        field["categories"] = [
            {"value": code if kind == "integer" else str(code), "label": label}
            for code, label in zip(codes, labels, strict=True)
        ]
    elif kind in ("integer", "number"):
        constraints |= dict(
            zip(("minimum", "maximum"), sorted(draw(st.tuples(*[st.integers(-99, 99)] * 2))), strict=True)
        )
    elif kind == "date":
        constraints["minimum"] = str(draw(st.dates()))
    return field


@settings(deadline=None, max_examples=50)
@given(st.lists(fields(), min_size=1, max_size=5))
def test_round_trip_of_any_dictionary(given_fields):
    raw = {"name": "visit", "fields": [{"name": f"x{i}", **field} for i, field in enumerate(given_fields)]}
    tables = {name: table_schema({**raw, "name": name}, name) for name in ("visit", "exit")}
    back = read_redcap_dictionary(redcap_dictionary(Dictionary(tables)))
    assert {name: table.fields for name, table in back.tables.items()} == {n: t.fields for n, t in tables.items()}


@pytest.mark.parametrize(
    ("kind", "validation", "low", "high", "expected"),
    [
        ("text", "integer", "018", "", ("integer", 18, None)),
        ("text", "number_2dp", "", "1.5", ("number", None, 1.5)),
        ("text", "date_dmy", "2014-01-01", "", ("date", "2014-01-01", None)),
        ("text", "email", "1", "", ("string", None, None)),
        ("notes", "", "", "", ("string", None, None)),
        ("calc", "", "", "", ("number", None, None)),
        ("slider", "", "", "", ("integer", 0, 100)),
        ("slider", "", "", 10.0, ("integer", 0, 10)),
    ],
)
def test_fields_of_other_dictionaries(kind, validation, low, high, expected):
    limits = {"text_validation_min": low, "text_validation_max": high}
    field = read(field_type=kind, text_validation_type_or_show_slider_number=validation, **limits).field("x")
    assert (field.type, field.minimum, field.maximum) == expected


@pytest.mark.parametrize(
    ("kind", "choices", "categories"),
    [
        ("radio", "1, Yes, always | 2,No|3", {1: "Yes, always", 2: "No", 3: "3"}),
        ("dropdown", "a, A | 2, B", {"a": "A", "2": "B"}),
        ("yesno", "", {1: "Yes", 0: "No"}),
        ("truefalse", "", {1: "True", 0: "False"}),
    ],
)
def test_choices_of_other_dictionaries(kind, choices, categories):
    assert read(field_type=kind, select_choices_or_calculations=choices).field("x").categories == categories


def test_checkboxes_are_a_column_a_choice():
    table = read(field_type="checkbox", select_choices_or_calculations="1, Red | -99, None", identifier="y")
    assert table.names == ("x___1", "x____99")
    assert table.field("x___1").label == "X: Red"
    assert all(f.categories == {1: "Checked", 0: "Unchecked"} and f.identifier for f in table.fields)


def test_descriptive_fields_hold_no_data():
    row = {"field_name": "hello", "form_name": "welcome", "field_type": "descriptive", "field_label": "Welcome"}
    assert read_redcap_dictionary(pd.DataFrame([row])).tables == {}


def test_annotations_of_others_are_left_alone():
    for annotation in ("@HIDDEN", '{"type": "date"}', "[1]"):
        assert read(field_annotation=annotation).field("x").type == "string"


@pytest.mark.parametrize(("kind", "limit"), [("date_ymd", "today"), ("date_ymd", "5"), ("integer", "[age]")])
def test_a_limit_that_is_not_fixed_is_warned_of(kind, limit):
    with pytest.warns(TrialWarning, match=f"x: the limit '{re.escape(limit)}' is no fixed value"):
        table = read(text_validation_type_or_show_slider_number=kind, text_validation_max=limit)
    assert table.field("x").maximum is None


def test_faults_name_the_row(tmp_path):
    with pytest.raises(PlanError, match="row 1: unknown field type 'radioo'; known: text, notes"):
        read(field_type="radioo")
    with pytest.raises(PlanError, match="'Form Name' is missing"):
        read_redcap_dictionary(pd.DataFrame({"field_name": ["x"]}))
    with pytest.raises(PlanError, match="form visit: field X: name"):
        read(field_name="X")
    with pytest.raises(PlanError, match=r"redcap.csv: cannot be read"):
        read_redcap_dictionary(tmp_path / "redcap.csv")


def test_codes_that_redcap_cannot_hold():
    raw = {"name": "visit", "fields": [{"name": "x", "type": "string", "categories": ["a,b"]}]}
    with pytest.raises(PlanError, match=r"visit.x: REDCap cannot hold the category 'a,b'"):
        redcap_dictionary(Dictionary({"visit": table_schema(raw, "visit")}))


def test_annotation_is_json_that_redcap_leaves_alone(rows):
    kept = json.loads(rows.loc["score", "Field Annotation"])["table_schema"]
    assert kept["core_trial"]["unit"] == "points"
    assert not rows["Field Annotation"].str.contains("@").any()
