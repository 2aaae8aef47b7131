"""What a document calls teams, in place of the codes of the trial."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import singledispatch
from typing import Any

import pandas as pd

from .document import Definitions, Document, FigureBlock, Notes, Paragraph
from .tables import Table

Rewrite = Callable[[str], str]


def rename_teams(document: Document, names: Mapping[str, str]) -> Document:
    """The document with `names` (code -> name) in place of every code of a team in its words and tables.

    A code is known by its quotation marks, 'T05', or by the word before it, team T05: it may be a mere number.
    """
    if not names:
        return document
    codes = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    pattern = re.compile(rf"'({codes})'|\bteam ({codes})(?!\w)")

    def rewrite(text: str) -> str:
        return pattern.sub(lambda found: names[found[1] or found[2]], text)

    sections = (
        replace(section, blocks=tuple(_renamed(each, rewrite) for each in section.blocks))
        for section in document.sections
    )
    return replace(document, sections=tuple(sections))


@singledispatch
def _renamed(block: Any, _: Rewrite) -> Any:
    raise TypeError(f"no block of a document: {block!r}")


@_renamed.register
def _(block: Paragraph, rewrite: Rewrite) -> Paragraph:
    return Paragraph(rewrite(block.text))


@_renamed.register
def _(block: FigureBlock, rewrite: Rewrite) -> FigureBlock:
    return replace(block, caption=rewrite(block.caption), alt=rewrite(block.alt))


@_renamed.register
def _(block: Notes, rewrite: Rewrite) -> Notes:
    return Notes(tuple(map(rewrite, block.items)))


@_renamed.register
def _(block: Definitions, rewrite: Rewrite) -> Definitions:
    return Definitions(tuple((term, rewrite(text)) for term, text in block.items))


@_renamed.register
def _(block: Table, rewrite: Rewrite) -> Table:
    words = block.frame.select_dtypes(["object", "str"])
    frame = block.frame.assign(**{str(name): _column(column, rewrite) for name, column in words.items()})
    return replace(block, frame=frame, notes=tuple(map(rewrite, block.notes)))


def _column(column: pd.Series, rewrite: Rewrite) -> pd.Series:
    return column.map(lambda value: rewrite(value) if isinstance(value, str) else value)
