"""What a loaded trial offers, and how it warns, spills and cleans up."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import core_trial as ct
from core_trial.data.trial import read_trial
from core_trial.errors import TrialWarning

Tables = dict[str, pd.DataFrame]


def test_tables_have_the_types_and_columns_of_the_dictionary(small_trial: ct.Trial) -> None:
    dtypes = {"string": "str", "integer": "Int64", "number": "float64", "date": "datetime64[us]"}
    for name, schema in small_trial.dictionary.tables.items():
        table = small_trial.table(name)
        assert table.columns.tolist() == list(schema.names)
        assert table.dtypes.astype(str).tolist() == [dtypes[field.type] for field in schema.fields]


def test_duckdb_has_every_table_with_the_types_of_the_dictionary(core: Tables) -> None:
    trial = ct.load_trial(core)
    kinds = {"string": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE", "date": "TIMESTAMP"}
    for name, schema in trial.dictionary.tables.items():
        described = trial.connection.execute(f"DESCRIBE {name}").fetchall()
        assert [row[:2] for row in described] == [(field.name, kinds[field.type]) for field in schema.fields]


@pytest.mark.parametrize("kind", ["frame", "parquet"])
def test_rows_are_numbered_as_in_the_source(kind: str, tables: Tables, core: Tables, tmp_path: Path) -> None:
    path = tmp_path / "admissions.parquet"
    tables["admissions"].to_parquet(path)
    trial = ct.load_trial(core | {"admissions": path if kind == "parquet" else tables["admissions"]})
    numbered = trial.sql("SELECT row, person FROM numbered.admissions ORDER BY row")
    assert numbered["row"].tolist() == list(range(1, 9))
    assert numbered["person"].tolist() == tables["admissions"]["person"].tolist()


def test_sql_joins_tables(small_trial: ct.Trial) -> None:
    answer = small_trial.sql(
        "SELECT arm, count(*) AS n FROM patients JOIN allocation USING (team) GROUP BY arm ORDER BY 1"
    )
    assert answer.to_dict("list") == {"arm": ["control", "intervention"], "n": [8, 8]}


def test_sources_name_what_was_read(small_trial: ct.Trial, tables: Tables) -> None:
    assert tuple(source.table for source in small_trial.sources) == small_trial.tables == tuple(tables)
    assert [source.rows for source in small_trial.sources] == [len(table) for table in tables.values()]
    assert all(len(source.sha256) == 64 for source in small_trial.sources)


def test_panel_and_frames_come_from_the_trial(small_trial: ct.Trial) -> None:
    assert small_trial.panel()[["team", "timepoint"]].drop_duplicates().shape == (10, 2)
    assert len(small_trial.frame("patients")) == 8


def test_warnings_load_are_listed_and_warned_once(tables: Tables) -> None:
    tables["fidelity_items"] = tables["fidelity_items"].drop(index=[0, 39])
    with pytest.warns(TrialWarning, match=r"2 warnings in fidelity_items \(2\)") as caught:
        trial = ct.load_trial(tables)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert trial.checks["rule"].tolist() == ["items_missing", "items_missing"]


def test_a_trial_without_missing_codes_has_an_empty_table_of_them(small_trial: ct.Trial) -> None:
    assert small_trial.missing_codes.empty
    assert small_trial.missing_codes.columns.tolist() == ["table", "row", "column", "code", "meaning"]


def test_missing_codes_say_why(core: Tables, tables: Tables) -> None:
    patients = tables["patients"].astype({"csq8_1": "str"})
    patients.loc[2, "csq8_1"] = "-98"
    trial = ct.load_trial(core | {"patients": patients})
    assert trial.missing_codes.to_dict("records") == [
        {"table": "patients", "row": 3, "column": "csq8_1", "code": "-98", "meaning": "Declined to answer"}
    ]


def test_a_folder_with_a_truth_is_synthetic(core: Tables, write_csv: Callable[[Tables], Path]) -> None:
    folder = write_csv(core)
    assert (ct.load_trial(folder).synthetic, ct.load_trial(folder).truth) == (False, None)
    (folder / "truth.json").write_text(json.dumps({"csq8_effect": 0.97}))
    trial = ct.load_trial(folder)
    assert (trial.synthetic, trial.truth) == (True, {"csq8_effect": 0.97})


def test_a_dictionary_of_ones_own(core: Tables, tmp_path: Path) -> None:
    raw = ct.read_dictionary().tables["teams"].raw
    field = {"name": "beds", "type": "integer", "constraints": {"minimum": 0}}
    (tmp_path / "teams.json").write_text(json.dumps(raw | {"fields": [*raw["fields"], field]}))
    tables = core | {"teams": core["teams"].assign(beds=[10, 12, 14, -1])}
    assert ct.check_trial(tables)["rule"].tolist() == ["unknown_column"]
    failures = ct.check_trial(tables, dictionary=tmp_path)
    assert failures[["column", "rule", "row"]].to_numpy().tolist() == [["beds", "minimum", 4]]
    pd.testing.assert_frame_equal(failures, ct.check_trial(tables, dictionary=ct.read_dictionary(tmp_path)))


def test_memory_and_threads_reach_duckdb(core: Tables) -> None:
    trial = ct.load_trial(core, memory_limit="200MB", threads=1)
    settings = trial.sql("SELECT current_setting('threads') AS threads, current_setting('memory_limit') AS memory")
    assert settings["threads"].item() == 1
    assert settings["memory"].item() == "190.7 MiB"
    assert trial.sql("SELECT current_setting('temp_directory') AS folder")["folder"].item() == str(trial.storage.path)


def test_temporary_files_go_with_the_trial(core: Tables, tables: Tables, tmp_path: Path) -> None:
    path = tmp_path / "admissions.parquet"
    tables["admissions"].astype({"admitted_on": "str", "discharged_on": "str"}).to_parquet(path)
    trial = read_trial(core | {"admissions": path})
    copy = replace(trial, synthetic=True)
    folder = trial.storage.path
    assert [file.suffix for file in folder.iterdir()] == [".parquet"]
    del trial
    gc.collect()
    assert len(copy.table("admissions")) == 8
    del copy
    gc.collect()
    assert not folder.exists()


def test_nothing_is_written_where_the_trial_is_loaded(
    tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    trial = ct.load_trial(tables, memory_limit="50MB", threads=1)
    trial.sql("SELECT a.i, b.i FROM range(1000) a(i), range(1000) b(i) ORDER BY hash(a.i + b.i)")
    assert list(tmp_path.iterdir()) == []
