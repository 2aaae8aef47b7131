"""The chapter on engagement: what it holds, that it names no team by its code, and when there is none."""

from __future__ import annotations

import dataclasses
import re

import pytest

import core_trial as ct
from core_trial.engagement_section import Chapter, chapter_left_out, engagement_chapter
from core_trial.errors import TrialWarning
from core_trial.report.disclosure import Disclosure
from core_trial.report.document import FigureBlock, Notes
from core_trial.report.tables import Table
from core_trial.team_names import team_names

RULES = Disclosure.preset("nhs_hes")


def chapter_of(trial: ct.Trial, plan: ct.Plan) -> Chapter:
    found = engagement_chapter(trial, plan, RULES, team_names(trial))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def chapter(trial: ct.Trial, plan: ct.Plan) -> Chapter:
    return chapter_of(trial, plan)


def test_the_chapter_holds_the_statistics_the_teams_the_paths_and_the_published_six(chapter: Chapter) -> None:
    tables = {block.id: block for block in chapter.section.blocks if isinstance(block, Table)}
    assert {"engagement-statistics", "teams-by-change", "engagement-complier", "engagement-mediation"} < set(tables)
    assert len(tables["published-teams"].frame) == 6
    assert tables["teams-by-change"].frame.shape[0] == 15
    assert [block.id for block in chapter.section.blocks if isinstance(block, FigureBlock)] == ["engagement"]


def test_the_numbers_are_those_of_the_link(chapter: Chapter, trial: ct.Trial, plan: ct.Plan) -> None:
    assert plan.engagement is not None
    linked = ct.mixed_methods.link(trial, draws=plan.engagement.draws, seed=plan.engagement.seed)
    table = next(b for b in chapter.section.blocks if isinstance(b, Table) and b.id == "engagement-statistics")
    assert table.frame["kendall_tau_b"].tolist() == linked.summary()["kendall_tau_b"].tolist()


def test_intervals_have_the_level_of_the_plan(chapter: Chapter, trial: ct.Trial, plan: ct.Plan) -> None:
    choices = plan.trial.model_copy(update={"conf_level": 0.975})
    wider = chapter_of(trial, plan.model_copy(update={"trial": choices}))
    for name in ("engagement-complier", "engagement-mediation"):
        tables = [b for each in (wider, chapter) for b in each.section.blocks if isinstance(b, Table) and b.id == name]
        assert (tables[0].frame["conf_low"] < tables[1].frame["conf_low"]).all()
        assert tables[0].columns[1].label == "Estimate (97.5% CI)"
    written = " ".join(text for block in wider.section.blocks if isinstance(block, Notes) for text in block.items)
    assert written.count("97.5%") == 2
    assert "95%" not in written


def test_without_records_or_wish_there_is_no_chapter(trial: ct.Trial, plan: ct.Plan) -> None:
    assert engagement_chapter(trial, plan.model_copy(update={"engagement": None}), RULES, {}) is None
    assert engagement_chapter(dataclasses.replace(trial, tables=("teams", "allocation")), plan, RULES, {}) is None


def test_a_chapter_without_records_is_said_to_be_left_out(trial: ct.Trial, plan: ct.Plan) -> None:
    assert chapter_left_out(trial, plan) == ()
    bare = dataclasses.replace(trial, tables=tuple(name for name in trial.tables if name != "engagement"))
    assert chapter_left_out(bare, plan) == ("Engagement and change: left out, the trial has no table engagement",)
    assert chapter_left_out(bare, plan.model_copy(update={"engagement": None})) == ()


def test_too_few_teams_are_said_to_be_too_few(plan: ct.Plan) -> None:
    with pytest.warns(TrialWarning, match="fidelity_items"):
        small = ct.simulate_trial(n_teams=6)
    found = chapter_of(small, plan)
    words = " ".join(item for block in found.section.blocks if isinstance(block, Notes) for item in block.items)
    words += " ".join(getattr(block, "text", "") for block in found.section.blocks)
    assert re.search(r"fewer than 5|too few|No complier|No path", words)


def test_reviews_of_one_time_only_are_said_to_carry_no_chapter(trial: ct.Trial, plan: ct.Plan) -> None:
    tables = {name: trial.table(name) for name in trial.tables}
    tables["fidelity_items"] = tables["fidelity_items"].query("timepoint == 12")
    with pytest.warns(TrialWarning):
        bare = ct.load_trial(tables)
    found = chapter_of(bare, plan)
    assert "could not be described" in found.section.blocks[0].text
    assert not found.plots
