"""XML as a stream of elements, of which no more is held than the one that is open and what it stands in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from xml.parsers import expat

from ...errors import DataError

LONGEST_TAG = 1 << 19
"""Bytes of a tag with its attributes, or of a comment."""
LONGEST_TEXT = 64 << 20
DEEPEST = 200

VALUES = ("TextValue", "BooleanValue", "IntegerValue", "FloatValue", "DateValue", "DateTimeValue")
KEPT = {"Description", "PlainTextContent", "CodeRef", "VariableRef", *VALUES}
"""Elements that say something of the one they stand in, which keeps them."""


@dataclass(slots=True, eq=False)
class Element:
    """An element; `parts` holds the first of each kind of `KEPT` that stands in it, `text` is read of those only."""

    tag: str
    attributes: dict[str, str]
    parent: Element | None
    parts: dict[str, Element] = field(default_factory=dict)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def get(self, *names: str) -> str:
        """The first of the attributes that is there and not empty, or an empty text."""
        for name in names:
            if value := self.attributes.get(name):
                return value
        return ""

    def guid(self, *names: str) -> str:
        """An identifier, in lower case and without braces, as `get` finds it."""
        return self.get(*names).strip().strip("{}").lower()

    def part(self, tag: str) -> str:
        """The text of a part; empty if there is none."""
        return self.parts[tag].text if tag in self.parts else ""

    def within(self, tag: str) -> bool:
        return self.parent is not None and self.parent.tag == tag


Take = Callable[[bool, Element], None]


def read_elements(chunks: Iterable[bytes], name: str, take: Take) -> None:
    """Hand on each element twice: `take(True, element)` where it opens, with its attributes, and `take(False, element)`
    where it closes, with its parts.

    Namespaces are left out, because programs write several.

    Raises: DataError where the XML is damaged or cut off, declares a document type or entities, nests too deeply, or
    holds a tag or text too long to be honest.
    """
    reader = _Reader(name, take)
    for chunk in chunks:
        reader.feed(chunk)
    reader.feed(b"", last=True)


class _Reader:
    def __init__(self, name: str, take: Take) -> None:
        self.name = name
        self.take = take
        self.open: Element | None = None
        self.depth = 0
        self.silent = 0
        self.length = 0
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._refusing("declares a document type (DOCTYPE)")
        self.parser.EntityDeclHandler = self._refusing("declares entities")

    def feed(self, chunk: bytes, last: bool = False) -> None:
        self.silent += len(chunk)
        try:
            self.parser.Parse(chunk, last)
        except expat.ExpatError as error:
            raise DataError(
                f"{self.name} holds damaged XML: {expat.ErrorString(error.code)} at line {error.lineno}, column "
                f"{error.offset + 1}; export it again"
            ) from error
        if self.silent > LONGEST_TAG:
            raise self._refusal(f"holds a tag, attribute or comment of more than {LONGEST_TAG >> 10} KiB")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self.silent = self.length = 0
        self.depth += 1
        if self.depth > DEEPEST:
            raise self._refusal(f"nests elements more than {DEEPEST} deep")
        self.open = Element(tag.rpartition(" ")[2], attributes, self.open)
        self.take(True, self.open)

    def _end(self, _: str) -> None:
        element = self.open
        assert element is not None
        self.silent, self.depth, self.open = 0, self.depth - 1, element.parent
        if element.tag in KEPT and element.parent is not None:
            element.parent.parts.setdefault(element.tag, element)
        self.take(False, element)

    def _text(self, text: str) -> None:
        self.silent = 0
        if self.open is not None and self.open.tag in KEPT:
            self.length += len(text)
            if self.length > LONGEST_TEXT:
                raise self._refusal(f"holds a text of more than {LONGEST_TEXT >> 20} Mi characters")
            self.open.pieces.append(text)

    def _refusal(self, what: str) -> DataError:
        line = self.parser.CurrentLineNumber
        return DataError(f"{self.name} {what}, at line {line}; no REFI-QDA file needs that, and it is not read")

    def _refusing(self, what: str) -> Callable[..., None]:
        def refuse(*_: object) -> None:
            raise self._refusal(what)

        return refuse
