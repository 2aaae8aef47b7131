"""Teams under other names than their codes, in every kind of block."""

from __future__ import annotations

import pandas as pd
import pytest

from core_trial.report.document import Definitions, Document, FigureBlock, Notes, Paragraph, Section
from core_trial.report.naming import rename_teams
from core_trial.report.tables import Column, Table

FRAME = pd.DataFrame({"note": ["rows of '7' and '12'", None], "count": [7, 12]})
BLOCKS = (
    Paragraph("no change is known of '7'"),
    Table("checks", "Checks", FRAME, (Column("note", "Note"),), notes=("team 12 at 0 months",)),
    FigureBlock("course", "<svg/>", b"", "Course of '12'", "the course of team 7."),
    Notes(("7 of 12 rows left out, and with them all of '7'", "team 712 has 7 of 39 items")),
    Definitions((("Teams", "12, with '7'"),)),
)


@pytest.fixture(scope="module")
def renamed() -> Document:
    document = Document("Title", "", (Section("all", "All", BLOCKS),))
    return rename_teams(document, {"7": "Team A", "12": "Control team A"})


def test_codes_in_quotation_marks_or_after_the_word_team_are_replaced(renamed: Document) -> None:
    paragraph, table, figure, notes, definitions = renamed.blocks()
    assert paragraph.text == "no change is known of Team A"
    assert table.frame["note"].tolist()[0] == "rows of Team A and Control team A"
    assert table.notes == ("Control team A at 0 months",)
    assert (figure.caption, figure.alt) == ("Course of Control team A", "the course of Team A.")
    assert notes.items[0].endswith("all of Team A")
    assert definitions.items == (("Teams", "12, with Team A"),)


def test_numbers_stay_numbers(renamed: Document) -> None:
    _, table, _, notes, _ = renamed.blocks()
    assert table.frame["count"].tolist() == [7, 12]
    assert table.frame["note"].isna().tolist() == [False, True]
    assert notes.items[0].startswith("7 of 12 rows")
    assert notes.items[1] == "team 712 has 7 of 39 items"


def test_without_names_nothing_changes() -> None:
    document = Document("Title", "", (Section("all", "All", (Paragraph("team 7, '7', ''"),)),))
    assert rename_teams(document, {}) == document
