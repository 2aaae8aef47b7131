"""The synthetic trial: its design, its faults, and its files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core_trial as ct
from core_trial.data.synthetic import admissions as admissions_module
from core_trial.data.synthetic import folder as folder_module
from core_trial.data.synthetic.people import CSQ8_ITEMS
from core_trial.data.synthetic.tables import draw_trial
from core_trial.data.synthetic.teams import draw_allocation, draw_teams

TRUTH = ct.Truth()


def tables_of(seed: int = 1, n_teams: int = 25, truth: ct.Truth = TRUTH, scale: float = 1) -> dict[str, pd.DataFrame]:
    return draw_trial(seed, n_teams, truth, scale).tables()


# -- Design -----------------------------------------------------------------------------------------------------------


def test_the_embedded_trial_has_the_published_shape(trial: ct.Trial) -> None:
    teams = trial.table("teams").merge(trial.table("allocation"), on="team")
    assert len(teams) == 25
    assert teams["trust"].nunique() == 8
    assert teams["arm"].value_counts().to_dict() == {"intervention": 15, "control": 10}
    assert (teams["trust"] == teams["stratum"]).all()
    assert (teams.groupby("trust")["arm"].nunique() == 2).all()
    assert len(teams[["trust", "randomised_on"]].drop_duplicates()) == 8
    assert (trial.table("patients").groupby(["team", "wave"]).size() == 15).all()
    staff = trial.table("staff").query("wave == 'baseline'").groupby("team").size()
    assert (staff == teams.set_index("team")["staff_fte"].round()).all()


def test_reviews_are_at_0_and_12_months_and_in_the_intervention_arm_at_6(trial: ct.Trial) -> None:
    reviews = trial.table("fidelity_items").merge(trial.table("allocation"), on="team")
    timepoints = reviews.groupby("arm")["timepoint"].unique().map(sorted)
    assert timepoints["intervention"] == [0, 6, 12]
    assert timepoints["control"] == [0, 12]
    assert (reviews.groupby(["team", "timepoint"]).size() == 39).all()


def test_it_has_what_real_records_have(trial: ct.Trial) -> None:
    codes = trial.missing_codes.groupby(["table", "code"]).size()
    assert {("patients", "-98"), ("staff", "-99"), ("fidelity_items", "-99")} <= set(codes.index)
    spells = trial.table("admissions").merge(trial.table("exposure"), on="team")
    within = (spells["admitted_on"] >= spells["start_on"]) & (spells["admitted_on"] < spells["end_on"])
    assert trial.table("admissions")["discharged_on"].isna().any()
    assert 0.3 < 2 * within.mean() < 0.7
    assert ((spells["admitted_on"] < spells["start_on"]) & (spells["discharged_on"] > spells["start_on"])).any()
    assert trial.table("admissions")["person"].duplicated().any()
    engagement = trial.table("engagement")
    assert set(engagement["delivered"]) == {"yes", "no", "unknown"}
    assert engagement["team"].nunique() == 15


def test_every_warning_of_the_embedded_trial_is_of_an_incomplete_review(trial: ct.Trial) -> None:
    assert set(trial.checks["rule"]) == {"items_missing", "too_many_items_missing"}
    assert set(trial.checks["severity"]) == {"warning"}


@settings(max_examples=40, deadline=None)
@given(st.integers(5, 120), st.integers(0, 2**32))
def test_arms_are_15_to_10_overall_and_within_one_team_of_it_in_each_trust(n_teams: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    allocation = draw_allocation(rng, draw_teams(rng, n_teams, TRUTH, 1))
    treated = allocation["arm"] == "intervention"
    assert treated.sum() == round(0.6 * n_teams)
    by_trust = treated.groupby(allocation["stratum"]).agg(["sum", "size"])
    assert ((by_trust["sum"] - 0.6 * by_trust["size"]).abs() < 1).all()


def test_the_same_arguments_give_the_same_records_and_another_seed_others() -> None:
    first, again, other = tables_of(3), tables_of(3), tables_of(4)
    for name, table in first.items():
        pd.testing.assert_frame_equal(table, again[name])
    assert not first["patients"]["csq8_total"].equals(other["patients"]["csq8_total"])


# -- Arguments, files, size -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "seed=-1 is negative"),
        ({"n_teams": 4}, "n_teams=4 is too few"),
        ({"scale": 0}, "scale=0 is not above 0"),
        ({"scale": 1000}, "too many to hold in memory; give out="),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ct.PlanError, match=message):
        ct.simulate_trial(**arguments)


def test_a_trial_written_as_csv_reads_back_the_same(trial: ct.Trial, tmp_path: Path) -> None:
    ct.write_trial(trial, tmp_path / "trial")
    with pytest.warns(ct.TrialWarning):
        again = ct.load_trial(tmp_path / "trial")
    assert again.tables == trial.tables
    for name in trial.tables:
        pd.testing.assert_frame_equal(again.table(name), trial.table(name))
    order = ["table", "column", "row"]
    assert_same_rows(again.missing_codes, trial.missing_codes, order)
    assert again.synthetic
    assert again.truth == trial.truth


def assert_same_rows(found: pd.DataFrame, expected: pd.DataFrame, order: list[str]) -> None:
    pd.testing.assert_frame_equal(*(frame.sort_values(order, ignore_index=True) for frame in (found, expected)))


def test_the_folder_says_that_it_is_synthetic(trial: ct.Trial, tmp_path: Path) -> None:
    ct.write_trial(trial, tmp_path / "trial")
    assert "SYNTHETIC" in (tmp_path / "trial/README.md").read_text().splitlines()[0]
    assert json.loads((tmp_path / "trial/truth.json").read_text())["synthetic"] is True


def test_records_that_are_not_synthetic_are_written_without_saying_so(trial: ct.Trial, tmp_path: Path) -> None:
    real = ct.load_trial({name: trial.table(name) for name in ("teams", "allocation")})
    ct.write_trial(real, tmp_path / "trial")
    assert sorted(path.name for path in (tmp_path / "trial").iterdir()) == ["allocation.csv", "teams.csv"]


def test_the_same_trial_gives_the_same_bytes(trial: ct.Trial, tmp_path: Path) -> None:
    for name in ("first", "second"):
        ct.write_trial(trial, tmp_path / name)
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()


def test_a_folder_with_something_in_it_is_not_touched(trial: ct.Trial, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ct.OutputError, match="exists; choose a new folder"):
        ct.write_trial(trial, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_fault_while_writing_leaves_nothing(trial: ct.Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder_module, "write_truth", full)
    with pytest.raises(ct.OutputError, match="No space left on device"):
        ct.write_trial(trial, tmp_path / "trial")
    assert list(tmp_path.iterdir()) == []


def test_a_large_trial_is_written_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admissions_module, "CHUNK", 1000)
    with pytest.warns(ct.TrialWarning):
        trial = ct.simulate_trial(2, n_teams=10, scale=2, out=tmp_path / "trial")
    parts = sorted((tmp_path / "trial/admissions").iterdir())
    sizes = [len(pd.read_parquet(part, columns=["team"])) for part in parts]
    assert len(parts) > 8
    assert max(sizes) < 2200
    assert trial.synthetic
    assert trial.panel().query("timepoint == 0")["admissions"].gt(0).all()
    assert "no_overlap" not in set(trial.checks["rule"])
    people = trial.table("admissions").groupby("person")["team"].nunique()
    assert (people == 1).all()


def test_scale_multiplies_the_admissions_and_not_their_rate() -> None:
    one, ten = tables_of(9, 10), tables_of(9, 10, scale=10)
    assert len(ten["admissions"]) / len(one["admissions"]) == pytest.approx(10, rel=0.05)
    assert (ten["teams"]["population"] / one["teams"]["population"]).to_numpy() == pytest.approx(10, rel=0.01)
    assert len(ten["patients"]) == len(one["patients"])


def test_totals_are_those_of_complete_items() -> None:
    patients = tables_of(2)["patients"]
    complete = (patients[CSQ8_ITEMS] > 0).all(axis=1)
    assert (patients["csq8_total"].notna() == complete).all()
    answered = patients[complete]
    assert (answered[CSQ8_ITEMS].sum(axis=1) == answered["csq8_total"]).all()
