"""Units of coded documents: spans of characters, and which of them each coder gave each code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ...errors import PlanError
from .coefficients import MISSING
from .ratings import Integers, Ratings

SENTENCE = re.compile(r"\S.*?(?:[.!?]+(?=\s)|\n|\Z)", re.DOTALL)
"""From a character that is no space to a full stop, question or exclamation mark before one, a line end, or the end."""

Spans = pd.DataFrame
"""Spans that do not overlap, in order: document, start, end (not included) and size, how many units each is."""


def pieces(codings: pd.DataFrame) -> Spans:
    """What the ends of all codings cut the coded text into, each one unit."""
    parts = [_cut(document, rows) for document, rows in codings.groupby("document", sort=True)]
    return pd.concat(parts, ignore_index=True).assign(size=1)


def characters(codings: pd.DataFrame, documents: Iterable[str], lengths: Mapping[str, int]) -> Spans:
    """All characters of the documents; those that no coding tells apart are in one span."""
    parts = []
    for document in documents:
        end = _given(lengths, document, "lengths", "how many characters it has")
        bounds = pd.DataFrame({"start": [0], "end": [end]})
        parts.append(
            _cut(document, pd.concat([codings.loc[codings["document"] == document, ["start", "end"]], bounds]))
        )
    spans = pd.concat(parts, ignore_index=True)
    return spans.assign(size=spans["end"] - spans["start"])


def sentences(documents: Iterable[str], texts: Mapping[str, str]) -> Spans:
    """The sentences of the documents, each one unit."""
    rows = [
        {"document": document, "start": match.start(), "end": match.end()}
        for document in documents
        for match in SENTENCE.finditer(_given(texts, document, "texts", "its text"))
    ]
    return pd.DataFrame(rows, columns=["document", "start", "end"]).assign(size=1)


def _cut(document: object, codings: pd.DataFrame) -> pd.DataFrame:
    """The parts of the codings between any two of their ends."""
    start, end = (codings[name].to_numpy(int) for name in ("start", "end"))
    bounds = np.unique(np.r_[start, end])
    depth = np.zeros(len(bounds), dtype=int)
    np.add.at(depth, np.searchsorted(bounds, start), 1)
    np.add.at(depth, np.searchsorted(bounds, end), -1)
    spans = pd.DataFrame({"document": document, "start": bounds[:-1], "end": bounds[1:]})
    return spans[np.cumsum(depth)[:-1] > 0]


def _given(mapping: Mapping[str, Any], document: str, argument: str, what: str) -> Any:
    if document not in mapping:
        raise PlanError(f"{argument} has no document {document!r}; give {what}")
    return mapping[document]


def rate_spans(codings: pd.DataFrame, spans: Spans, coders: pd.DataFrame) -> Ratings:
    """Whether each coder gave each code to each span, or to a part of it: 1 or 0.

    Missing where `coders`, a row a document and coder who coded it, has not got them.
    """
    codes, raters = (np.unique(column) for column in (codings["code"], coders["coder"]))
    documents, group = np.unique(spans["document"], return_inverse=True)
    seen = pd.crosstab(coders["document"], coders["coder"]).reindex(documents)[raters].to_numpy() > 0
    values = np.repeat(np.where(seen, 0, MISSING)[group][:, None, :], len(codes), axis=1)
    places = zip(
        *_touched(codings, spans, documents),
        np.searchsorted(codes, codings["code"]),
        np.searchsorted(raters, codings["coder"]),
        strict=True,
    )
    for first, last, code, rater in places:
        values[first:last, code, rater] = 1
    return _joined(values, spans["size"].to_numpy(float), group, tuple(codes), tuple(raters))


def _touched(codings: pd.DataFrame, spans: Spans, documents: Any) -> tuple[Integers, Integers]:
    """The first span that each coding shares a character with, and the one after the last."""
    far = max(codings["end"].max(), spans["end"].max()) + 1

    def place(frame: pd.DataFrame, side: str) -> Integers:
        return np.asarray(np.searchsorted(documents, frame["document"]) * far + frame[side].to_numpy(int))

    first = np.searchsorted(place(spans, "end"), place(codings, "start"), side="right")
    return first, np.searchsorted(place(spans, "start"), place(codings, "end"), side="left")


def _joined(values: Integers, size: Any, group: Integers, codes: tuple[str, ...], raters: tuple[str, ...]) -> Ratings:
    """Spans of one document with the same ratings, as one kind of unit."""
    keys = np.column_stack([group, values.reshape(len(values), -1)])
    _, first, kind = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    count = np.bincount(kind.ravel(), size).astype(float)
    return Ratings(values[first], count, group[first], codes, raters, np.array([0.0, 1.0]))
