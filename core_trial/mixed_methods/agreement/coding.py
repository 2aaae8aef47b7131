"""Agreement of coders, from their codings of the same documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import pandas as pd

from ...columns import known, numeric, refuse_rows, require_columns
from ...errors import DataError, DesignError, PlanError
from .result import Agreement, check_bootstrap, summarise
from .spans import Spans, characters, pieces, rate_spans, sentences

Unit = Literal["segment", "sentence", "character"]
Drawn = Literal["units", "documents"]

MEANING: dict[str, str] = {
    "segment": "a segment is what the ends of all codings cut the coded text into; text without any code is left out",
    "given": "segments are those given; one counts as coded if any part of it is",
    "sentence": "a sentence counts as coded if any part of it is; text that nobody coded counts as agreement",
    "character": "text that nobody coded counts as agreement",
}
DEPENDENT = "neighbouring units are not independent: intervals that draw units are too narrow, so draw documents"


def of_codings(
    codings: pd.DataFrame,
    *,
    unit: Unit,
    document: str | None = None,
    code: str = "code",
    coder: str = "coder",
    texts: Mapping[str, str] | None = None,
    lengths: Mapping[str, int] | None = None,
    segments: pd.DataFrame | None = None,
    coders: pd.DataFrame | None = None,
    draw: Drawn = "units",
    resamples: int = 2000,
    seed: int = 1,
    conf_level: float = 0.95,
) -> Agreement:
    """Agreement of coders on where each code applies, by code and pooled over the codes of each unit.

    Parameters
    ----------
    codings : a row a coding, with start and end (not included), in characters or milliseconds from the start
    unit : "segment", "sentence" (needs `texts`) or "character" (needs `lengths`, or `texts`)
    document, code, coder : columns; `document` is by default document, if there is one, else source
    texts, lengths : the text, or its number of characters, by document; line ends must count as they do in the codings
    segments : segments decided beforehand, which do not overlap, with columns as `document`, start, end
    coders : who coded which document, with columns as `document` and `coder`; by default those who coded anything in
        it. A coder who is not here with a document has no ratings of it, rather than no codes
    draw : what the bootstrap draws with replacement: "units" or whole "documents"
    resamples, seed, conf_level : of the percentile bootstrap

    Raises
    ------
    PlanError : a column, text or length is not there, or an option is unknown
    DataError : a coding has no place in the text, ends before it starts or after the text (the failures name the rows)
    DesignError : there is one document only to draw from

    Examples
    --------
    >>> import core_trial as ct
    >>> codings = pd.DataFrame({"coder": ["R1", "R2", "R1"], "start": [0, 10, 60], "end": [40, 40, 80]})
    >>> codings = codings.assign(source="interview", code="leadership")
    >>> agreement = ct.mixed_methods.agreement.of_codings(codings, unit="character", lengths={"interview": 100})
    >>> print(agreement.table.to_dict("list")["estimate"][0], agreement.unit)
    0.7 character
    """
    _check_options(unit, draw)
    check_bootstrap(resamples, conf_level)
    require_columns(codings, [code, coder])
    where = document or ("document" if "document" in codings.columns else "source")
    marked = _read(codings, {where: "document", code: "code", coder: "coder"})
    who = marked if coders is None else _renamed(coders, {where: "document", coder: "coder"})
    given = None if segments is None else _placed(_renamed(segments, {where: "document"}))
    ratings = rate_spans(marked, _spans(unit, marked, who, texts, lengths, given), who)
    if draw == "documents" and ratings.group.max() == 0:
        raise DesignError("one document says nothing of how documents vary: take draw='units', or code more documents")
    groups = "documents" if draw == "documents" else None
    notes = [MEANING["given" if given is not None else unit], *([DEPENDENT] if groups is None else [])]
    return summarise(ratings, unit, resamples=resamples, seed=seed, conf_level=conf_level, groups=groups, notes=notes)


def _check_options(unit: str, draw: str) -> None:
    for name, given, allowed in (("unit", unit, get_args(Unit)), ("draw", draw, get_args(Drawn))):
        if given not in allowed:
            raise PlanError(f"{name} is {given!r}; choose one of {', '.join(map(repr, allowed))}")


def _read(codings: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    if codings.empty:
        raise DataError("there are no codings, so no agreement of coders")
    return _placed(_renamed(codings, names))


def _renamed(frame: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """The named columns as text, under the names that they have here, beside start and end."""
    require_columns(frame, names)
    text = {new: known(frame[old]).astype(str) for old, new in names.items()}
    return frame[[name for name in ("start", "end") if name in frame.columns]].assign(**text)


def _placed(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame, after a look at its positions."""
    require_columns(frame, ["start", "end"])
    start, end = (numeric(frame[name]) for name in ("start", "end"))
    for side in (start, end):
        refuse_rows(side, side.isna(), "has no place in the text", "leave codings of whole documents and areas out")
        refuse_rows(side, (side < 0) | (side % 1 != 0), "is no position", "count characters from 0")
    refuse_rows(end, end <= start, "is not after the start", "correct the positions")
    return frame.assign(start=start.astype(int), end=end.astype(int))


def _spans(
    unit: Unit,
    codings: pd.DataFrame,
    coders: pd.DataFrame,
    texts: Mapping[str, str] | None,
    lengths: Mapping[str, int] | None,
    segments: pd.DataFrame | None,
) -> Spans:
    documents = sorted({*codings["document"], *coders["document"]})
    if unit == "segment":
        return pieces(codings) if segments is None else _apart(segments)
    if texts is None and (unit == "sentence" or lengths is None):
        raise PlanError(f"unit={unit!r} needs {'texts' if unit == 'sentence' else 'lengths, or texts'}, by document")
    sizes = lengths if lengths is not None else {name: len(text) for name, text in (texts or {}).items()}
    _refuse_beyond(codings, sizes)
    return sentences(documents, texts or {}) if unit == "sentence" else characters(codings, documents, sizes)


def _refuse_beyond(codings: pd.DataFrame, sizes: Mapping[str, int]) -> None:
    beyond = codings["end"] > codings["document"].map(dict(sizes))
    refuse_rows(codings["end"], beyond, "is after the end of the text", "check how line ends are counted")


def _apart(segments: pd.DataFrame) -> Spans:
    """Segments in order, which must not overlap."""
    ordered = segments.sort_values(["document", "start"]).assign(size=1)
    overlapping = ordered["start"] < ordered.groupby("document")["end"].shift()
    refuse_rows(segments["start"], overlapping.reindex(segments.index), "is in another segment", "make them end before")
    return ordered.reset_index(drop=True)
