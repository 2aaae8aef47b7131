"""What a REFI-QDA file says, gathered element by element. Identifiers are kept as they are, whether or not known."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd

from ...data.checks import FailureLog, Problem
from .documents import (
    CODING_COLUMNS,
    KINDS,
    SELECTION_COLUMNS,
    SELECTIONS,
    SOURCE_COLUMNS,
    STRING,
    WHOLE,
    Document,
    Placed,
    Selection,
    created,
    creator,
    place_selections,
    read_selection,
    whole,
    whole_number,
)
from .positions import Counting
from .rows import Rows
from .stream import VALUES, Element

ATLAS = "atlas"
TRUTH = {"true": True, "1": True, "false": False, "0": False}

ReadText = Callable[[str], str | None]


def _columns(*names: str) -> Rows:
    return Rows(dict.fromkeys(names, STRING))


@dataclass
class Collector:
    """Tables in the making. `read_text` gives the text of a source file by its path, or None."""

    read_text: ReadText
    root: Element | None = None
    users: Rows = field(default_factory=lambda: _columns("user", "name", "id"))
    codes: dict[Element, Element | None] = field(default_factory=dict)
    variables: Rows = field(default_factory=lambda: _columns("variable", "name", "type"))
    cases: Rows = field(default_factory=lambda: _columns("case", "name", "description"))
    values: Rows = field(default_factory=lambda: _columns("of", "owner", "variable", "value_type", "value"))
    case_refs: Rows = field(default_factory=lambda: _columns("case", "to", "target"))
    sources: Rows = field(default_factory=lambda: Rows(SOURCE_COLUMNS))
    selections: Rows = field(default_factory=lambda: Rows(SELECTION_COLUMNS))
    codings: Rows = field(default_factory=lambda: Rows(CODING_COLUMNS))
    sets: Rows = field(default_factory=lambda: _columns("set", "name", "kind", "member"))
    unsigned: int = 0
    notes: Counter[str] = field(default_factory=Counter)
    problems: dict[str, list[Problem]] = field(default_factory=lambda: defaultdict(list))
    documents: list[Document] = field(default_factory=list)

    def take(self, opens: bool, element: Element) -> None:
        """Take in an element as `read_elements` hands it on."""
        if self.root is None:
            self.root = element
        handler = (OPENING if opens else CLOSING).get(element.tag)
        if handler is not None:
            handler(self, element)

    def report(self, table: str, rule: str, message: str, **where: object) -> None:
        self.problems[table].append(Problem(rule, message, severity="warning", **where))  # type: ignore[arg-type]

    def checks(self) -> pd.DataFrame:
        """What was reported, with the columns `FAILURE_COLUMNS`."""
        log = FailureLog()
        for table, problems in self.problems.items():
            log.add_problems(table, problems)
        return log.table()


def _user(to: Collector, element: Element) -> None:
    to.users.add(element.guid("guid"), element.get("name"), element.get("id"))


def _code(to: Collector, element: Element) -> None:
    parent = element.parent
    to.codes[element] = parent if parent is not None and parent.tag == "Code" else None


def _variable(to: Collector, element: Element) -> None:
    to.variables.add(element.guid("guid"), element.get("name"), element.get("typeOfVariable"))


def _case(to: Collector, element: Element) -> None:
    to.cases.add(element.guid("guid"), element.get("name") or None, element.part("Description") or None)


def _value(to: Collector, element: Element) -> None:
    owner = element.parent
    if owner is None or not (owner.tag == "Case" or owner.tag in KINDS):
        return
    kind = next((tag for tag in VALUES if tag in element.parts), "")
    variable = element.parts.get("VariableRef")
    to.values.add(
        "case" if owner.tag == "Case" else "source",
        owner.guid("guid"),
        variable.guid("targetGUID") if variable else "",
        kind.removesuffix("Value") or None,
        element.part(kind).strip() or None,
    )


def _reference(to: Collector, element: Element) -> None:
    """A source, selection or code that a case refers to, or the code of a coding."""
    owner, target = element.parent, element.guid("targetGUID")
    if owner is not None and owner.tag == "Case":
        to.case_refs.add(owner.guid("guid"), element.tag.removesuffix("Ref").lower(), target)
    elif owner is not None and owner.tag == "Coding":
        _coding(to, owner, target)


def _without_code(to: Collector, element: Element) -> None:
    if "CodeRef" not in element.parts:
        _coding(to, element, "")


def _coding(to: Collector, element: Element, code: str) -> None:
    place, document = element.parent, to.documents[-1] if to.documents else None
    if document is None or place is None:
        to.report("codings", "in_source", "a coding stands outside every source and is left out", value=code)
        return
    if place.tag not in SELECTIONS and (not document.selections or document.selections[-1].kind != WHOLE):
        document.selections.append(whole(place))
    document.selections[-1].codings.append((code, creator(element), created(element)))


def _open_document(to: Collector, element: Element) -> None:
    guid = element.guid("guid")
    to.documents.append(Document(element, guid, to.documents[0].guid if to.documents else guid))


def _open_selection(to: Collector, element: Element) -> None:
    if not to.documents:
        return
    document = to.documents[-1]

    def wrong(column: str, value: str) -> None:
        message = f"a selection in {document.name!r} has {value!r} as {column}; it is kept without that position"
        to.report("codings", "whole_number", message, column=column, value=value)

    document.selections.append(read_selection(element, document, wrong))


def _close_selection(to: Collector, element: Element) -> None:
    if to.documents and not to.documents[-1].selections[-1].codings and element.part("Description").strip():
        to.notes["annotations"] += 1


def _point(to: Collector, element: Element) -> None:
    if to.documents:
        to.documents[-1].points[element.guid("guid")] = whole_number(element.get("position"))


def _note_reference(to: Collector, element: Element) -> None:
    parent = element.parent.tag if element.parent is not None else ""
    kind = "source" if parent in KINDS else "selection" if parent in SELECTIONS else parent.lower()
    to.notes[f"attached to a {kind}"] += 1


def _link(to: Collector, _: Element) -> None:
    to.notes["links"] += 1


def _member(to: Collector, element: Element) -> None:
    owner = element.parent
    if owner is not None and owner.tag == "Set":
        member = element.guid("targetGUID", "guid")
        to.sets.add(owner.guid("guid"), owner.get("name"), element.tag.removeprefix("Member").lower(), member)


def _empty_set(to: Collector, element: Element) -> None:
    to.sets.add(element.guid("guid"), element.get("name"), None, None)


def _close_document(to: Collector, element: Element) -> None:
    document = to.documents.pop()
    if element.tag == "Note":
        to.notes["notes"] += 1
        if not any(selection.codings for selection in document.selections):
            return
    placed = _placed(to, document)
    for rule, message in placed.faults:
        to.report("sources", rule, f"{document.name!r}: {message}", value=document.guid)
    path = element.get("plainTextPath") or None
    part_of = document.source if document.source != document.guid else None
    to.sources.add(
        document.guid, document.name, KINDS[element.tag], part_of, path, placed.positions, creator(element),
        created(element), placed.characters,
    )  # fmt: skip
    for selection in document.selections:
        _add_selection(to, document, selection)


def _placed(to: Collector, document: Document) -> Placed:
    element = document.element
    path = element.get("plainTextPath")
    inline = element.parts.get("PlainTextContent")
    if not path and inline is None and not any(s.kind == "text" for s in document.selections):
        return Placed()
    text = to.read_text(path) if path else inline.text if inline else None
    origin = to.root.get("origin") if to.root else ""
    usual = Counting(line_end=1 if ATLAS in origin.lower() else 2)
    return place_selections(document, text, usual)


def _add_selection(to: Collector, document: Document, selection: Selection) -> None:
    start, end = selection.start, selection.end
    if selection.kind != WHOLE:
        to.selections.add(selection.guid, document.source, document.guid, start, end)
    for code, coder, time in selection.codings:
        to.unsigned += not coder and bool(selection.creator)
        to.codings.add(
            document.source, document.guid, selection.guid, selection.kind, start, end, selection.page, selection.area,
            code, coder or selection.creator, time or selection.created,
        )  # fmt: skip


Handler = Callable[[Collector, Element], None]

OPENING: dict[str, Handler] = {
    "Code": _code,
    "Set": _empty_set,
    **dict.fromkeys(KINDS, _open_document),
    **dict.fromkeys(SELECTIONS, _open_selection),
}
CLOSING: dict[str, Handler] = {
    "User": _user,
    "Variable": _variable,
    "Case": _case,
    "VariableValue": _value,
    "SyncPoint": _point,
    "NoteRef": _note_reference,
    "Link": _link,
    "Coding": _without_code,
    **dict.fromkeys(("CodeRef", "SourceRef", "SelectionRef"), _reference),
    **dict.fromkeys(("MemberCode", "MemberSource", "MemberNote"), _member),
    **dict.fromkeys(KINDS, _close_document),
    **dict.fromkeys(SELECTIONS, _close_selection),
}
