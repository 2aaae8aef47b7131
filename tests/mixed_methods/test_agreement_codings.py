"""Agreement of coders on segments, sentences and characters, against the units written out one by one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core_trial as ct
from core_trial.mixed_methods import agreement

TEXT = "We met weekly. Nobody led! Was it enough? \n\nThe board helped"
"""Four sentences: 0-14, 15-26, 27-41 and 44-60."""


def coded(*rows: tuple[str, str, str, int, int]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["source", "coder", "code", "start", "end"])


def estimate(found: agreement.Agreement, code: str, coefficient: str) -> float:
    return float(found.table.set_index(["code", "coefficient"])["estimate"][code, coefficient])


@st.composite
def codings(draw: st.DrawFn) -> pd.DataFrame:
    """Two documents of 12 characters, two coders who both coded each, two codes."""
    place = st.tuples(st.integers(0, 11), st.integers(1, 12)).filter(lambda ends: ends[0] < ends[1])
    rows = draw(st.lists(st.tuples(*map(st.sampled_from, (["D1", "D2"], "AB", "xy")), place), max_size=8))
    every = [(document, coder, "x", (0, 1)) for document in ("D1", "D2") for coder in "AB"]
    return coded(*((document, coder, code, *ends) for document, coder, code, ends in rows + every))


def written_out(rows: pd.DataFrame, spans: list[tuple[str, int, int]]) -> pd.DataFrame:
    """A row a span, code and coder, with 1 if any of the span is coded."""
    marks = [tuple(row) for row in rows[["source", "coder", "code", "start", "end"]].to_numpy().tolist()]

    def touched(coder: str, code: str, document: str, start: int, end: int) -> bool:
        own = [mark[3:] for mark in marks if mark[:3] == (document, coder, code)]
        return any(begins < end and ends > start for begins, ends in own)

    return pd.DataFrame(
        [
            {"unit": unit, "rater": coder, "code": code, "value": int(touched(coder, code, *span))}
            for unit, span in enumerate(spans)
            for coder in "AB"
            for code in sorted({mark[2] for mark in marks})
        ]
    )


def assert_same(found: agreement.Agreement, units: pd.DataFrame) -> None:
    expected = agreement.of_ratings(
        units, unit="unit", rater="rater", value="value", code="code", categories=[0, 1], resamples=1
    )
    columns = ["code", "coefficient", "estimate", "units"]
    pd.testing.assert_frame_equal(found.table[columns], expected.table[columns])


@settings(deadline=None, max_examples=15)
@given(codings())
def test_characters(rows: pd.DataFrame) -> None:
    spans = [(document, place, place + 1) for document in ("D1", "D2") for place in range(12)]
    found = agreement.of_codings(rows, unit="character", lengths={"D1": 12, "D2": 12}, resamples=1)
    assert_same(found, written_out(rows, spans))


@settings(deadline=None, max_examples=15)
@given(codings())
def test_segments_are_cut_by_the_ends_of_all_codings(rows: pd.DataFrame) -> None:
    spans = []
    for document, own in rows.groupby("source"):
        ends = sorted({*own["start"], *own["end"]})
        spans += [
            (document, *pair) for pair in pairwise(ends) if ((own["start"] < pair[1]) & (own["end"] > pair[0])).any()
        ]
    assert_same(agreement.of_codings(rows, unit="segment", resamples=1), written_out(rows, spans))


@settings(deadline=None, max_examples=15)
@given(codings())
def test_given_segments(rows: pd.DataFrame) -> None:
    segments = pd.DataFrame({"source": ["D2", "D1", "D1"], "start": [5, 8, 0], "end": [12, 11, 6]})
    spans = [("D1", 0, 6), ("D1", 8, 11), ("D2", 5, 12)]
    found = agreement.of_codings(rows, unit="segment", segments=segments, resamples=1)
    assert_same(found, written_out(rows, spans))


def test_sentences() -> None:
    rows = coded(("D", "A", "x", 3, 7), ("D", "A", "x", 45, 50), ("D", "B", "x", 14, 20), ("D", "B", "x", 44, 60))
    found = agreement.of_codings(rows, unit="sentence", texts={"D": TEXT}, resamples=1)
    spans = [("D", 0, 14), ("D", 15, 26), ("D", 27, 41), ("D", 44, 60)]
    assert_same(found, written_out(rows, spans))
    assert estimate(found, "x", "percent agreement") == 0.5
    assert found.unit == "sentence"


def test_texts_give_the_lengths() -> None:
    rows = coded(("D", "A", "x", 0, 30), ("D", "B", "x", 15, 60))
    found = agreement.of_codings(rows, unit="character", texts={"D": TEXT}, resamples=1)
    assert estimate(found, "x", "percent agreement") == pytest.approx(15 / 60)
    assert "60 units (character)" in found.method


def test_who_did_not_code_a_document_has_no_ratings_of_it() -> None:
    rows = coded(("D1", "A", "x", 0, 10), ("D1", "B", "x", 0, 5), ("D2", "A", "x", 0, 10))
    lengths = {"D1": 10, "D2": 10}
    found = agreement.of_codings(rows, unit="character", lengths=lengths, resamples=1)
    assert found.table["units"].eq(10).all()
    assert estimate(found, "x", "percent agreement") == 0.5
    both = pd.DataFrame({"source": ["D1", "D1", "D2", "D2"], "coder": ["A", "B"] * 2})
    read = agreement.of_codings(rows, unit="character", lengths=lengths, coders=both, resamples=1)
    assert read.table["units"].eq(20).all()
    assert estimate(read, "x", "percent agreement") == 0.25


def test_documents_that_two_coders_left_without_codes_agree() -> None:
    rows = coded(("D1", "A", "x", 0, 10), ("D1", "B", "x", 0, 10))
    both = pd.DataFrame({"source": ["D1", "D1", "D2", "D2"], "coder": ["A", "B"] * 2})
    found = agreement.of_codings(rows, unit="character", lengths={"D1": 10, "D2": 30}, coders=both, resamples=1)
    assert found.table["units"].eq(40).all()
    assert estimate(found, "x", "Cohen kappa") == 1


def test_documents_drawn_whole_widen_the_interval() -> None:
    parts = [
        coded((f"D{n}", "A", "x", 0, 100), (f"D{n}", "B", "x", 0, 100 if n % 2 else 20), (f"D{n}", "B", "y", 0, 20))
        for n in range(8)
    ]
    rows, lengths = pd.concat(parts, ignore_index=True), {f"D{n}": 200 for n in range(8)}
    widths = {}
    for draw in ("units", "documents"):
        found = agreement.of_codings(rows, unit="character", lengths=lengths, draw=draw, resamples=500)
        low, high = found.table.loc[0, ["conf_low", "conf_high"]]
        widths[draw] = high - low
        assert any("too narrow" in note for note in found.notes) == (draw == "units")
        assert f"bootstrap samples of {draw}" in found.method
    assert widths["documents"] > 3 * widths["units"]


def test_one_document_cannot_be_drawn_whole() -> None:
    rows = coded(("D", "A", "x", 0, 30), ("D", "B", "x", 15, 60))
    with pytest.raises(ct.DesignError, match="one document"):
        agreement.of_codings(rows, unit="segment", draw="documents")


def test_one_coder_only_is_undefined_and_said_so() -> None:
    found = agreement.of_codings(coded(("D", "A", "x", 0, 30), ("D", "A", "y", 15, 60)), unit="segment")
    assert found.table["estimate"].isna().all()
    assert "agreement is undefined: A is the only rater" in found.notes


def test_long_documents_take_little() -> None:
    """A million characters are as many kinds of units as there are ends of codings."""
    rng = np.random.default_rng(1)
    start = rng.integers(0, 999_000, 400)
    rows = pd.DataFrame(
        {"document": "D", "coder": np.resize(["A", "B", "C"], 400), "code": np.resize(list("vwxyz"), 400)}
    )
    found = agreement.of_codings(rows.assign(start=start, end=start + 900), unit="character", lengths={"D": 1_000_000})
    assert found.table["units"].eq([1_000_000] * 30 + [5_000_000] * 6).all()


@pytest.mark.parametrize(
    ("row", "options", "error", "message"),
    [
        (
            ("D", "A", "x", None, 5),
            {},
            ct.DataError,
            r"'start' has no place in the text in row 2: leave codings of whole",
        ),
        (("D", "A", "x", -1, 5), {}, ct.DataError, r"'start' is no position in row 2"),
        (("D", "A", "x", 5, 5), {}, ct.DataError, r"'end' is not after the start in row 2"),
        (("D", None, "x", 0, 5), {}, ct.DataError, r"'coder' is missing in row 2"),
        (("D", "A", "x", 0, 99), {"unit": "character"}, ct.DataError, r"'end' is after the end of the text in row 2"),
        (("E", "A", "x", 0, 9), {"unit": "character"}, ct.PlanError, r"lengths has no document 'E'"),
        (("D", "A", "x", 0, 9), {"unit": "sentence"}, ct.PlanError, r"unit='sentence' needs texts"),
        (("D", "A", "x", 0, 9), {"unit": "paragraph"}, ct.PlanError, r"'segment', 'sentence', 'character'"),
        (("D", "A", "x", 0, 9), {"draw": "teams"}, ct.PlanError, r"choose one of 'units', 'documents'"),
        (
            ("D", "A", "x", 0, 9),
            {"segments": pd.DataFrame({"source": "D", "start": [5, 0], "end": [9, 6]})},
            ct.DataError,
            r"'start' is in another segment in row 1",
        ),
    ],
)
def test_faults(row: tuple[object, ...], options: dict[str, object], error: type[Exception], message: str) -> None:
    rows = pd.concat([coded(("D", "B", "x", 0, 30)), pd.DataFrame([row], columns=coded().columns)], ignore_index=True)
    with pytest.raises(error, match=message):
        agreement.of_codings(rows, **{"unit": "segment", "lengths": {"D": 60}, **options})


def test_no_codings() -> None:
    with pytest.raises(ct.DataError, match="there are no codings"):
        agreement.of_codings(coded(), unit="segment")


def test_codings_that_are_no_data_frame() -> None:
    with pytest.raises(ct.PlanError, match="no data frame"):
        ct.mixed_methods.agreement.of_codings(None, unit="character")
