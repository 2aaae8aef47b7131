import io
import zipfile

import numpy as np
import pandas as pd
import pytest

import core_trial as ct
from core_trial.errors import DataError, PlanError
from core_trial.report.document import Document, Section
from core_trial.report.html import render_html
from core_trial.report.tables import Column
from core_trial.report.word import render_docx

TAU = [Column("tau", "τ", ".2f")]


@pytest.fixture(scope="module")
def changes(trial):
    teams = ct.mixed_methods.derive_changes(trial).teams
    return teams[teams["arm"] == "intervention"]


@pytest.fixture(scope="module")
def names(changes):
    return ct.mixed_methods.pseudonyms(changes)


@pytest.fixture(scope="module")
def components(trial):
    return ct.mixed_methods.derive_engagement(trial).components


@pytest.fixture
def passages(names):
    rows = [(team, theme, "manager", f"{theme} words") for team in names for theme in ("coaching", "senior_support")]
    frame = pd.DataFrame(rows, columns=["team", "theme", "role", "quote"])
    return frame.assign(releasable=frame["theme"] == "coaching")


def rows(table):
    return [row.cells for group in table.grid() for row in group.rows]


def meta_of(*entries):
    return pd.DataFrame(entries, columns=["kind", "subject", "finding", "meta_inference", "fit"], dtype="str")


def test_teams_stand_in_order_of_change_with_those_unknown_last(changes, components, names):
    table = ct.mixed_methods.case_ordered_matrix(changes, components, names=names)
    change = table.frame["change"].to_numpy()
    known = change[~np.isnan(change)]
    assert (np.diff(known) <= 0).all()
    assert np.isnan(change[len(known) :]).all()
    assert table.frame["team"].tolist()[:2] == ["Team A", "Team B"]
    assert table.title == "Case-ordered matrix, teams by change in fidelity: exploratory, n = 15 teams"


def test_cells_tell_a_rating_what_was_not_delivered_and_what_is_not_known():
    changes = pd.DataFrame({"team": ["T1", "T2"], "change": [5, 2]})
    engagement = pd.DataFrame(
        {
            "team": ["T1", "T1", "T1", "T2", "T2"],
            "component": ["coaching", "actions", "scoping_day", "coaching", "actions"],
            "delivered": pd.array([True, True, None, False, None], dtype="boolean"),
            "rating": [2.5, np.nan, 1.0, 0.0, np.nan],
        }
    )
    table = ct.mixed_methods.case_ordered_matrix(changes, engagement, names={"T1": "Team A", "T2": "Team B"})
    assert [cells[4:] for cells in rows(table)] == [("2.5", "yes", "1"), ("no", "–", "–")]
    assert [column.label for column in table.columns[4:]] == ["Coaching", "Actions", "Scoping day"]


def test_themes_and_components_of_one_name_stay_apart(changes, components, names):
    themes = pd.DataFrame({"coaching": 1, "impact": 0}, index=pd.Index(list(names)[1:], name="team"))
    table = ct.mixed_methods.case_ordered_matrix(changes, components, names=names, themes=themes)
    labels = [column.label for column in table.columns]
    assert labels.count("Coaching") == 1
    assert "Coaching (theme)" in labels
    assert table.frame["theme_coaching"].isna().tolist() == [True] + [False] * 14
    assert table.frame.loc[1, ["theme_coaching", "theme_impact"]].tolist() == ["●", "○"]


def test_a_matrix_of_themes_from_codings_is_taken_as_it_is(changes, names):
    codings = pd.DataFrame({"team": list(names), "code": "impact", "group": "staff"})
    themes = ct.mixed_methods.theme_matrix(codings)
    table = ct.mixed_methods.case_ordered_matrix(changes, names=names, themes=themes)
    assert table.frame["theme_impact"].eq("●").all()
    with pytest.raises(PlanError, match="without groups"):
        ct.mixed_methods.case_ordered_matrix(
            changes, names=names, themes=ct.mixed_methods.theme_matrix(codings, group="group")
        )


def test_quotations_and_inferences_stand_by_their_team(changes, names, passages):
    quotations = ct.mixed_methods.release_quotes(passages, names)
    team = next(iter(names))
    meta = meta_of(("teams", team, None, "It rose, and says why.", None))
    table = ct.mixed_methods.case_ordered_matrix(changes, None, quotations, names=names, meta=meta)
    first, second = rows(table)[:2]
    assert first[-2:] == ("“coaching words” (manager, Team A)", "It rose, and says why.")
    assert second[-1] == "–"
    without = ct.mixed_methods.case_ordered_matrix(changes, None, quotations, names=names, examples=0)
    assert "quotation" not in without.frame


def test_more_cells_than_fit_are_refused(changes, components, names):
    themes = pd.DataFrame(1, index=list(names), columns=[f"theme {i}" for i in range(13)])
    assert ct.mixed_methods.case_ordered_matrix(changes, components, names=names, themes=themes).wide
    meta = meta_of(("teams", "T01", None, "text", None))
    with pytest.raises(PlanError, match=r"21 components and themes are more than the 14 that fit beside quotations"):
        ct.mixed_methods.case_ordered_matrix(changes, components, names=names, themes=themes, meta=meta)


def test_teams_that_do_not_match_are_named(changes, components, names):
    with pytest.raises(PlanError, match="no pseudonym for T01"):
        ct.mixed_methods.case_ordered_matrix(changes, names={k: v for k, v in names.items() if k != "T01"})
    with pytest.raises(PlanError, match="the same pseudonym"):
        ct.mixed_methods.case_ordered_matrix(changes, names=dict.fromkeys(names, "Team A"))
    with pytest.raises(DataError, match="'team' is no team of the display"):
        ct.mixed_methods.case_ordered_matrix(changes[changes["team"] != "T01"], components, names=names)
    with pytest.raises(DataError, match="'component' has a second row for its team"):
        ct.mixed_methods.case_ordered_matrix(changes, pd.concat([components, components]), names=names)


def test_the_published_six_keep_their_gaps():
    teams = ct.published.sip_teams
    flags = teams.melt("team", ["scoping_day", "learning_events", "coaching"], "component", "delivered")
    table = ct.mixed_methods.case_ordered_matrix(teams, flags, names={str(t): f"Team {t}" for t in teams["team"]})
    assert rows(table) == [
        ("Team 6", "97", "134", "+37", "yes", "no", "–"),
        ("Team 1", "105", "123", "+18", "yes", "no", "–"),
        ("Team 2", "98", "111", "+13", "yes", "no", "–"),
        ("Team 4", "–", "–", "+4", "–", "–", "–"),
        ("Team 3", "–", "–", "–", "–", "–", "–"),
        ("Team 5", "–", "–", "–", "–", "–", "–"),
    ]


def test_statistics_of_a_link_stand_by_component(trial):
    table = ct.mixed_methods.statistics_by_themes(ct.mixed_methods.link(trial, draws=99).summary())
    assert len(rows(table)) == 9
    assert rows(table)[0][0] == "Engagement index"
    assert "exploratory, n = 13 teams" in table.title
    assert table.notes[0].startswith("Exploratory")


def test_a_theme_without_number_or_passage_keeps_its_row(names, passages):
    numbers = pd.DataFrame({"teams": [15], "tau": [0.5]}, index=["coaching"])
    quotations = ct.mixed_methods.release_quotes(passages, names)
    labels = {"senior_support": "Support from the top", "coaching": "Coaching", "silence": "Silence"}
    meta = meta_of(("themes", "coaching", None, "Both point to it.", None))
    table = ct.mixed_methods.statistics_by_themes(
        numbers, quotations, labels=labels, shown=TAU, meta=meta, groups={"coaching": "Programme"}
    )
    assert rows(table) == [
        ("Support from the top", "–", "–", "15", "15", "–", "–"),
        ("Coaching", "15", "0.50", "15", "15", "“coaching words” (manager, Team A)", "Both point to it."),
        ("Silence", "–", "–", "–", "–", "–", "–"),
    ]
    assert [group.heading for group in table.grid()] == ["Other", "Programme", "Other"]


def test_a_number_or_passage_without_label_is_not_dropped(names, passages):
    numbers = pd.DataFrame({"teams": [15], "tau": [0.5]}, index=["coaching"])
    with pytest.raises(DataError, match="no label for coaching"):
        ct.mixed_methods.statistics_by_themes(numbers, labels={"other": "Other"}, shown=TAU)
    quotations = ct.mixed_methods.release_quotes(passages, names)
    with pytest.raises(DataError, match="no label for senior_support"):
        ct.mixed_methods.statistics_by_themes(numbers, quotations, labels={"coaching": "Coaching"}, shown=TAU)
    default = ct.mixed_methods.statistics_by_themes(numbers, quotations, shown=TAU)
    assert [cells[0] for cells in rows(default)] == ["coaching", "senior_support"]


def test_results_and_findings_stand_side_by_side():
    results = pd.DataFrame(
        {"topic": ["fidelity"], "label": ["Fidelity"], "estimate": [12.1], "conf_low": [5.0], "conf_high": [19.2]}
    )
    meta = meta_of(
        ("outcomes", "fidelity", "Reviews gave a plan.", "Both point to it.", "confirmation"),
        ("outcomes", "morale", "Staff felt heard.", None, "silence"),
        ("teams", "T01", "not here", "not here", None),
    )
    table = ct.mixed_methods.side_by_side(results, meta, teams=6)
    assert rows(table) == [
        ("Fidelity", "12.10 (5.00 to 19.20)", "Reviews gave a plan.", "Both point to it.", "confirmation"),
        ("morale", "–", "Staff felt heard.", "–", "silence"),
    ]
    assert "exploratory, n = 6 teams interviewed" in table.title
    with pytest.raises(DataError, match="'topic' has a second row in row 2"):
        ct.mixed_methods.side_by_side(pd.concat([results, results]), meta, teams=6)


def test_displays_give_the_same_bytes_and_turned_headings(changes, components, names, passages):
    def rendered():
        quotations = ct.mixed_methods.release_quotes(passages, names)
        table = ct.mixed_methods.case_ordered_matrix(changes, components, quotations, names=names)
        document = Document("Joint", "", (Section("joint", "Joint", (table,)),))
        return render_html(document), render_docx(document), table.to_csv()

    first, second = rendered(), rendered()
    assert first == second
    assert '<span class="turned">Coaching</span>' in first[0]
    body = zipfile.ZipFile(io.BytesIO(first[1])).read("word/document.xml").decode()
    assert body.count('<w:textDirection w:val="btLr"/>') == 10


def test_gramms_has_six_items_of_which_people_fill_what_only_they_know():
    items = ct.mixed_methods.gramms()
    assert items["item"].tolist() == [1, 2, 3, 4, 5, 6]
    assert items.loc[items["answer"].isna(), "topic"].tolist() == ["Insights"]
    filled = ct.mixed_methods.gramms({6: "What both say."}, {6: "Table 4"}).iloc[5]
    assert (filled["answer"], filled["place"]) == ("What both say.", "Table 4")
    with pytest.raises(PlanError, match="no item 7; it has 1 to 6"):
        ct.mixed_methods.gramms({7: "?"})
    assert rows(ct.mixed_methods.gramms_table(items))[5][3] == "–"
