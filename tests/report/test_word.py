"""The Word report opened again: real tables, repeated heads, pictures with text, nothing that changes between runs."""

import io
import zipfile

import docx
import pytest
from docx.enum.section import WD_ORIENT
from docx.oxml.ns import qn

from core_trial.report import Document, Section, Table, render_docx
from core_trial.report.word_style import share_width


@pytest.fixture(scope="module")
def content(document: Document) -> bytes:
    return render_docx(document)


@pytest.fixture(scope="module")
def word(content: bytes) -> docx.document.Document:
    return docx.Document(io.BytesIO(content))


def test_the_same_document_gives_the_same_bytes(document: Document, content: bytes) -> None:
    assert render_docx(document) == content


def test_nothing_tells_when_or_where_it_was_made(word: docx.document.Document, content: bytes) -> None:
    properties = word.core_properties
    assert (properties.author, properties.last_modified_by) == ("core_trial", "core_trial")
    assert properties.created == properties.modified
    assert properties.created.year == 2000
    assert properties.title == "CORE & friends"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {member.date_time for member in archive.infolist()} == {(2000, 1, 1, 0, 0, 0)}
        assert archive.namelist() == sorted(archive.namelist())


def test_tables_hold_the_cells(word: docx.document.Document) -> None:
    cells = [[cell.text.replace("\N{NO-BREAK SPACE}", " ") for cell in row.cells] for row in word.tables[0].rows]
    assert cells[0] == ["Outcome", "Effect (95% CI)", "p", "df", "People", "Responders"]
    assert cells[1] == ["Primary"] * 6
    assert cells[2] == ["CSQ-8", "0.97 (−1.02 to 2.96)", "0.340", "21.6", "375", "120"]
    assert cells[-1] == ["Burnout <0-54>", "–", "–", "–", "6", "*"]
    assert word.tables[0].cell(2, 1).text == "0.97 (−1.02\u00a0to\u00a02.96)"


def test_heads_are_repeated_on_every_page(word: docx.document.Document) -> None:
    for table in word.tables:
        assert [bool(row._tr.findall(f".//{qn('w:tblHeader')}")) for row in table.rows][:2] == [True, False]


def test_captions_and_notes_stand_around_tables(word: docx.document.Document) -> None:
    captions = [paragraph.text for paragraph in word.paragraphs if paragraph.style.name == "Caption"]
    assert captions == ["Table 1. Effects", "Figure 1. The forest.", "Figure 2. The trajectory.", "Table 2. Software"]
    notes = [paragraph.text for paragraph in word.paragraphs if paragraph.style.name == "Table Note"]
    assert notes[:2] == ["t with the stated df.", "– not estimated."]


def test_pictures_have_alternative_text_and_fit_the_page(word: docx.document.Document) -> None:
    section = word.sections[0]
    width = section.page_width - section.left_margin - section.right_margin
    assert [shape._inline.docPr.get("descr") for shape in word.inline_shapes] == [
        'What the "forest" shows.',
        'What the "trajectory" shows.',
    ]
    assert all(shape.width <= width for shape in word.inline_shapes)


def test_the_banner_heads_every_page(word: docx.document.Document) -> None:
    for section in word.sections:
        assert "SYNTHETIC DATA" in section.header.paragraphs[0].text


def test_a_section_with_a_wide_table_lies_on_its_side(effects: Table) -> None:
    wide = Table("wide", "Wide", effects.frame, effects.columns * 2)
    sections = (Section("a", "A", (effects,)), Section("b", "B", (wide,)), Section("c", "C", ()))
    word = docx.Document(io.BytesIO(render_docx(Document("", "", sections))))
    assert [page.orientation for page in word.sections] == [
        WD_ORIENT.PORTRAIT,
        WD_ORIENT.LANDSCAPE,
        WD_ORIENT.PORTRAIT,
    ]
    assert [page.page_width > page.page_height for page in word.sections] == [False, True, False]


def test_columns_are_as_wide_as_they_like_until_the_page_is_full() -> None:
    texts = [["heading of many words", "one two"], ["p", "1.23 (0.12\u00a0to\u00a02.34)"]]
    roomy = share_width(texts, 10**9)
    assert roomy[1] > roomy[0] > 0
    narrow = share_width(texts, sum(roomy) - 10_000)
    assert sum(narrow) <= sum(roomy) - 10_000
    assert narrow[1] < roomy[1]
    assert narrow[0] == roomy[0]
    assert sum(share_width(texts, 1000)) <= 1000
