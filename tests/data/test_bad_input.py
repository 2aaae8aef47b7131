"""Records as they really arrive: each fault is named with its place, and nothing else stands in the way."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import pytest

import core_trial as ct
from core_trial.data.checks import LISTED
from core_trial.errors import FAILURE_COLUMNS, DataError, TrialWarning

Tables = dict[str, pd.DataFrame]
WriteCsv = Callable[[Tables], Path]


def only_failure(source: object, severity: str = "error") -> dict[str, object]:
    """The one failure of a trial that has no other."""
    failures = ct.check_trial(source)
    assert failures.columns.tolist() == list(FAILURE_COLUMNS)
    assert failures["severity"].tolist() == [severity]
    return failures.drop(columns="severity").iloc[0].to_dict()


def rules_of(source: object) -> list[str]:
    return ct.check_trial(source)["rule"].tolist()


# What is not there


def test_a_missing_required_table(few: Tables) -> None:
    del few["allocation"]
    failure = only_failure(few)
    assert (failure["table"], failure["rule"]) == ("allocation", "required_table")
    with pytest.raises(DataError, match="the table allocation is missing; every trial needs it: One row a team"):
        ct.load_trial(few)


def test_absent_optional_tables_are_fine_and_empty(core: Tables) -> None:
    trial = ct.load_trial(core)
    assert trial.tables == ("teams", "allocation")
    assert trial.sql("SELECT count(*) AS n, max(csq8_total) AS highest FROM patients")["n"].item() == 0
    with pytest.raises(DataError, match="no table patients; it has teams, allocation"):
        trial.table("patients")


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere: there is no such folder or file"):
        ct.check_trial(tmp_path / "nowhere")
    failures = ct.check_trial({"teams": tmp_path / "gone.csv", "allocation": tmp_path / "gone.parquet"})
    assert failures["message"].str.contains(r"gone\.(?:csv|parquet) cannot be read as .*: .*No such file").all()


def test_a_file_that_may_not_be_opened(core: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    path = tmp_path / "teams.csv"
    core["teams"].to_csv(path, index=False)
    monkeypatch.setattr(Path, "open", refuse)
    assert str(only_failure(core | {"teams": path})["message"]).endswith("cannot be read as CSV: Permission denied")
    with pytest.raises(DataError, match=r"teams\.csv cannot be read: Permission denied"):
        ct.check_trial(path)


def test_a_truth_that_is_not_json(core: Tables, write_csv: WriteCsv) -> None:
    folder = write_csv(core)
    (folder / "truth.json").write_text("{")
    with pytest.raises(DataError, match=r"truth\.json cannot be read as JSON"):
        ct.load_trial(folder)


def test_an_empty_folder(tmp_path: Path) -> None:
    assert rules_of(tmp_path) == ["required_table", "required_table"]


@pytest.mark.parametrize("content", ["", "\n", "  \n\n"])
def test_an_empty_file(content: str, core: Tables, write_csv: WriteCsv) -> None:
    folder = write_csv(core)
    (folder / "patients.csv").write_text(content)
    failure = only_failure(folder)
    assert (failure["table"], failure["rule"]) == ("patients", "readable")
    what = "begins with an empty line" if content else "is empty (0 bytes)"
    assert failure["message"] == f"patients.csv {what}; the first line must name the columns"


def test_a_file_with_a_header_only(tables: Tables, write_csv: WriteCsv) -> None:
    write_csv({"teams": tables["teams"], "allocation": tables["allocation"]})
    folder = write_csv({"admissions": tables["admissions"].head(0)})
    failure = only_failure(folder, "warning")
    assert failure["message"] == "admissions.csv has no rows and is treated as if it were not given"
    with pytest.warns(TrialWarning, match="1 warning in admissions"):
        assert ct.load_trial(folder).tables == ("teams", "allocation")
    write_csv({"teams": tables["teams"].head(0)})
    assert "no_rows" in set(ct.check_trial(folder).query("severity == 'error'")["rule"])


# Columns and cells


def test_an_unknown_column(core: Tables) -> None:
    core["teams"] = core["teams"].rename(columns={"caseload": "case_load"})
    failure = only_failure(core)
    assert (failure["table"], failure["column"], failure["rule"]) == ("teams", "case_load", "unknown_column")
    assert "did you mean caseload?" in str(failure["message"])


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_date_in_the_wrong_format(kind: str, tables: Tables, tmp_path: Path, core: Tables) -> None:
    dates = tables["admissions"]["admitted_on"].dt.strftime("%Y-%m-%d").replace("2015-05-01", "01/05/2015")
    admissions = tables["admissions"].assign(admitted_on=dates)
    path = tmp_path / f"admissions.{kind}"
    admissions.to_csv(path, index=False) if kind == "csv" else admissions.to_parquet(path)
    failures = ct.check_trial(core | {"admissions": path})
    wrong = failures[failures["rule"] == "date_format"]
    assert wrong["row"].tolist() == [5, 6, 7, 8]
    assert set(wrong["value"]) == {"01/05/2015"}
    assert wrong["message"].str.contains("YYYY-MM-DD").all()


@pytest.mark.parametrize(
    ("kind", "score", "rule"),
    [
        ("csv", "0", "minimum"),
        ("csv", "6", "maximum"),
        ("csv", "3.5", "type"),
        ("parquet", 0, "minimum"),
        ("parquet", 6, "maximum"),
        ("parquet", 3.5, "type"),
        ("frame", 3.5, "type"),
    ],
)
def test_impossible_scores(
    kind: str, score: str | float, rule: str, tables: Tables, core: Tables, tmp_path: Path
) -> None:
    items = tables["fidelity_items"]
    typed = items["score"].astype("float64" if isinstance(score, float) else "Int64")
    items = items.assign(score=typed.astype("str") if isinstance(score, str) else typed)
    items.loc[100, "score"] = score
    path = tmp_path / f"fidelity_items.{kind}"
    if kind != "frame":
        items.to_csv(path, index=False) if kind == "csv" else items.to_parquet(path)
    failures = ct.check_trial(core | {"fidelity_items": items if kind == "frame" else path})
    failure = failures[failures["severity"] == "error"].iloc[0]
    assert (failure["row"], failure["column"], failure["rule"], failure["value"]) == (101, "score", rule, str(score))


def test_all_failures_of_all_tables_come_at_once(tables: Tables, write_csv: WriteCsv) -> None:
    tables["teams"].loc[1, "setting"] = "suburban"
    tables["patients"].loc[3, "age"] = 12
    tables["exposure"].loc[2, "end_on"] = pd.Timestamp("2014-01-01")
    del tables["allocation"]
    folder = write_csv(tables)
    with pytest.raises(DataError) as caught:
        ct.load_trial(folder)
    failures = caught.value.failures
    assert failures is not None
    assert failures["table"].tolist() == ["allocation", "exposure", "patients", "teams"]
    assert "4 errors in allocation (1), exposure (1), patients (1), teams (1)" in str(caught.value)
    assert "core-trial check DATA --csv failures.csv" in str(caught.value)
    pd.testing.assert_frame_equal(failures, ct.check_trial(folder))


def test_a_row_is_counted_in_the_file_that_holds_it(tables: Tables, tmp_path: Path, core: Tables) -> None:
    parts = [tables["admissions"].head(3), tables["admissions"].tail(5).assign(legal_status="unclear")]
    for k, part in enumerate(parts):
        part.to_parquet(tmp_path / f"part-{k}.parquet")
    failures = ct.check_trial(core | {"admissions": tmp_path})
    assert failures["row"].tolist() == [4, 5, 6, 7, 8]


def test_many_failures_of_one_rule_are_counted(core: Tables, tmp_path: Path) -> None:
    n = LISTED + 2345
    admissions = pd.DataFrame({"person": "P", "team": "T9", "admitted_on": pd.Timestamp("2014-05-01")}, index=range(n))
    admissions = admissions.assign(person=[f"P{i}" for i in range(n)], legal_status="none")
    admissions.to_parquet(tmp_path / "admissions.parquet")
    failures = ct.check_trial(core | {"admissions": tmp_path / "admissions.parquet"})
    for rule in ("categories", "foreign_key"):
        listed = failures[failures["rule"] == rule]
        assert len(listed) == LISTED + 1
        assert listed.loc[listed["row"].isna(), "message"].item() == "2,345 more rows break this rule"
        assert listed["row"].dropna().tolist() == list(range(1, LISTED + 1))


# Design


def test_a_team_in_both_arms(core: Tables) -> None:
    both = pd.concat([core["allocation"], core["allocation"].head(1).assign(arm="control")])
    assert sorted(rules_of(core | {"allocation": both})) == ["one_arm", "unique_key"]


def test_a_team_without_allocation(core: Tables) -> None:
    failures = ct.check_trial(core | {"allocation": core["allocation"].tail(3)})
    assert failures.loc[failures["severity"] == "error", ["rule", "row", "value"]].to_numpy().tolist() == [
        ["team_allocated", 1, "T1"]
    ]


def test_no_follow_up_patients_in_one_team(core: Tables, tables: Tables) -> None:
    patients = tables["patients"].query("not (team == 'T2' and wave == 'follow_up')")
    with pytest.warns(TrialWarning, match="team T2 has no patients in the wave follow_up"):
        trial = ct.load_trial(core | {"patients": patients})
    assert trial.checks["rule"].tolist() == ["patients_in_wave"]


def test_one_arm_empty(core: Tables) -> None:
    failures = ct.check_trial(core | {"allocation": core["allocation"].assign(arm="intervention")})
    assert failures.loc[failures["severity"] == "error", "message"].tolist() == [
        "no team is in the arm control, so the arms cannot be compared"
    ]


def test_an_admission_discharged_before_it_began(few: Tables, write_csv: WriteCsv) -> None:
    few["admissions"].loc[4, "discharged_on"] = pd.Timestamp("2015-04-30")
    failure = only_failure(write_csv(few))
    assert (failure["table"], failure["row"], failure["value"]) == ("admissions", 5, "2015-04-30")


# Files


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "windows-1252"])
def test_encodings_of_csv_files(encoding: str, core: Tables, tmp_path: Path) -> None:
    core["teams"] = core["teams"].assign(trust=["Môn", "Môn", "North", "North"])
    text = core["teams"].to_csv(index=False)
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    (tmp_path / "teams.csv").write_bytes((mark + text).encode(encoding))
    source = core | {"teams": tmp_path / "teams.csv"}
    if encoding == "windows-1252":
        with pytest.warns(TrialWarning, match=r"teams\.csv is not UTF-8; it was read as Windows-1252"):
            trial = ct.load_trial(source)
    else:
        trial = ct.load_trial(source)
    assert trial.table("teams")["trust"].tolist() == ["Môn", "Môn", "North", "North"]


def test_bytes_that_are_no_text(core: Tables, tmp_path: Path) -> None:
    path = tmp_path / "teams.csv"
    path.write_text("team,trust\n", encoding="utf-16-le")
    assert "is not text: it holds NUL bytes" in str(only_failure_of_teams(core, path)["message"])
    path.write_bytes(b"team,trust\nT1,\x81\x8d\n")
    assert "cannot be read as delimited text" in str(only_failure_of_teams(core, path)["message"])


def only_failure_of_teams(core: Tables, path: Path) -> dict[str, object]:
    failures = ct.check_trial(core | {"teams": path})
    return failures[failures["table"] == "teams"].iloc[0].to_dict()


def test_a_column_named_twice(core: Tables, tmp_path: Path) -> None:
    path = tmp_path / "teams.csv"
    path.write_text(core["teams"].to_csv(index=False).replace("caseload", "setting"))
    failure = only_failure(core | {"teams": path})
    assert (failure["rule"], failure["column"]) == ("duplicate_column", "setting")
    assert "stands 2 times in the header" in str(failure["message"])


def test_ragged_rows_are_named_by_line_and_later_rows_keep_their_number(core: Tables, tmp_path: Path) -> None:
    path = tmp_path / "teams.csv"
    header, *rows = core["teams"].to_csv(index=False).splitlines()
    rows[0] += ",surplus"
    rows[2] = rows[2].rsplit(",", 2)[0]
    rows[3] = rows[3].replace("rural", "seaside")
    path.write_text("\n".join([header, *rows]))
    failures = ct.check_trial(core | {"teams": path}).query("table == 'teams'")
    assert failures[["rule", "row"]].to_numpy().tolist() == [["row_length", 1], ["row_length", 3], ["categories", 4]]
    assert failures["message"].iloc[0].startswith("the row has 7 cells where the header has 6 (line 2 of the file")
    assert failures["message"].iloc[1].startswith("the row has 4 cells where the header has 6 (line 4 of the file")


@pytest.mark.parametrize("n_cells", [1, 2_000])
def test_a_200_mb_column_of_text(n_cells: int, core: Tables, tmp_path: Path) -> None:
    """Neither memory nor the message grows with a long text, in one cell or in many."""
    path = tmp_path / "admissions.csv"
    cell = "x" * (200_000_000 // n_cells)
    with path.open("w") as file:
        file.write("person,team,admitted_on,legal_status\n")
        file.writelines(f"P{i},T1,2014-05-01,{cell}\n" for i in range(n_cells))
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    failures = ct.check_trial(core | {"admissions": path})
    assert time.perf_counter() - start < 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_500_000
    assert failures["table"].eq("admissions").all()
    assert len(failures) == n_cells
    assert failures["message"].str.len().max() < 300
    assert not failures["value"].str.len().gt(60).any()


def test_a_file_of_an_unknown_kind(core: Tables, write_csv: WriteCsv) -> None:
    folder = write_csv(core)
    (folder / "patients.docx").write_bytes(b"PK")
    (folder / "letter.docx").write_bytes(b"PK")
    (folder / "README.md").write_text("About these records")
    failures = ct.check_trial(folder)
    assert failures[["table", "severity"]].to_numpy().tolist() == [["patients", "error"], ["letter.docx", "warning"]]
    assert failures["message"].iloc[0].startswith("patients.docx is of an unknown kind; tables are read from .csv")
    with pytest.raises(DataError, match=r"letter\.docx is of an unknown kind; a trial is a folder"):
        ct.load_trial(folder / "letter.docx")
    with pytest.raises(DataError, match=r"teams: letter\.docx is of an unknown kind"):
        ct.load_trial({"teams": folder / "letter.docx"})


def test_a_table_given_twice(core: Tables, write_csv: WriteCsv) -> None:
    folder = write_csv(core)
    core["teams"].to_parquet(folder / "Teams.parquet")
    failures = ct.check_trial(folder)
    message = "given more than once, as Teams.parquet and teams.csv; keep one of them"
    assert failures.loc[failures["rule"] == "one_source", "message"].tolist() == [message]


def test_a_mapping_with_a_table_that_is_not_in_the_dictionary(core: Tables) -> None:
    failure = only_failure(core | {"admission": core["teams"]})
    assert failure["message"] == "admission is no table of the data dictionary; did you mean admissions?"


@pytest.mark.parametrize(
    ("suffix", "content"),
    [(suffix, b"nonsense" * 100) for suffix in (".parquet", ".feather", ".xlsx", ".sav", ".dta", ".sas7bdat", ".xpt")]
    + [(".parquet", b""), (".xlsx", b""), (".sav", b"")],
)
def test_a_damaged_file(suffix: str, content: bytes, core: Tables, write_csv: WriteCsv) -> None:
    folder = write_csv(core)
    (folder / f"patients{suffix}").write_bytes(content)
    failure = only_failure(folder)
    assert (failure["table"], failure["rule"]) == ("patients", "readable")
    assert str(failure["message"]).startswith(f"patients{suffix} cannot be read as ")


@pytest.mark.parametrize("suffix", [".parquet", ".xlsx"])
def test_a_file_cut_short(suffix: str, tables: Tables, core: Tables, tmp_path: Path) -> None:
    path = tmp_path / f"admissions{suffix}"
    tables["admissions"].to_parquet(path) if suffix == ".parquet" else tables["admissions"].to_excel(path, index=False)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert rules_of(core | {"admissions": path}) == ["readable"]


def test_parquet_with_a_damaged_page(core: Tables, tmp_path: Path) -> None:
    """The footer is sound, so that the damage shows only when the rows are read."""
    path = tmp_path / "admissions.parquet"
    people = [f"P{i * i}" for i in range(5000)]
    pd.DataFrame({"person": people, "team": "T1", "admitted_on": pd.Timestamp("2014-05-01")}).to_parquet(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:1000] + bytes(2000) + whole[3000:])
    failure = only_failure(core | {"admissions": path})
    assert failure["rule"] == "readable"
    assert "admissions.parquet cannot be read as Parquet" in str(failure["message"])


def test_types_that_no_table_has(core: Tables) -> None:
    sql = "SELECT *, {'a': 1} AS setting, true AS caseload, INTERVAL 1 DAY AS population FROM given"
    odd = duckdb.query_df(core["teams"][["team", "trust"]], "given", sql).to_arrow_table()
    failures = ct.check_trial(core | {"teams": odd})
    assert set(failures["column"]) == {"setting", "population"}
    frame = core["teams"].assign(setting=[["urban"]] * 4, population=pd.Timedelta(days=1), caseload=1 + 2j)
    assert set(ct.check_trial(core | {"teams": frame})["column"]) == {"setting", "population", "caseload"}


def test_a_frame_with_a_named_index_a_number_for_a_name_and_a_repeated_column(core: Tables) -> None:
    assert ct.check_trial(core | {"teams": core["teams"].set_index("team")}).empty
    assert only_failure(core | {"teams": core["teams"].assign(**{"7": 1}).rename(columns={"7": 7})})["column"] == "7"
    twice = pd.concat([core["teams"], core["teams"]["trust"]], axis=1)
    assert only_failure(core | {"teams": twice})["rule"] == "duplicate_column"


def test_dates_with_a_time_zone_are_read_by_the_clock_of_utc(core: Tables, tmp_path: Path) -> None:
    path = tmp_path / "allocation.parquet"
    core["allocation"].assign(randomised_on=pd.Timestamp("2014-09-01", tz="UTC")).to_parquet(path)
    trial = ct.load_trial(core | {"allocation": path})
    assert trial.table("allocation")["randomised_on"].unique().tolist() == [pd.Timestamp("2014-09-01")]
    core["allocation"].assign(randomised_on=pd.Timestamp("2014-09-01", tz="Europe/London")).to_parquet(path)
    assert set(rules_of(core | {"allocation": path})) == {"date_format"}


def test_a_workbook_that_is_damaged_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trial.xlsx"
    path.write_bytes(b"nonsense")
    with pytest.raises(DataError, match=r"trial\.xlsx cannot be read as an Excel workbook"):
        ct.load_trial(path)


def test_a_query_that_is_wrong(core: Tables) -> None:
    failure = only_failure(core | {"patients": ct.Query(None, "SELECT * FROM nowhere")})
    assert (failure["table"], failure["rule"]) == ("patients", "readable")


def test_a_path_with_spaces_and_other_letters(few: Tables, tmp_path: Path, small_trial: ct.Trial) -> None:
    folder = tmp_path / "Crisis team's données [2] 数据"
    folder.mkdir()
    for name, table in few.items():
        table.to_parquet(folder / f"{name}.parquet")
    trial = ct.load_trial(str(folder))
    assert set(trial.tables) == set(few)
    pd.testing.assert_frame_equal(trial.table("admissions"), small_trial.table("admissions"))
