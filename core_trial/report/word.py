"""A document for Word: tables that can be edited, pictures with their text, the same bytes each time."""

from __future__ import annotations

import datetime
import functools
import io
import zipfile
from collections.abc import Sequence
from typing import Any

import docx
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.shared import Cm

from . import word_style as style
from .document import Block, Definitions, Document, FigureBlock, Notes, Paragraph
from .tables import Align, Group, Table

_MADE = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
"""Stands for the time of making, which the file must name and which may not differ between runs."""

_ONE_PAGE = 30
"""Rows of a table that is moved to the next page rather than broken."""

_TURNED = "000"
"""Letters as wide as a heading is high that reads from bottom to top."""

_ALIGNMENT: dict[Align, WD_ALIGN_PARAGRAPH] = {
    "left": WD_ALIGN_PARAGRAPH.LEFT,
    "right": WD_ALIGN_PARAGRAPH.RIGHT,
    "center": WD_ALIGN_PARAGRAPH.CENTER,
}


def render_docx(document: Document) -> bytes:
    """The content of a .docx file.

    >>> from core_trial.report.document import Section
    >>> render_docx(Document("CORE", "", (Section("design", "Design", (Paragraph("25 teams"),)),)))[:2]
    b'PK'
    """
    word = docx.Document()
    style.set_styles(word)
    _set_properties(word, document)
    _add_front(word, document)
    numbers = document.numbers()
    for place, section in enumerate(document.sections, 1):
        _turn_page(word, section.wide)
        with style.bookmark(word, "environment", wanted=section.environment):
            word.add_heading(f"{place}. {section.title}", level=1)
            for block in section.blocks:
                _add(block, word, numbers)
    return _packed(word)


def _set_properties(word: Any, document: Document) -> None:
    properties = word.core_properties
    properties.author = properties.last_modified_by = "core_trial"
    properties.created = properties.modified = _MADE
    properties.title = document.title
    properties.comments = document.banner
    properties.language = "en-GB"


def _add_front(word: Any, document: Document) -> None:
    page = word.sections[0]
    page.page_width, page.page_height = Cm(21), Cm(29.7)
    page.left_margin = page.right_margin = page.bottom_margin = Cm(1.8)
    page.top_margin = Cm(2.4)
    page.header.paragraphs[0].add_run(document.banner).bold = True
    page.header.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.CENTER
    style.add_page_number(page.footer.paragraphs[0])
    word.add_heading(document.title, level=0)
    if document.subtitle:
        word.add_paragraph(document.subtitle, style="Subtitle")


def _turn_page(word: Any, wide: bool) -> None:
    """Begin a page on its side, or upright again, where the one before is not so."""
    page = word.sections[-1]
    if wide != (page.orientation == WD_ORIENT.LANDSCAPE):
        page = word.add_section(WD_SECTION.NEW_PAGE)
        page.orientation = WD_ORIENT.LANDSCAPE if wide else WD_ORIENT.PORTRAIT
        page.page_width, page.page_height = page.page_height, page.page_width


@functools.singledispatch
def _add(block: Block, _word: Any, _numbers: dict[str, str]) -> None:
    raise TypeError(f"a document has no block of type {type(block).__name__}")


@_add.register
def _(block: Paragraph, word: Any, _numbers: dict[str, str]) -> None:
    word.add_paragraph(block.text)


@_add.register
def _(block: Notes, word: Any, _numbers: dict[str, str]) -> None:
    for item in block.items:
        word.add_paragraph(item, style="List Bullet")


@_add.register
def _(block: Definitions, word: Any, _numbers: dict[str, str]) -> None:
    for term, text in block.items:
        paragraph = word.add_paragraph(style=style.TERM)
        paragraph.add_run(f"{term}: ").bold = True
        paragraph.add_run(text)


@_add.register
def _(block: FigureBlock, word: Any, numbers: dict[str, str]) -> None:
    picture = word.add_picture(io.BytesIO(block.png))
    scale = min(1.0, _text_width(word) / picture.width)
    picture.width, picture.height = int(picture.width * scale), int(picture.height * scale)
    style.describe_picture(picture, name=numbers[block.anchor], text=block.alt)
    word.paragraphs[-1].paragraph_format.keep_with_next = True
    _add_caption(word, numbers[block.anchor], block.caption)


@_add.register
def _(block: Table, word: Any, numbers: dict[str, str]) -> None:
    _add_caption(word, numbers[block.anchor], block.title).paragraph_format.keep_with_next = True
    table = word.add_table(rows=0, cols=len(block.columns), style=style.TABLE)
    style.describe_table(table, block.title)
    _set_widths(table, block, _text_width(word))
    _add_row(table, block, [column.label for column in block.columns])
    style.repeat_row(table.rows[0])
    for cell, column in zip(table.rows[0].cells, block.columns, strict=True):
        if column.turned:
            style.turn(cell, table.rows[0], column.label, _cell_style(block))
    for group in block.grid():
        _add_group(table, block, group)
    notes = block.legend()
    if len(table.rows) <= _ONE_PAGE:
        style.keep_with_next(table.rows if notes else list(table.rows)[:-1])
    for note in notes:
        word.add_paragraph(note, style=style.NOTE)


def _add_caption(word: Any, number: str, text: str) -> Any:
    paragraph = word.add_paragraph(style="Caption")
    paragraph.add_run(f"{number}. ").bold = True
    paragraph.add_run(text)
    return paragraph


def _set_widths(table: Any, block: Table, total: int) -> None:
    rows = [row.cells for group in block.grid() for row in group.rows]
    texts = [
        [_TURNED if column.turned else column.label, *(column.unbroken(row[place]) for row in rows)]
        for place, column in enumerate(block.columns)
    ]
    for added, width in zip(table.columns, style.share_width(texts, total, _cell_style(block)), strict=True):
        added.width = width


def _add_group(table: Any, block: Table, group: Group) -> None:
    if group.heading is not None:
        cells = table.add_row().cells
        paragraph = cells[0].merge(cells[-1]).paragraphs[0]
        paragraph.style = _cell_style(block)
        paragraph.paragraph_format.keep_with_next = True
        paragraph.add_run(group.heading).bold = True
    for row in group.rows:
        cells = [column.unbroken(cell) for column, cell in zip(block.columns, row.cells, strict=True)]
        _add_row(table, block, cells, row.indent)


def _add_row(table: Any, block: Table, texts: Sequence[str], indent: int = 0) -> None:
    row = table.add_row()
    style.keep_whole(row)
    for cell, column, text in zip(row.cells, block.columns, texts, strict=True):
        paragraph = cell.paragraphs[0]
        paragraph.text, paragraph.style = text, _cell_style(block)
        paragraph.alignment = _ALIGNMENT[column.alignment]
    row.cells[0].paragraphs[0].paragraph_format.left_indent = Cm(0.4 * indent)


def _cell_style(block: Table) -> str:
    return style.SMALL_CELL if block.wide else style.CELL


def _text_width(word: Any) -> int:
    page = word.sections[-1]
    return int(page.page_width - page.left_margin - page.right_margin)


def _packed(word: Any) -> bytes:
    """The file, its members sorted and dated alike, so that the same document gives the same bytes."""
    saved, packed = io.BytesIO(), io.BytesIO()
    word.save(saved)
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in sorted(source.namelist()):
            member = zipfile.ZipInfo(name, date_time=_MADE.timetuple()[:6])
            member.create_system, member.compress_type = 3, zipfile.ZIP_DEFLATED
            target.writestr(member, source.read(name))
    return packed.getvalue()
