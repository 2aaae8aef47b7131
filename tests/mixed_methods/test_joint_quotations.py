import io
import zipfile

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core_trial as ct
from core_trial.errors import DataError, PlanError
from core_trial.report.disclosure import Disclosure
from core_trial.report.document import Document, Section
from core_trial.report.html import render_html
from core_trial.report.tables import Column
from core_trial.report.word import render_docx

NAMES = {"T01": "Team A", "T02": "Team B", "T03": "Team C"}
CHANGES = pd.DataFrame({"team": list(NAMES), "baseline": [110, 100, 120], "follow_up": [140, 112, 121]}).assign(
    change=lambda frame: frame["follow_up"] - frame["baseline"]
)


def passages(**columns):
    frame = pd.DataFrame(
        {
            "team": ["T01", "T01", "T02", "T03"],
            "theme": ["coaching", "support", "coaching", "support"],
            "role": ["manager", "nurse", "facilitator", "manager"],
            "quote": ["alpha words", "bravo words", "charlie words", "delta words"],
            "person": ["Ann Smith", "Bob Jones", "Cy Young", "Di Brown"],
            "source": ["interview-91", "interview-92", "interview-93", "interview-94"],
            "releasable": [True, False, True, False],
        }
    )
    return frame.assign(**columns)


def everything_shown(quotations):
    """All that leaves by way of the displays: page, Word document, and files of the tables."""
    numbers = pd.DataFrame({"teams": [3, 3], "tau": [0.1, 0.2]}, index=["coaching", "support"])
    tables = (
        ct.mixed_methods.statistics_by_themes(numbers, quotations, shown=[Column("tau", "τ", ".2f")], examples=9),
        ct.mixed_methods.case_ordered_matrix(CHANGES, None, quotations, names=NAMES, examples=9),
    )
    document = Document("Joint displays", "", (Section("joint", "Joint displays", tables),))
    word = zipfile.ZipFile(io.BytesIO(render_docx(document)))
    parts = [word.read(name).decode("utf-8", "replace") for name in word.namelist()]
    files = [content.decode() for table in tables for content in table.files().values()]
    return "\n".join([render_html(document), *parts, *files])


def test_only_what_is_releasable_leaves_by_any_way():
    shown = everything_shown(ct.mixed_methods.release_quotes(passages(), NAMES))
    assert "“alpha words” (manager, Team A)" in shown
    assert "“charlie words” (facilitator, Team B)" in shown
    for secret in ("bravo", "delta", "Ann Smith", "Di Brown", "interview-9", "T01", "T02", "T03"):
        assert secret not in shown


@settings(max_examples=6, deadline=None)
@given(marks=st.lists(st.sampled_from([True, False, None]), min_size=4, max_size=4))
def test_what_is_not_marked_is_withheld(marks):
    frame = passages(releasable=pd.Series(marks, dtype="object"))
    shown = everything_shown(ct.mixed_methods.release_quotes(frame, NAMES))
    for quote, mark in zip(frame["quote"], marks, strict=True):
        assert (quote in shown) == (mark is True)


def test_without_the_column_nothing_is_released():
    quotations = ct.mixed_methods.release_quotes(passages().drop(columns="releasable"), NAMES)
    assert quotations.released.empty
    assert quotations.withheld
    assert quotations.of("team") == {}
    assert "words”" not in everything_shown(quotations)


@pytest.mark.parametrize("marks", [["yes", "no", "yes", "no"], [1, 0, 1, 0], ["True", "False", "True", "False"]])
def test_marks_other_than_true_and_false_are_refused(marks):
    with pytest.raises(DataError, match=r"'releasable' is neither true nor false in rows 1, 2, 3, 4"):
        ct.mixed_methods.release_quotes(passages(releasable=pd.Series(marks, dtype="object")), NAMES)


def test_nullable_marks_are_read():
    marks = pd.array([True, None, False, None], dtype="boolean")
    assert ct.mixed_methods.release_quotes(passages(releasable=marks), NAMES).released["quote"].tolist() == [
        "alpha words"
    ]


def test_counts_are_of_all_passages_and_small_ones_are_withheld():
    many = pd.concat([passages(person=[f"{i}-{k}" for k in range(4)]) for i in range(5)])
    counts = ct.mixed_methods.release_quotes(many, NAMES, themes=["coaching", "support", "silence"]).counts
    assert counts.to_dict("list") == {
        "theme": ["coaching", "support", "silence"],
        "teams": [2, 2, 0],
        "quotes": [10, 10, 0],
        "people": [10, 10, 0],
    }
    few = ct.mixed_methods.release_quotes(passages(), NAMES).counts
    assert few[["quotes", "people"]].to_numpy().tolist() == [["*", "*"], ["*", "*"]]
    shown = ct.mixed_methods.release_quotes(passages(), NAMES, rules=Disclosure.preset("none")).counts
    assert shown["quotes"].tolist() == [2, 2]


def test_counts_are_rounded_where_the_rules_say_so():
    many = pd.concat([passages()] * 6)
    counts = ct.mixed_methods.release_quotes(many, NAMES, rules=Disclosure.preset("mhsds")).counts
    assert counts["quotes"].tolist() == [10, 10]


def test_a_team_that_is_not_in_the_trial_is_named():
    with pytest.raises(DataError, match=r"'team' is no team of the display in row 2: correct it; the teams are T01"):
        ct.mixed_methods.release_quotes(passages(team=["T01", "T99", "T02", "T03"]), NAMES)


def test_a_theme_spelled_otherwise_is_named_with_the_nearest():
    with pytest.raises(DataError, match=r"row 1 .*'coaching'.*did you mean 'coachin'"):
        ct.mixed_methods.release_quotes(passages(), NAMES, themes=["coachin", "support"])


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("quote", ["we in T02 rose", "b", "c", "d"], r"'quote' gives the code of a team in row 1: write its pseudonym"),
        ("quote", ["we in t02, rose", "b", "c", "d"], r"code of a team in row 1"),
        ("quote", ["a", "b", "  ", "d"], r"'quote' of the passages is empty in row 3"),
        ("role", ["manager", "nurse", None, "manager"], r"'role' of the passages is empty in row 3"),
    ],
)
def test_a_released_quotation_is_complete_and_names_no_team(column, values, message):
    with pytest.raises(DataError, match=message) as raised:
        ct.mixed_methods.release_quotes(passages(**{column: values}), NAMES)
    assert "rose" not in str(raised.value)


def test_rows_are_counted_among_all_passages():
    with pytest.raises(DataError, match="in row 3"):
        ct.mixed_methods.release_quotes(passages(quote=["a", "T01", "then T03", "d"]), NAMES)


def test_a_withheld_quotation_may_name_a_team():
    quotations = ct.mixed_methods.release_quotes(passages(quote=["a", "T01", "c", "T02"]), NAMES)
    assert quotations.released["quote"].tolist() == ["a", "c"]


def test_codes_are_whole_words():
    quotations = ct.mixed_methods.release_quotes(passages(quote=["T011 is no team", "b", "c", "d"]), NAMES)
    assert "T011" in quotations.of("team")["Team A"]


def test_lines_in_a_quotation_become_one():
    quotations = ct.mixed_methods.release_quotes(passages(quote=["one\n two", "b", "c", "d"]), NAMES)
    assert quotations.of("theme", 1)["coaching"] == "“one two” (manager, Team A)"


def test_a_missing_column_is_named():
    with pytest.raises(PlanError, match="no column 'role'"):
        ct.mixed_methods.release_quotes(passages().drop(columns="role"), NAMES)


def test_pseudonyms_follow_the_change_and_go_beyond_z():
    changes = pd.DataFrame({"team": [f"T{i:02}" for i in range(28)], "change": range(28)})
    names = ct.mixed_methods.pseudonyms(changes)
    assert names["T27"] == "Team A"
    assert (names["T02"], names["T01"], names["T00"]) == ("Team Z", "Team AA", "Team AB")
    assert len(set(names.values())) == 28


def test_a_team_twice_has_no_pseudonym():
    with pytest.raises(DataError, match="'team' is no team of its own in row 2"):
        ct.mixed_methods.pseudonyms(pd.DataFrame({"team": ["T1", "T1"], "change": [1, 2]}))
