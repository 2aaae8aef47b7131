"""Sources and what is marked and coded in them, read one document at a time."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa

from .positions import LONGEST_NAME, Counting, Passage, count_text, locate_passages
from .stream import Element

TEXT_KINDS = {"TextSource": "text", "Representation": "text", "Transcript": "transcript", "TextDescription": "text"}
KINDS = {
    **TEXT_KINDS,
    "Note": "note",
    "PDFSource": "pdf",
    "PictureSource": "picture",
    "AudioSource": "audio",
    "VideoSource": "video",
}
"""Elements that are documents, in which codings stand, and what we call them."""

SELECTIONS = {
    "PlainTextSelection": "text",
    "TranscriptSelection": "text",
    "PDFSelection": "pdf",
    "PictureSelection": "picture",
    "AudioSelection": "audio",
    "VideoSelection": "video",
}
"""Elements that mark a part of a document, and the kind of the part."""

WHOLE = "whole"
WHOLE_NUMBER = re.compile(r"\s*-?[0-9]{1,15}\s*")
SHOWN = 40
CORNERS = ("firstX", "firstY", "secondX", "secondY")

STRING, INTEGER = pa.large_string(), pa.int64()
SOURCE_COLUMNS = dict.fromkeys(
    ("source", "name", "kind", "part_of", "text_path", "positions", "created_by", "time"), STRING
) | {"characters": INTEGER}
CODING_COLUMNS = dict.fromkeys(("source", "document", "selection", "kind"), STRING) | {
    "start": INTEGER,
    "end": INTEGER,
    "page": INTEGER,
    **dict.fromkeys(("area", "code", "coder", "time"), STRING),
}
SELECTION_COLUMNS = dict.fromkeys(("selection", "source", "document"), STRING) | {"start": INTEGER, "end": INTEGER}


@dataclass
class Selection:
    """A part of a document; `start` and `end` in characters or milliseconds, None where it has none."""

    guid: str | None
    kind: str
    start: int | None = None
    end: int | None = None
    page: int | None = None
    area: str | None = None
    name: str = ""
    creator: str = ""
    created: str = ""
    codings: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass
class Document:
    """A document that is being read: its element, the source it is part of, what is marked, and its points in time."""

    element: Element
    guid: str
    source: str
    selections: list[Selection] = field(default_factory=list)
    points: dict[str, int | None] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.element.get("name")


def whole(element: Element) -> Selection:
    """The selection of a whole document."""
    return Selection(None, WHOLE, creator=creator(element), created=created(element))


def read_selection(element: Element, document: Document, wrong: Callable[[str, str], None]) -> Selection:
    """What an element of `SELECTIONS` marks; a position that is no whole number is reported to `wrong`."""

    def place(name: str) -> int | None:
        text = element.get(name)
        number = document.points.get(element.guid(name)) if name.endswith("SyncPoint") else whole_number(text)
        if number is None:
            wrong(name, text[:SHOWN])
        return number

    kind = SELECTIONS[element.tag]
    marked = Selection(element.guid("guid"), kind, creator=creator(element), created=created(element))
    marked.name = element.get("name")[:LONGEST_NAME]
    match kind:
        case "text" if element.tag == "TranscriptSelection":
            marked.start, marked.end = place("fromSyncPoint"), place("toSyncPoint")
        case "text":
            marked.start, marked.end = place("startPosition"), place("endPosition")
        case "audio" | "video":
            marked.start, marked.end = place("begin"), place("end")
        case _:
            marked.page = place("page") if kind == "pdf" else None
            marked.area = ",".join(element.get(corner) for corner in CORNERS)
    return marked


def whole_number(text: str) -> int | None:
    return int(text) if WHOLE_NUMBER.fullmatch(text) else None


def creator(element: Element) -> str:
    """The user who made something, or else who last changed it."""
    return element.guid("creatingUser", "modifyingUser")


def created(element: Element) -> str:
    return element.get("creationDateTime", "modifiedDateTime")


@dataclass(frozen=True)
class Placed:
    """How the positions in a text were counted, and faults found on the way."""

    positions: str | None = None
    characters: int | None = None
    faults: tuple[tuple[str, str], ...] = ()


def place_selections(document: Document, text: str | None, usual: Counting) -> Placed:
    """Put the positions of the passages of a document as `positions` counts them; without its text, leave them."""
    passages = [s for s in document.selections if s.kind == "text" and s.start is not None and s.end is not None]
    if text is None:
        return Placed(faults=(("text_missing", _UNREAD),) if passages else ())
    given = [Passage(s.start or 0, s.end or 0, s.name) for s in passages]
    places, rule, certain = locate_passages(given, text, usual)
    for selection, (start, end) in zip(passages, places.tolist(), strict=True):
        selection.start, selection.end = start, end
    length = len(count_text(text))
    outside = sum(not 0 <= start <= end <= length for start, end in places.tolist())
    faults = [] if certain else [("counting_rule", _UNCERTAIN.format(rule=rule))]
    if outside:
        faults.append(("within_text", _OUTSIDE.format(n=outside, length=length)))
    return Placed(str(rule), length, tuple(faults))


_UNREAD = (
    "its text is not in the project, or not UTF-8: its length is unknown, and positions are as the program wrote them"
)
_UNCERTAIN = (
    "its passages do not tell how the program counted line ends and emoji; they were taken as {rule}: compare a "
    "passage or two from the end of the text with the program"
)
_OUTSIDE = "passages that end before they begin, or lie outside its {length:,} characters: {n:,}; they are kept"
