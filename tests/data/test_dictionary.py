"""The dictionary itself: what ships, and what a folder of the user may and may not change."""

import json
from pathlib import Path

import frictionless
import pytest

import core_trial as ct
from core_trial.data.dictionary import TABLES, fidelity_items, write_dictionary
from core_trial.errors import PlanError

FOLDER = Path(__file__).parents[2] / "data_dictionary"

COLUMNS = {
    "teams": "team trust setting population caseload staff_fte",
    "allocation": "team stratum arm randomised_on",
    "fidelity_items": "team timepoint reviewed_on item score",
    "admissions": "person team admitted_on discharged_on legal_status readmission",
    "exposure": "team period start_on end_on population",
    "patients": "person team wave csq8_1 csq8_2 csq8_3 csq8_4 csq8_5 csq8_6 csq8_7 csq8_8 csq8_total "
    "age gender continuity",
    "staff": "person team wave burnout_exhaustion burnout_depersonalisation burnout_accomplishment "
    "work_engagement ghq12 flexibility",
    "engagement": "team component delivered month sessions rating rater",
}


@pytest.fixture
def own(tmp_path):
    """Function that writes one changed table of the dictionary and returns its folder."""

    def change(table, edit):
        raw = json.loads((FOLDER / f"{table}.json").read_text(encoding="utf-8"))
        edit({field["name"]: field for field in raw["fields"]}, raw)
        (tmp_path / f"{table}.json").write_text(json.dumps(raw), encoding="utf-8")
        return tmp_path

    return change


def test_tables_and_columns_have_the_fixed_names():
    tables = ct.read_dictionary().tables
    assert {name: " ".join(table.names) for name, table in tables.items()} == COLUMNS
    assert tuple(tables) == TABLES


def test_only_teams_and_allocation_are_required():
    assert [t.name for t in ct.read_dictionary().tables.values() if t.required] == ["teams", "allocation"]


@pytest.mark.parametrize("table", COLUMNS)
def test_file_is_valid_table_schema(table):
    descriptor = json.loads((FOLDER / f"{table}.json").read_text(encoding="utf-8"))
    assert descriptor["$schema"] == "https://datapackage.org/profiles/2.0/tableschema.json"
    assert list(frictionless.Schema.metadata_validate(descriptor)) == []
    assert frictionless.Schema.from_descriptor(descriptor).field_names == COLUMNS[table].split()


def test_every_column_is_described():
    fields = [(t.name, f) for t in ct.read_dictionary().tables.values() for f in t.fields]
    assert [(t, f.name) for t, f in fields if not (f.description and f.label != f.name)] == []
    measured = [f for t, f in fields if t in ("patients", "staff") and f.minimum is not None and f.name != "age"]
    assert len(measured) == 16
    assert all(f.direction and f.unit == "points" and f.source["instrument"] for f in measured)


def test_identifiers_are_the_codes_of_people():
    tables = ct.read_dictionary().tables.values()
    assert {f.name for t in tables for f in t.fields if f.identifier} == {"person", "rater"}


def test_keys_refer_to_columns_that_exist():
    tables = ct.read_dictionary().tables
    for table in tables.values():
        assert all(table.field(name).required for name in table.primary_key)
        for key in table.foreign_keys:
            assert set(key.reference.fields) <= set(tables[key.reference.resource].names)


def test_ranges_of_the_instruments():
    tables = ct.read_dictionary().tables
    ranges = {f.name: (f.minimum, f.maximum) for t in ("patients", "staff") for f in tables[t].fields}
    assert ranges["csq8_1"] == (1, 4)
    assert ranges["csq8_total"] == (8, 32)
    assert ranges["ghq12"] == (0, 36)
    assert tables["staff"].field("ghq12").source["confirmed"] is False


def test_fidelity_items_and_subscales():
    items = fidelity_items(ct.read_dictionary())
    assert items["item"].tolist() == list(range(1, 40))
    assert items["name"].is_unique
    assert items["subscale"].value_counts(sort=False).to_dict() == {
        "referrals": 10,
        "content": 16,
        "staffing": 11,
        "location": 2,
    }
    assert items.loc[items["confirmed"], "item"].tolist() == list(range(1, 27))


def test_digest_is_of_the_content_not_of_the_layout(own, tmp_path):
    shipped = ct.read_dictionary()
    write_dictionary(shipped, tmp_path / "same")
    assert ct.read_dictionary(tmp_path / "same").sha256 == shipped.sha256
    changed = own("staff", lambda fields, _: fields["ghq12"]["constraints"].update(maximum=12))
    assert ct.read_dictionary(changed).sha256 != shipped.sha256


def test_own_folder_adds_columns_categories_and_tables(own, tmp_path):
    def extend(fields, raw):
        fields["gender"]["categories"].append({"value": "nonbinary", "label": "Non-binary"})
        raw["fields"].append({"name": "borough", "type": "string"})

    own("patients", extend)
    costs = {"fields": [{"name": "team", "type": "string"}, {"name": "cost", "type": "number"}]}
    (tmp_path / "costs.json").write_text(json.dumps(costs), encoding="utf-8")
    tables = ct.read_dictionary(tmp_path).tables
    assert list(tables["patients"].field("gender").categories) == ["female", "male", "other", "nonbinary"]
    assert tables["patients"].names[-1] == "borough"
    assert tuple(tables) == (*TABLES, "costs")
    assert tables["teams"] == ct.read_dictionary().tables["teams"]


def test_short_forms_of_the_standard_are_read(tmp_path):
    raw = {
        "fields": [
            {"name": "site", "type": "string", "categories": ["a", "b"]},
            {"name": "grade", "type": "integer", "missingValues": ["", "-1"]},
        ],
        "primaryKey": "site",
    }
    (tmp_path / "sites.json").write_text(json.dumps(raw), encoding="utf-8")
    sites = ct.read_dictionary(tmp_path).tables["sites"]
    assert sites.primary_key == ("site",)
    assert sites.field("site").categories == {"a": "a", "b": "b"}
    assert sites.field("site").required
    assert list(sites.field("grade").missing) == ["", "-1"]


def _drop(name):
    return lambda _, raw: raw["fields"].remove(next(f for f in raw["fields"] if f["name"] == name))


@pytest.mark.parametrize(
    ("table", "edit", "message"),
    [
        ("patients", _drop("age"), r"patients.json: field age is missing"),
        ("patients", lambda f, _: f["age"].update(type="number"), r"field age: the type must stay integer"),
        ("allocation", lambda f, _: f["arm"]["categories"].pop(), r"field arm: the category 'control' must stay"),
        ("allocation", lambda f, _: f["arm"].pop("constraints"), r"field arm: must stay required"),
        ("staff", lambda _, raw: raw.update(primaryKey=["person"]), r"the primary key must stay"),
        ("teams", lambda _, raw: raw.update(core_trial={"required": False}), r"the table must stay required"),
        ("teams", lambda _, raw: raw.update(name="clusters"), r"called after it: clusters.json"),
        ("teams", lambda f, _: f["setting"].update(type="boolean"), r"field setting: type: .*'string', 'integer'"),
        ("teams", lambda f, _: f["caseload"]["constraints"].update(pattern="x"), r"field caseload: .*not supported"),
        ("teams", lambda f, _: f["caseload"]["constraints"].update(maximum=-5), r"the minimum is above the maximum"),
        ("teams", lambda f, _: f["caseload"]["constraints"].update(minimum="0"), r"numbers without quotation marks"),
        ("teams", lambda f, _: f["trust"].update(constraints={"minimum": 1}), r"for integer, number and date"),
        ("staff", lambda f, _: f["ghq12"]["missingValues"].append({"value": "9"}), r"ghq12: .*'9' is also an allowed"),
        ("teams", lambda f, _: f["setting"]["missingValues"].append({"value": "urban"}), r"'urban' is also an allowed"),
        ("teams", lambda f, _: f["staff_fte"].update(categories=[1]), r"categories are for string and integer"),
        ("teams", lambda f, _: f["setting"].update(categories=[1, 2]), r"category 1 is not of the type string"),
        ("teams", lambda f, _: f["setting"].update(categories=["a", "a"]), r"the category 'a' stands twice"),
        ("teams", lambda _, raw: raw["fields"].append(raw["fields"][0]), r"the field name 'team' stands twice"),
        ("teams", lambda _, raw: raw.update(primaryKey=["site"]), r"names 'site', which is not a field"),
        ("teams", lambda f, _: f["team"].pop("name"), r"field 1: name: is missing"),
        ("teams", lambda f, _: f["team"].update(name="Team no"), r"field Team no: name"),
        ("allocation", lambda f, _: f["randomised_on"].update(format="%d/%m/%Y"), r"randomised_on: format"),
    ],
)
def test_a_broken_dictionary_names_file_and_place(own, table, edit, message):
    folder = own(table, edit)
    with pytest.raises(PlanError, match=message) as caught:
        ct.read_dictionary(folder)
    assert f"{table}.json" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"fields": [\n  {"name": }]}', r"teams.json: not JSON at line 2, column 12"),
        (b"[]", r"teams.json: must be a JSON object"),
        (b'{"name": "teams"}', r"teams.json: fields: is missing"),
        (b'{"fields": []}', r"teams.json: fields: "),
        (b"\xff\xfe{\x00", r"teams.json: cannot be read"),
    ],
)
def test_a_file_that_is_no_table_schema(tmp_path, content, message):
    (tmp_path / "teams.json").write_bytes(content)
    with pytest.raises(PlanError, match=message):
        ct.read_dictionary(tmp_path)


def test_a_folder_without_a_dictionary(tmp_path):
    with pytest.raises(PlanError, match=r"no .*json file here"):
        ct.read_dictionary(tmp_path)


def test_items_of_the_scale_need_a_subscale(own):
    folder = own("fidelity_items", lambda fields, _: fields["item"]["categories"][0].pop("subscale"))
    with pytest.raises(PlanError, match=r"each category needs a subscale, one of referrals, content"):
        fidelity_items(ct.read_dictionary(folder))
