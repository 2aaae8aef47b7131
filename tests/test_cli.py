"""The command line as its users run it: real processes, real folders, messages without tracebacks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

COMMAND = [sys.executable, "-m", "core_trial"]


def call(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONIOENCODING": "utf-8"} | environment,
        timeout=240,
        check=False,
    )


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "synthetic"
    done = call("simulate", folder, "--seed", "7")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def broken(records: Path, tmp_path: Path) -> Path:
    items = pd.read_csv(records / "fidelity_items.csv", dtype=str, keep_default_na=False)
    items.loc[0, "score"], items.loc[1, "score"] = "6", "3.5"
    folder = tmp_path / "broken"
    folder.mkdir()
    for name in ("teams", "allocation"):
        (folder / f"{name}.csv").write_bytes((records / f"{name}.csv").read_bytes())
    items.to_csv(folder / "fidelity_items.csv", index=False)
    return folder


def test_help_names_every_command() -> None:
    done = call("--help", NO_COLOR="1")
    assert done.returncode == 0
    for command in ("run", "check", "panel", "simulate", "plot", "verify", "dictionary", "init"):
        assert command in done.stdout


@pytest.mark.parametrize("command", ["run", "check", "panel", "simulate", "verify", "dictionary", "init"])
def test_help_of_every_command_has_an_example(command: str) -> None:
    assert f"core-trial {command}" in call(command, "--help", NO_COLOR="1", COLUMNS="200").stdout


def test_help_loads_no_library_that_computes() -> None:
    code = "import sys, core_trial.cli; print({'pandas', 'numpy', 'matplotlib', 'duckdb'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_check_names_the_wrong_cells_and_exits_1(broken: Path, tmp_path: Path) -> None:
    done = call("check", broken, "--csv", tmp_path / "failures.csv")
    assert done.returncode == 1
    failures = pd.read_csv(tmp_path / "failures.csv")
    errors = failures[failures["severity"] == "error"]
    assert errors[["table", "row", "column"]].to_numpy().tolist() == [
        ["fidelity_items", 1, "score"],
        ["fidelity_items", 2, "score"],
    ]
    assert "2 errors" in done.stdout


def test_run_on_wrong_records_says_what_to_do_and_writes_nothing(broken: Path, tmp_path: Path) -> None:
    done = call("run", broken, "--out", tmp_path / "report")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "fidelity_items row 1, score" in done.stderr
    assert "core-trial check" in done.stderr
    assert not (tmp_path / "report").exists()


def test_run_then_verify_then_find_a_changed_cell(records: Path, tmp_path: Path) -> None:
    report = tmp_path / "report"
    done = call("run", records, "--out", report, "--json")
    assert done.returncode == 0, done.stderr
    effects = {row["analysis"]: row for row in json.loads(done.stdout)["effects"]}
    assert effects["csq8.lmm"]["prespecified"] is True
    assert call("verify", report).returncode == 0
    admissions = pd.read_csv(records / "admissions.csv", dtype=str, keep_default_na=False)
    original = (records / "admissions.csv").read_bytes()
    try:
        admissions.iloc[1:].to_csv(records / "admissions.csv", index=False)
        done = call("verify", report, "--csv", tmp_path / "cells.csv")
    finally:
        (records / "admissions.csv").write_bytes(original)
    assert done.returncode == 1
    assert "admissions.csv" in done.stdout
    assert len(pd.read_csv(tmp_path / "cells.csv"))


def test_panel_as_csv_and_parquet(records: Path, tmp_path: Path) -> None:
    done = call("panel", records)
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].startswith("team,timepoint,arm")
    assert call("panel", records, "--out", tmp_path / "panel.parquet").returncode == 0
    assert len(pd.read_parquet(tmp_path / "panel.parquet")) == len(done.stdout.splitlines()) - 1
    assert call("panel", records, "--out", tmp_path / "panel.doc").returncode == 2


def test_figures(records: Path, tmp_path: Path) -> None:
    done = call("plot", "forest", tmp_path / "forest.svg", "--data", records, "--outcome", "csq8", "--width", "single")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "forest.svg").read_text(encoding="utf-8").startswith("<svg")
    done = call("plot", "trajectory", tmp_path / "fidelity.png", "--data", records)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "fidelity.png").read_bytes().startswith(b"\x89PNG")
    assert pd.read_csv(tmp_path / "fidelity.csv")["team"].dropna().str.contains("eam [A-Z]$").all()


def test_dictionary_for_people_and_for_redcap(tmp_path: Path) -> None:
    assert "csq8_total" in call("dictionary").stdout
    assert call("dictionary", "--format", "redcap", "--out", tmp_path / "redcap.csv").returncode == 0
    assert len(pd.read_csv(tmp_path / "redcap.csv").columns) == 18


def test_init_writes_a_folder_that_checks_and_never_overwrites(tmp_path: Path) -> None:
    folder = tmp_path / "my trial"
    done = call("init", folder)
    assert done.returncode == 0
    assert {"plan.toml", "README.md", "teams.csv", "data_dictionary"} <= {path.name for path in folder.iterdir()}
    assert call("check", folder).returncode == 1
    again = call("init", folder)
    assert again.returncode == 5
    assert "not empty" in again.stderr


def test_filled_trial_folder_is_run_by_its_own_plan_and_dictionary(records: Path, tmp_path: Path) -> None:
    folder = tmp_path / "trial"
    assert call("init", folder).returncode == 0
    for file in records.glob("*.csv"):
        (folder / file.name).write_bytes(file.read_bytes())
    plan = folder / "plan.toml"
    text = plan.read_text(encoding="utf-8")
    plan.write_text(text[: text.index('[[outcome]]\nid = "fidelity"')], encoding="utf-8")
    done = call("run", folder, "--out", tmp_path / "report", "--json")
    assert done.returncode == 0, done.stderr
    assert {row["outcome"] for row in json.loads(done.stdout)["effects"]} == {"csq8"}
    assert call("verify", tmp_path / "report").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("run", "no_such_folder"), 1, "no_such_folder"),
        (("run", "--plan", "no_such_plan.toml"), 2, "no_such_plan.toml"),
        (("verify", "no_such_report"), 1, "no_such_report"),
        (("plot", "trajectory", "x.jpg"), 2, "x.jpg"),
        (("plot", "trajectory", "x.png", "--outcome", "fidelty"), 2, "fidelity"),
        (("walk",), 2, "walk"),
    ],
)
def test_faults_end_with_a_message_and_their_exit_code(
    arguments: tuple[str, ...], code: int, message: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, encoding="utf-8", cwd=tmp_path, check=False
    )
    assert (done.returncode, message in done.stderr, "Traceback" in done.stderr) == (code, True, False), done.stderr


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = call("run", "--out", tmp_path / "file" / "report")
    assert done.returncode == 5
    assert "cannot write" in done.stderr
    assert "Traceback" not in done.stderr


def test_interrupt_leaves_nothing_half_written(tmp_path: Path) -> None:
    report = tmp_path / "report"
    process = subprocess.Popen([*COMMAND, "run", "--out", str(report)], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert "warnings" in process.stderr.readline()  # the records are read, the analysis is under way
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert not list(tmp_path.iterdir())
