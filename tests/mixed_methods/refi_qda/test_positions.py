from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_trial import TrialWarning
from core_trial.mixed_methods import read_refi_qda
from core_trial.mixed_methods.refi_qda.positions import Counting, Passage, Ruler, count_text, locate_passages

RULES = [Counting(line_end, astral) for line_end in (1, 2) for astral in (1, 2)]
PIECES = st.lists(st.sampled_from(["a", "é", "\n", "\r\n", "\U0001f600", "word ", "\r", "\U00010348b"]), max_size=40)


def written_position(pieces: str, place: int, rule: Counting) -> int:
    """Where a program that follows the rule says that the place in the counted text is, character by character."""
    position = 0
    for character in count_text(pieces)[:place]:
        position += rule.astral if ord(character) > 0xFFFF else 1
    before = pieces.replace("\r\n", "\0")[:place]
    return position + (rule.line_end - 1) * before.count("\0")


@given(PIECES, st.sampled_from(RULES), st.data())
def test_positions_of_every_rule_come_back(pieces: list[str], rule: Counting, data: st.DataObject) -> None:
    text = "".join(pieces)
    places = data.draw(st.lists(st.integers(0, len(count_text(text))), max_size=10))
    given_places = [written_position(text, place, rule) for place in places]
    assert Ruler.of(text).locate(given_places, rule).tolist() == places


@given(PIECES, st.sampled_from(RULES), st.data())
def test_named_passages_tell_the_rule(pieces: list[str], rule: Counting, data: st.DataObject) -> None:
    text = "".join([*pieces, "\r\n\U0001f600 the last passage has a name"])
    counted = count_text(text)
    start = counted.index("the last")
    placed = [written_position(text, place, rule) for place in (start, len(counted))]
    usual = data.draw(st.sampled_from(RULES[::2]))
    located = locate_passages([Passage(placed[0], placed[1], "the last pass...")], text, usual)
    assert located.certain
    assert located.places.tolist() == [[start, len(counted)]]


def test_positions_beyond_the_text_stay_beyond_it() -> None:
    assert Ruler.of("a\r\nb").locate([-1, 3, 9], Counting(2, 1)).tolist() == [-1, 2, 8]


TEXT = "Ann: a \U0001f600 day.\r\nBob: they came to the coaching.\r\nAnn: yes."
QUOTES = ["they came", "yes."]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_quotes_come_out_whatever_the_program_counted(write_codings, guid, rule: Counting) -> None:
    counted = count_text(TEXT)
    passages = []
    for quote in QUOTES:
        start = counted.index(quote)
        ends = (start, start + len(quote))
        passages.append((*(written_position(TEXT, place, rule) for place in ends), quote))
    project = read_refi_qda(write_codings(TEXT, passages))
    text = project.text(guid(3))
    assert [text[row.start : row.end] for row in project.codings.itertuples()] == QUOTES
    assert project.sources["positions"].to_list() == [str(rule)]
    assert project.sources["characters"].to_list() == [len(counted)]


@pytest.mark.parametrize(("origin", "line_end"), [("NVivo 14", 2), ("ATLAS.ti 23", 1)])
def test_unnamed_passages_follow_the_custom_of_the_program(write_codings, guid, origin: str, line_end: int) -> None:
    rule = Counting(line_end)
    start = count_text(TEXT).index("yes.")
    placed = [written_position(TEXT, place, rule) for place in (start, start + 4)]
    path = write_codings(TEXT, [(placed[0], placed[1], "")], origin)
    with pytest.warns(TrialWarning, match="compare a passage"):
        project = read_refi_qda(path)
    assert project.codings[["start", "end"]].to_numpy().tolist() == [[start, start + 4]]
    assert project.text(guid(3))[start : start + 4] == "yes."


def test_passages_before_any_line_end_need_no_rule(write_codings) -> None:
    assert read_refi_qda(write_codings(TEXT, [(0, 4, "")])).checks.empty


def test_a_byte_order_mark_is_no_character(write_codings, guid) -> None:
    project = read_refi_qda(write_codings("\ufeffcoaching", [(0, 5, "coach")]))
    assert project.text(guid(3)) == "coaching"


@pytest.mark.parametrize("ends", [(5, 2), (-3, 2), (0, 900)])
def test_passages_outside_the_text_are_kept_and_reported(write_codings, ends: tuple[int, int]) -> None:
    path = write_codings("a short text", [(0, 7, "a short"), (*ends, "")])
    with pytest.warns(TrialWarning, match="outside its 12 characters: 1; they are kept"):
        project = read_refi_qda(path)
    assert project.codings[["start", "end"]].to_numpy().tolist() == [[0, 7], list(ends)]
