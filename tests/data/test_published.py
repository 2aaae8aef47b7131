"""The published figures: complete in their sources, consistent with their own arithmetic, missing where not printed."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from scipy import stats

import core_trial as ct

TABLES = ("headline", "survey_norms", "sip_teams", "design", "components", "domains", "themes")


@pytest.mark.parametrize("name", TABLES)
def test_every_row_has_its_status_and_source(name: str) -> None:
    table = getattr(ct.published, name)
    assert set(table["status"]) <= {"FOUND", "DERIVED"}
    assert table["source"].notna().all()
    assert table["source"].str.contains(r"doi:10\.\d+/|isrctn\.com|medpath\.com|Implementation Guide").all()


def test_an_unknown_table_is_named() -> None:
    with pytest.raises(AttributeError, match="no table results; it has components, design, domains, headline"):
        _ = ct.published.results


def test_a_change_to_a_table_does_not_stay() -> None:
    table = ct.published.headline
    table.loc[0, "value"] = 99.0
    assert ct.published.headline.loc[0, "value"] == 0.97


def derived(table: pd.DataFrame, beginning: str) -> float:
    row = table[table["quantity"].str.startswith(beginning)]
    assert list(row["status"]) == ["DERIVED"]
    return float(row["value"].iloc[0])


def test_the_published_interval_is_a_large_sample_one() -> None:
    primary = ct.published.headline.iloc[0]
    std_error = (primary["conf_high"] - primary["conf_low"]) / 2 / stats.norm.ppf(0.975)
    assert derived(ct.published.headline, "standard error") == round(std_error, 3)
    assert round(2 * stats.norm.sf(primary["value"] / std_error), 2) == primary["p_value"]
    assert round(2 * stats.t.sf(primary["value"] / std_error, 23), 2) != primary["p_value"]


def test_the_pairs_of_sd_and_icc_give_the_standard_error() -> None:
    headline = ct.published.headline
    variance = derived(headline, "variance between patients")
    assert variance == pytest.approx(derived(headline, "standard error") ** 2 * 15 / (1 / 15 + 1 / 10), abs=0.1)
    for sd in (7.0, 7.5):
        icc = derived(headline, f"ICC that goes with a standard deviation of {sd}")
        assert sd**2 * (1 + 14 * icc) == pytest.approx(variance, rel=0.005)


def test_derived_norms() -> None:
    norms = ct.published.survey_norms.set_index(["sample", "quantity"])["value"]
    survey = norms["75 teams in the United Kingdom"]
    sd = (survey["fidelity score: upper quartile"] - survey["fidelity score: lower quartile"]) / 1.349
    assert derived(ct.published.survey_norms, "fidelity score: standard deviation") == round(sd, 1)
    assert derived(ct.published.survey_norms, "fidelity score: median over the 39 items") == round(122 / 39, 2)
    assert derived(ct.published.survey_norms, "fidelity score: mean (39 items)") == 2.75 * 39
    bands = ("low", "moderate", "high")
    assert sum(survey[f"teams of {band} fidelity"] for band in bands) == 75


def test_what_the_six_teams_table_prints_is_consistent_and_what_it_lost_is_missing() -> None:
    teams = ct.published.sip_teams.set_index("team")
    assert list(teams.index) == [1, 2, 3, 4, 5, 6]
    printed = teams.loc[[1, 2, 6]]
    assert (printed["follow_up"] - printed["baseline"] == printed["change"]).all()
    assert teams.loc[[3, 5], ["location", "baseline", "follow_up", "change", "scoping_day"]].isna().all(axis=None)
    assert teams.loc[4, "change"] == 4
    assert pd.isna(teams.loc[4, "baseline"])
    assert (teams["change"].isna() | (teams["change"] == teams["change_low"])).all()
    assert (teams["change_low"].min(), teams["change_high"].max()) == (4, 37)
    smallest_and_largest_are_one_team_each = teams.loc[[3, 5], ["change_low", "change_high"]].to_numpy().tolist()
    assert smallest_and_largest_are_one_team_each == [[5, 36], [5, 36]]
    assert teams.loc[[2, 6], "scoping_month"].to_list() == [6, 2]
    assert teams.loc[[1, 6], "interim_review_month"].to_list() == [7, 8]
    assert teams["gaps"].notna().all()


def test_flags_that_cannot_be_assigned_stay_raw() -> None:
    teams = ct.published.sip_teams.set_index("team")
    garbled = teams[teams["garbled"]]
    assert list(garbled.index) == [1, 2, 6]
    assert (garbled["raw_flags"].map(len) == 5).all()
    assert garbled["scoping_day"].all()
    assert not garbled["learning_events"].any()
    unassigned = ["coaching", "fidelity_reviews", "routine_meetings", "research_support"]
    assert teams[unassigned].isna().all(axis=None)
    assert teams.loc[6, "items"] == [7, 8, 15, 16, 20, 27, 28, 29, 30, 34, 35]


def test_design_agrees_with_itself() -> None:
    design = ct.published.design.set_index("fact")["value"]
    arms = int(design["intervention teams"]) + int(design["control teams"])
    assert arms == int(design["crisis resolution teams"]) == int(design["teams retained"]) == 25
    assert int(design["highest score"]) == 5 * int(design["items"])
    assert math.isclose(int(design["moderate from"]), 3 * int(design["items"]))


def test_the_programme_its_domains_and_the_themes_are_complete_and_defined() -> None:
    components = ct.published.components.set_index("component")
    codes = ct.read_dictionary().tables["engagement"].field("component").categories
    assert dict(components["label"]) == dict(codes or {})
    assert components.loc["learning_events", "planned_months"] == [5, 9]
    assert components.loc["online_resources", "planned_months"] == []
    assert components.loc["routine_meetings", "planned_sessions"] == 12
    domains = ["prioritisation", "leadership", "workforce", "workflow", "reinforcement"]
    assert list(ct.published.domains["domain"]) == domains
    assert ct.published.themes.groupby("theme").size().to_dict() == {"components": 4, "process": 4, "impact": 5}
    for table in (components, ct.published.domains, ct.published.themes):
        assert table["definition"].str.len().min() > 30
