"""The plan: what ships is whole, and a wrong key or value is named with its place."""

from __future__ import annotations

import pytest

import core_trial as ct
from core_trial.plan import parse_plan

MINIMAL = """
[trial]
title = "T"
registration = "R"
design = "D"
cluster = "team"
stratum = "trust"
contrast = "C"

[[outcome]]
id = "csq8"
label = "Satisfaction"
role = "primary"
level = "individual"
tables = ["patients"]
frame = "patients"
variable = "csq8_total"
kind = "mean"
unit = "points"
direction = "higher is better"
timing = "follow-up"
estimand = { population = "P", summary = "S", average = "participant", effect = "marginal" }

[[outcome.analysis]]
id = "csq8.lmm"
label = "Mixed model"
prespecified = true
model = "lmm"
"""


def test_shipped_plan_covers_the_outcomes_of_the_trial(plan: ct.Plan) -> None:
    assert [outcome.id for outcome in plan.outcomes if outcome.role == "primary"] == ["csq8"]
    assert {"fidelity", "admissions", "bed_days", "detained", "readmissions", "continuity", "ghq12"} <= {
        outcome.id for outcome in plan.outcomes
    }
    assert plan.outcome("csq8").primary_analysis.id == "csq8.lmm"


def test_every_outcome_has_a_sensitivity_analysis(plan: ct.Plan) -> None:
    assert all(len(outcome.analyses) > 1 for outcome in plan.outcomes)


def test_digest_is_that_of_the_text() -> None:
    assert parse_plan(MINIMAL).sha256 == parse_plan(MINIMAL).sha256 != parse_plan(MINIMAL + "# more\n").sha256


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('model = "lmm"', 'model = "lme"', "outcome 1, analysis 1: .*lmm"),
        ('model = "lmm"', 'model = "count_regression"', "outcome 1: .*csq8.lmm: count_regression is for rates"),
        ('model = "lmm"', 'model = "glmm"', 'outcome 1: .*csq8.lmm: glmm is for counts .*take model = "lmm"'),
        ('model = "lmm"', 'model = "lmm"\nddf = "kenwood"', "outcome 1, analysis 1, ddf: .*kenward-roger.*kenwood"),
        ('unit = "points"', 'units = "points"', "outcome 1, units: no such key"),
        ('unit = "points"\n', "", "outcome 1, unit: this key is needed"),
        ("prespecified = true", "prespecified = false", "outcome 1: exactly one analysis"),
        ('kind = "mean"', 'kind = "rate"', "outcome 1: person_time"),
        ('title = "T"', "title = T", "not valid TOML"),
        ('title = "T"', 'title = "T"\nconf_level = 95', "trial, conf_level: .*less than 1"),
    ],
)
def test_wrong_plan_is_named_with_its_place(old: str, new: str, message: str) -> None:
    with pytest.raises(ct.PlanError, match=message):
        parse_plan(MINIMAL.replace(old, new))


def test_ids_stand_once() -> None:
    _, _, outcome = MINIMAL.partition("[[outcome]]")
    with pytest.raises(ct.PlanError, match="outcome id 'csq8' stands twice"):
        parse_plan(f"{MINIMAL}\n[[outcome]]{outcome}")


def test_unknown_outcome_lists_the_known(plan: ct.Plan) -> None:
    with pytest.raises(ct.PlanError, match=r"no outcome 'csq'.*csq8, fidelity"):
        plan.outcome("csq")


def test_unreadable_plan(tmp_path) -> None:
    with pytest.raises(ct.PlanError, match=r"cannot read the plan absent\.toml"):
        ct.read_plan(tmp_path / "absent.toml")
    latin = tmp_path / "plan.toml"
    latin.write_bytes('title = "é"'.encode("latin-1"))
    with pytest.raises(ct.PlanError, match="not UTF-8"):
        ct.read_plan(latin)
