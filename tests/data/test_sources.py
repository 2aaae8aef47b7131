"""The same trial in every format; what a format adds (labels, missing codes, encodings) survives."""

from __future__ import annotations

import hashlib
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.feather
import pyreadstat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import core_trial as ct
from core_trial.data.sources.delimited import detect_delimiter, detect_encoding, read_delimited
from core_trial.data.sources.formats import FORMATS
from core_trial.errors import DataError

Tables = dict[str, pd.DataFrame]
Write = Callable[[pd.DataFrame, Path], object]


def _write_feather(table: pd.DataFrame, path: Path) -> None:
    pyarrow.feather.write_feather(table, str(path))


WRITERS: dict[str, Write] = {
    ".csv": lambda table, path: table.to_csv(path, index=False),
    ".tsv": lambda table, path: table.to_csv(path, index=False, sep="\t"),
    ".txt": lambda table, path: table.to_csv(path, index=False, sep=";", encoding="utf-16"),
    ".parquet": lambda table, path: table.to_parquet(path),
    ".feather": _write_feather,
    ".arrow": _write_feather,
    ".dta": lambda table, path: pyreadstat.write_dta(table, path),
    ".sav": lambda table, path: pyreadstat.write_sav(table, path),
    ".zsav": lambda table, path: pyreadstat.write_sav(table, path, compress=True),
    ".xlsx": lambda table, path: table.to_excel(path, index=False),
}


def assert_same_tables(trial: ct.Trial, other: ct.Trial, names: Tables) -> None:
    assert set(trial.tables) == set(names)
    for name in trial.tables:
        assert_frame_equal(trial.table(name), other.table(name))


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_folder_in_any_format_gives_the_same_tables(
    suffix: str, few: Tables, tmp_path: Path, small_trial: ct.Trial
) -> None:
    for name, table in few.items():
        WRITERS[suffix](table, tmp_path / f"{name}{suffix}")
    trial = ct.load_trial(tmp_path)
    assert_same_tables(trial, small_trial, few)
    assert {source.format for source in trial.sources} == {FORMATS[suffix].name}


def test_a_folder_may_mix_formats(few: Tables, tmp_path: Path, small_trial: ct.Trial) -> None:
    for suffix, (name, table) in zip(WRITERS, few.items(), strict=False):
        WRITERS[suffix](table, tmp_path / f"{name}{suffix}")
    assert_same_tables(ct.load_trial(tmp_path), small_trial, few)


def test_sas_transport_file(tables: Tables, tmp_path: Path) -> None:
    path = tmp_path / "teams.xpt"
    pyreadstat.write_xport(tables["teams"].rename(columns={"population": "POP"}), path)
    read = FORMATS[".xpt"].read(path)
    assert read.frame["team"].tolist() == ["T1", "T2", "T3", "T4"]
    assert read.frame["POP"].tolist() == [100_000, 120_000, 140_000, 160_000]


def test_workbook_with_a_sheet_a_table(few: Tables, tmp_path: Path, small_trial: ct.Trial) -> None:
    path = tmp_path / "trial.xlsx"
    with pd.ExcelWriter(path) as workbook:
        for name, table in few.items():
            table.to_excel(workbook, sheet_name=name.replace("_", " ").title(), index=False)
    trial = ct.load_trial(path)
    assert_same_tables(trial, small_trial, few)
    assert trial.sources[0].name == "trial.xlsx, sheet Teams"
    assert len({source.sha256 for source in trial.sources}) == 1


def test_workbook_names_its_other_sheets_and_keeps_row_numbers(tables: Tables, tmp_path: Path, core: Tables) -> None:
    path = tmp_path / "trial.xlsx"
    with pd.ExcelWriter(path) as workbook:
        core["teams"].to_excel(workbook, sheet_name="teams", index=False)
        gap = pd.concat(
            [tables["allocation"].head(2), pd.DataFrame([{}, {"arm": "both"}]), tables["allocation"].tail(2)]
        )
        gap.to_excel(workbook, sheet_name="allocation", index=False)
        pd.DataFrame({"x": [1]}).to_excel(workbook, sheet_name="notes", index=False)
    failures = ct.check_trial(path)
    assert failures.loc[failures["rule"] == "known_table", "table"].tolist() == ["notes"]
    assert failures.loc[failures["rule"] == "categories", "row"].tolist() == [4]


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_database_with_tables_of_those_names(kind: str, few: Tables, tmp_path: Path, small_trial: ct.Trial) -> None:
    path = _write_database(kind, few, tmp_path)
    trial = ct.load_trial(path)
    assert_same_tables(trial, small_trial, few)
    assert {source.format.lower() for source in trial.sources} == {kind}


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_query_on_a_database(kind: str, tables: Tables, tmp_path: Path, small_trial: ct.Trial, core: Tables) -> None:
    renamed = {"spells": tables["admissions"].rename(columns={"person": "pseudonym"})}
    path = _write_database(kind, renamed, tmp_path)
    query = ct.Query(path, "SELECT pseudonym AS person, * EXCLUDE (pseudonym) FROM spells ORDER BY pseudonym")
    if kind == "sqlite":
        columns = ", ".join(tables["admissions"].columns[1:])
        query = ct.Query(path, f"SELECT pseudonym AS person, {columns} FROM spells ORDER BY pseudonym;")
    trial = ct.load_trial(core | {"admissions": query})
    assert_frame_equal(trial.table("admissions"), small_trial.table("admissions"))
    assert trial.sources[2].name.startswith("trial.")
    assert trial.sources == ct.load_trial(core | {"admissions": query}).sources


def test_query_on_files(tables: Tables, tmp_path: Path, small_trial: ct.Trial, core: Tables) -> None:
    for team, rows in tables["admissions"].groupby("team"):
        rows.to_parquet(tmp_path / f"{team}.parquet")
    query = ct.Query(None, f"SELECT * FROM '{tmp_path}/*.parquet' ORDER BY person")
    trial = ct.load_trial(core | {"admissions": query})
    assert_frame_equal(trial.table("admissions"), small_trial.table("admissions"))


def _write_database(kind: str, tables: Tables, folder: Path) -> Path:
    path = folder / f"trial.{kind}"
    if kind == "duckdb":
        with duckdb.connect(str(path)) as connection:
            for name, table in tables.items():
                connection.register("given", table)
                connection.execute(f"CREATE TABLE {name} AS FROM given")
                connection.unregister("given")
    else:
        connection = sqlite3.connect(path)
        for name, table in tables.items():
            table.to_sql(name, connection, index=False)
        connection.close()
    return path


def test_partitioned_parquet_is_a_table(tables: Tables, write_csv: Callable[[Tables], Path], core: Tables) -> None:
    folder = write_csv(core)
    admissions = tables["admissions"].sort_values(["team", "person"], ignore_index=True)
    admissions.to_parquet(folder / "admissions", partition_cols=["team"])
    trial = ct.load_trial(folder)
    assert_frame_equal(trial.table("admissions"), ct.load_trial(core | {"admissions": admissions}).table("admissions"))
    assert trial.sources[2].rows == 8
    assert trial.sources[2].format == "Parquet folder"


@pytest.mark.parametrize("kind", ["polars-like", "pyarrow"])
def test_tables_of_other_libraries_come_through_arrow(
    kind: str, tables: Tables, small_trial: ct.Trial, core: Tables
) -> None:
    class Stream:
        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return pyarrow.table(tables["teams"]).__arrow_c_stream__(requested_schema)

    given = Stream() if kind == "polars-like" else pyarrow.table(tables["teams"])
    trial = ct.load_trial(core | {"teams": given})
    assert_frame_equal(trial.table("teams"), small_trial.table("teams"))


def test_spss_labels_and_missing_codes(tables: Tables, tmp_path: Path, core: Tables) -> None:
    allocation = tables["allocation"].assign(arm=[1.0, 2.0, 1.0, 2.0])
    pyreadstat.write_sav(
        allocation, tmp_path / "allocation.sav", variable_value_labels={"arm": {1.0: "Intervention", 2.0: "Control"}}
    )
    patients = tables["patients"].assign(continuity=[40.5] * 14 + [-77.0, -1.0])
    pyreadstat.write_sav(
        patients,
        tmp_path / "patients.sav",
        variable_value_labels={"continuity": {-77.0: "Too unwell"}},
        missing_ranges={"continuity": [{"lo": -80, "hi": -1}]},
    )
    given = {"allocation": tmp_path / "allocation.sav", "patients": tmp_path / "patients.sav"}
    trial = ct.load_trial(core | given)
    assert trial.table("allocation")["arm"].tolist() == ["intervention", "control", "intervention", "control"]
    assert trial.table("patients")["continuity"].isna().sum() == 2
    assert trial.missing_codes.to_dict("records") == [
        {"table": "patients", "row": 15, "column": "continuity", "code": "-77", "meaning": "Too unwell"},
        {"table": "patients", "row": 16, "column": "continuity", "code": "-1", "meaning": "user-missing"},
    ]


def test_a_label_outranks_the_code_it_stands_on(tables: Tables, tmp_path: Path, core: Tables) -> None:
    """1 is Yes in the dictionary, but this file says that its 1 is No."""
    admissions = tables["admissions"].assign(readmission=[1, 2] * 4)
    path = tmp_path / "admissions.dta"
    pyreadstat.write_dta(admissions, path, variable_value_labels={"readmission": {1: "No", 2: "Yes"}})
    trial = ct.load_trial(core | {"admissions": path})
    assert trial.table("admissions")["readmission"].tolist() == [0, 1] * 4


def test_stata_extended_missing_values(tables: Tables, tmp_path: Path, core: Tables) -> None:
    age = [20, 21, *(["r"] * 2), *range(24, 36)]
    path = tmp_path / "patients.dta"
    pyreadstat.write_dta(
        tables["patients"].assign(age=age),
        path,
        missing_user_values={"age": ["r"]},
        variable_value_labels={"age": {"r": "Refused"}},
    )
    trial = ct.load_trial(core | {"patients": path})
    assert trial.table("patients")["age"].tolist()[:5] == [20, 21, pd.NA, pd.NA, 24]
    assert trial.missing_codes[["row", "code", "meaning"]].to_numpy().tolist() == [
        [3, ".r", "Refused"],
        [4, ".r", "Refused"],
    ]


def test_missing_codes_of_the_dictionary_in_parquet(tables: Tables, tmp_path: Path, core: Tables) -> None:
    path = tmp_path / "admissions.parquet"
    tables["admissions"].assign(legal_status=["-99", "Informal"] * 4).to_parquet(path)
    trial = ct.load_trial(core | {"admissions": path})
    assert trial.table("admissions")["legal_status"].tolist()[1::2] == ["informal"] * 4
    assert trial.sql("SELECT count(*) AS n FROM admissions WHERE legal_status IS NULL")["n"].item() == 4
    assert trial.missing_codes["row"].tolist() == [1, 3, 5, 7]
    assert set(trial.missing_codes["meaning"]) == {"Not recorded"}


@pytest.mark.parametrize("module", ["pyreadstat", "openpyxl"])
def test_an_absent_library_is_named(
    module: str, tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, core: Tables
) -> None:
    suffix = ".sav" if module == "pyreadstat" else ".xlsx"
    WRITERS[suffix](tables["teams"], tmp_path / f"teams{suffix}")
    monkeypatch.setitem(sys.modules, module, None)
    failures = ct.check_trial(core | {"teams": tmp_path / f"teams{suffix}"})
    message = failures.loc[failures["rule"] == "readable", "message"].item()
    assert message == f"teams{suffix} needs the library {module}: pip install core_trial[io]"


@pytest.mark.parametrize(
    ("encoding", "detected"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16"), ("windows-1252", "windows-1252")],
)
def test_encodings(encoding: str, detected: str, tmp_path: Path) -> None:
    path = tmp_path / "teams.csv"
    path.write_bytes("team,trust\r\nT1,Ynys Môn – “North”\r\n".encode(encoding))
    assert detect_encoding(path) == detected
    assert read_delimited(path).frame.to_dict("list") == {"team": ["T1"], "trust": ["Ynys Môn – “North”"]}


@given(st.sampled_from([",", ";", "\t"]), st.lists(st.text('abc ,;\t"', min_size=1), min_size=2, max_size=5))
def test_the_delimiter_is_found_whatever_the_quoted_names_hold(delimiter: str, names: list[str]) -> None:
    quoted = delimiter.join('"' + name.replace('"', '""') + '"' for name in names)
    assert detect_delimiter(quoted) == delimiter


def test_quoted_cells_and_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "teams.csv"
    path.write_text('team,trust\n\nT1,"a ""b"", c\nd"\nT2,""\n')
    read = read_delimited(path)
    assert read.frame["trust"].iloc[0] == 'a "b", c\nd'
    assert read.frame["trust"].isna().tolist() == [False, True]
    assert read.rows.tolist() == [1, 2]


def test_the_hash_is_that_of_the_file(tables: Tables, write_csv: Callable[[Tables], Path]) -> None:
    folder = write_csv(tables)
    trial = ct.load_trial(folder)
    for source in trial.sources:
        assert source.sha256 == hashlib.sha256((folder / source.name).read_bytes()).hexdigest()
        assert source.rows == len(tables[source.table])


def test_the_hash_of_a_frame_changes_with_a_cell_and_not_with_the_index(tables: Tables, core: Tables) -> None:
    first = ct.load_trial(core).sources[0]
    moved = tables["teams"].set_axis([5, 6, 7, 8], axis=0)
    changed = tables["teams"].assign(caseload=[29, 31, 25, 28])
    assert ct.load_trial(core | {"teams": moved}).sources[0] == first
    assert ct.load_trial(core | {"teams": changed}).sources[0].sha256 != first.sha256


def test_the_hash_of_a_partitioned_folder_is_that_of_its_sorted_hashes(
    tables: Tables, tmp_path: Path, core: Tables
) -> None:
    for k, part in enumerate((tables["admissions"].head(3), tables["admissions"].tail(5))):
        part.to_parquet(tmp_path / f"part-{k}.parquet")
    source = ct.load_trial(core | {"admissions": tmp_path}).sources[2]
    digests = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir())
    assert source.sha256 == hashlib.sha256("\n".join(digests).encode()).hexdigest()


def test_a_source_of_another_kind_is_refused(tables: Tables, core: Tables) -> None:
    with pytest.raises(DataError, match="not from a list"):
        ct.load_trial([tables])
    with pytest.raises(DataError, match="teams: a table is a data frame"):
        ct.load_trial(core | {"teams": 3})
    with pytest.raises(DataError, match="neither a DuckDB nor a SQLite"):
        ct.load_trial(core | {"teams": ct.Query(__file__, "SELECT 1")})
