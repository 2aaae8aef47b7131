"""A run and its verification, on real folders."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from pathlib import Path

import pandas as pd
import pytest

import core_trial as ct
from core_trial.reproduce import produce

TEXTS = (".html", ".csv", ".json", ".svg", ".toml")

pytestmark = pytest.mark.filterwarnings("ignore::core_trial.errors.TrialWarning")


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory, trial: ct.Trial) -> Path:
    folder = tmp_path_factory.mktemp("trial") / "records of a trial é"
    ct.write_trial(trial, folder)
    return folder


@pytest.fixture(scope="module")
def quick_plan(plan: ct.Plan) -> ct.Plan:
    """The outcomes that between them use every kind of analysis."""
    keep = ("csq8", "fidelity", "admissions")
    quick = plan.model_copy(update={"outcomes": tuple(o for o in plan.outcomes if o.id in keep)})
    quick._text = plan.text[: plan.text.index('[[outcome]]\nid = "bed_days"')]
    return quick


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, records: Path, quick_plan: ct.Plan) -> Path:
    folder = tmp_path_factory.mktemp("reports") / "run"
    ct.run(ct.load_trial(records), quick_plan, folder)
    return folder


def test_report_has_its_tables_figures_and_plan(report: Path) -> None:
    found = {path.relative_to(report).as_posix() for path in report.rglob("*") if path.is_file()}
    tables = {f"tables/{name}.{kind}" for name in ("baseline", "effects", "icc", "records") for kind in ("csv", "json")}
    figures = {f"figures/{n}.{kind}" for n in ("forest", "trajectory") for kind in ("png", "svg", "pdf", "csv")}
    assert {"report.html", "report.docx", "plan.toml", "manifest.json"} | tables | figures <= found
    assert "SYNTHETIC DATA" in (report / "report.html").read_text(encoding="utf-8")


def test_no_team_stands_by_its_code(report: Path, trial: ct.Trial) -> None:
    codes = re.compile(rf"\b({'|'.join(trial.table('teams')['team'])})\b")
    texts = {path: path.read_text(encoding="utf-8") for path in report.rglob("*.*") if path.suffix in TEXTS}
    with zipfile.ZipFile(report / "report.docx") as word:
        texts[report / "report.docx"] = word.read("word/document.xml").decode()
    assert {path.suffix for path in texts} == {*TEXTS, ".docx"}
    assert [path.name for path, text in texts.items() if codes.search(text)] == []


def test_teams_whose_codes_are_numbers_are_named_too(trial: ct.Trial, quick_plan: ct.Plan, tmp_path: Path) -> None:
    tables = {name: trial.table(name) for name in trial.tables}
    numbered = {
        name: table.assign(team=table["team"].str[1:].astype(int).astype(str)) for name, table in tables.items()
    }
    outputs = produce(ct.load_trial(numbered), quick_plan, tmp_path).outputs
    page = outputs["report.html"].decode()
    assert "2 of 25 rows left out, with missing values, and with them all rows of Team N, Team O" in page
    assert "the review of Team" in page
    assert "Scoping day delivered: it is the same in all 10 teams" in page


def test_methods_give_the_terms_of_each_analysis(report: Path) -> None:
    methods = pd.read_csv(report / "tables" / "methods.csv").set_index("analysis")["formula"]
    assert methods["csq8.lmm"] == "csq8_total ~ intervention + csq8_total_baseline + trust + (1 | team)"
    assert methods["admissions.glmm"].endswith("trust + offset(log(person_years)) + (1 | team)")
    assert methods["csq8.two-stage"] == "csq8_total ~ intervention + csq8_total_baseline + trust"


def test_a_note_on_several_analyses_stands_once(report: Path) -> None:
    page = (report / "report.html").read_text(encoding="utf-8")
    assert "csq8.lmm, csq8.satterthwaite, csq8.unadjusted: 4 of 375 rows left out" in page


def test_the_same_inputs_give_the_same_bytes(report: Path, records: Path, quick_plan: ct.Plan) -> None:
    again = produce(ct.load_trial(records), quick_plan, report)
    assert {path: (report / path).read_bytes() for path in again.outputs} == again.outputs
    assert again.manifest.to_json() == (report / "manifest.json").read_text(encoding="utf-8")


def test_manifest_names_no_place_of_the_machine(report: Path, records: Path) -> None:
    manifest = (report / "manifest.json").read_text(encoding="utf-8")
    assert str(records.parent) not in manifest
    assert str(Path.home()) not in manifest
    assert len(json.loads(manifest)["inputs"]) == 8


def test_untouched_report_verifies(report: Path) -> None:
    comparison = ct.verify(report)
    assert comparison.ok
    assert set(comparison.outputs["verdict"]) == {"identical"}


def test_report_that_moved_verifies_with_the_place_of_its_records(report: Path, records: Path, tmp_path: Path) -> None:
    moved = tmp_path / "far" / "away" / "elsewhere"
    shutil.copytree(report, moved)
    assert ct.verify(moved, data=records).ok
    with pytest.raises(ct.DataError):
        ct.verify(moved)


def test_one_changed_cell_is_found(report: Path, records: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(records, changed)
    patients = pd.read_csv(changed / "patients.csv", dtype=str, keep_default_na=False)
    row = patients.index[(patients["wave"] == "follow_up") & (patients["age"] == "40")][0]
    patients.loc[row, "team"] = "T01" if patients.loc[row, "team"] != "T01" else "T02"
    patients.to_csv(changed / "patients.csv", index=False)
    comparison = ct.verify(report, data=changed)
    assert not comparison.ok
    assert comparison.inputs["input"].tolist() == ["patients.csv"]
    different = comparison.outputs.set_index("output")["verdict"]
    assert different["tables/effects.csv"] == "different"
    assert different["tables/records.csv"] in ("different", "identical")
    cells = comparison.cells[comparison.cells["output"] == "tables/effects.csv"]
    assert "estimate" in set(cells["column"])
    assert "NOT verify" in comparison.summary()


def test_changed_plan_is_an_error(report: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(report, changed)
    (changed / "plan.toml").write_text("[trial]\n")
    with pytest.raises(ct.DataError, match="not the plan that the report was made with"):
        ct.verify(changed)


def test_records_in_memory_must_be_named_to_verify(trial: ct.Trial, plan: ct.Plan, tmp_path: Path) -> None:
    frames = ct.load_trial({name: trial.table(name) for name in ("teams", "allocation")})
    ct.run(frames, plan, tmp_path / "run")
    with pytest.raises(ct.DataError, match="name the folder of the records"):
        ct.verify(tmp_path / "run")


def test_trial_with_nothing_but_its_teams_gives_a_report_that_says_so(
    trial: ct.Trial, plan: ct.Plan, tmp_path: Path
) -> None:
    frames = ct.load_trial({name: trial.table(name) for name in ("teams", "allocation")})
    finished = ct.run(frames, plan, tmp_path / "run")
    assert len(finished.left_out) == len(plan.outcomes) + 1, "every outcome, and the chapter on engagement"
    assert not finished.failed
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "Inpatient admissions: left out, the trial has no table admissions" in page


def test_folder_that_is_no_report_is_left_alone(trial: ct.Trial, plan: ct.Plan, tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("years of work")
    with pytest.raises(ct.OutputError, match="not a run"):
        ct.run(trial, plan, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.docx"]
