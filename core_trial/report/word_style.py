"""The look of a Word report, and what python-docx has no call for."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Pt, RGBColor

TABLE, CELL, SMALL_CELL, NOTE, TERM = "Trial Table", "Table Text", "Table Text Small", "Table Note", "Definition"

_STYLES = {
    "Normal": (10.5, 0, 6),
    "Title": (20, 0, 6),
    "Subtitle": (12, 0, 6),
    "Heading 1": (14, 18, 6),
    "Caption": (10, 10, 4),
    CELL: (8.5, 2, 2),
    SMALL_CELL: (7.5, 2, 2),
    NOTE: (8.5, 2, 0),
    TERM: (10.5, 0, 3),
}
"""Size of the type, room before and after a paragraph, in points."""

_HIGHEST = Pt(160)
"""Of a row with turned headings."""
_LETTER, _CELL_MARGIN = 0.56, Pt(10)
"""Room that a letter takes, as a share of the size of the type, and that a cell needs beside its text."""

_BLACK = RGBColor(0, 0, 0)

_TABLE_STYLE = f"""
<w:style {nsdecls("w")} w:type="table" w:customStyle="1" w:styleId="TrialTable">
  <w:name w:val="{TABLE}"/><w:basedOn w:val="TableNormal"/><w:uiPriority w:val="59"/><w:qFormat/>
  <w:tblPr>
    <w:tblBorders>
      <w:top w:val="single" w:sz="8" w:color="000000"/><w:bottom w:val="single" w:sz="8" w:color="000000"/>
      <w:insideH w:val="single" w:sz="4" w:color="D9D9D9"/>
    </w:tblBorders>
    <w:tblCellMar><w:left w:w="60" w:type="dxa"/><w:right w:w="60" w:type="dxa"/></w:tblCellMar>
  </w:tblPr>
  <w:tblStylePr w:type="firstRow">
    <w:rPr><w:b/></w:rPr>
    <w:tcPr>
      <w:tcBorders><w:bottom w:val="single" w:sz="6" w:color="000000"/></w:tcBorders><w:vAlign w:val="bottom"/>
    </w:tcPr>
  </w:tblStylePr>
</w:style>"""


def set_styles(word: Any) -> None:
    """House style: one sans-serif type in black, small print for tables and their notes."""
    word.styles.element.append(parse_xml(_TABLE_STYLE))
    for name in (CELL, SMALL_CELL, NOTE, TERM):
        word.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH).base_style = word.styles["Normal"]
    for name, (size, before, after) in _STYLES.items():
        _set_font(word.styles[name], size)
        layout = word.styles[name].paragraph_format
        layout.space_before, layout.space_after, layout.line_spacing = Pt(before), Pt(after), 1.1
    _plain_titles(word.styles)


def repeat_row(row: Any) -> None:
    """Have the row repeated at the top of each page that its table runs over."""
    row._tr.get_or_add_trPr().append(_element("w:tblHeader", val="true"))


def turn(cell: Any, row: Any, text: str, style: str) -> None:
    """Have the text of a cell read from bottom to top, in a row high enough for it."""
    cell.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.LEFT
    cell.paragraphs[0].paragraph_format.left_indent = Pt(3)
    cell._tc.get_or_add_tcPr().append(_element("w:textDirection", val="btLr"))
    needed = _CELL_MARGIN + int(Pt(_LETTER * _STYLES[style][0]) * len(text))
    row.height = max(row.height or 0, min(needed, _HIGHEST))


def keep_whole(row: Any) -> None:
    """Have the row on one page."""
    row._tr.get_or_add_trPr().append(_element("w:cantSplit", val="true"))


def keep_with_next(rows: Iterable[Any]) -> None:
    """Have each row on the page of what follows it."""
    for row in rows:
        for cell in row.cells:
            cell.paragraphs[0].paragraph_format.keep_with_next = True


def share_width(columns: Sequence[Sequence[str]], total: int, style: str = CELL) -> list[int]:
    """Widths for columns of these texts, the first of which is the heading, which may run over several lines.

    Each is as wide as its longest text where the page has room, else narrower; none is made narrower than its longest
    word while others can still give way.
    """
    letter = Pt(_LETTER * _STYLES[style][0])
    needed = [
        _CELL_MARGIN + letter * _longest(word for text in texts for word in re.split("[ \n]", text))
        for texts in columns
    ]
    wanted = [
        max(need, _CELL_MARGIN + letter * _longest(texts[1:])) for need, texts in zip(needed, columns, strict=True)
    ]
    spare = min(1.0, max(0.0, (total - sum(needed)) / max(1, sum(wanted) - sum(needed))))
    widths = [need + spare * (want - need) for need, want in zip(needed, wanted, strict=True)]
    return [int(width * min(1.0, total / sum(widths))) for width in widths]


def _longest(texts: Iterable[str]) -> int:
    return max(map(len, texts), default=0)


def describe_table(table: Any, text: str) -> None:
    """Give the table the title that screen readers say."""
    table._tbl.tblPr.append(_element("w:tblCaption", val=text))


def describe_picture(picture: Any, *, name: str, text: str) -> None:
    """Give the picture its alternative text."""
    picture._inline.docPr.set("name", name)
    picture._inline.docPr.set("descr", text)


def add_page_number(paragraph: Any) -> None:
    """A field that Word fills in."""
    paragraph._p.append(_element("w:fldSimple", instr="PAGE"))


@contextlib.contextmanager
def bookmark(word: Any, name: str, *, wanted: bool) -> Iterator[None]:
    """Put a bookmark round what is added inside."""
    if wanted:
        _append(word, _element("w:bookmarkStart", id="1", name=name))
    yield
    if wanted:
        _append(word, _element("w:bookmarkEnd", id="1"))


def _plain_titles(styles: Any) -> None:
    styles["Title"].font.bold = True
    styles["Caption"].font.bold = False
    styles["Subtitle"].font.italic = False
    title, subtitle = styles["Title"].element.pPr, styles["Subtitle"].element.rPr
    title.remove(title.find(qn("w:pBdr")))
    subtitle.remove(subtitle.find(qn("w:spacing")))


def _set_font(style: Any, size: float) -> None:
    style.font.size, style.font.name, style.font.color.rgb = Pt(size), "Arial", _BLACK
    fonts = style.element.rPr.rFonts
    for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{theme}"), None)


def _element(tag: str, **attributes: str) -> Any:
    element = OxmlElement(tag)
    for name, value in attributes.items():
        element.set(qn(f"w:{name}"), value)
    return element


def _append(word: Any, element: Any) -> None:
    """Put an element at the end of the text, which is before the properties of its last section."""
    word.element.body.sectPr.addprevious(element)
