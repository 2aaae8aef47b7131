"""The page stands alone, is well formed, and can be read without eyes, script or network."""

import re
from html.parser import HTMLParser

import pytest
from lxml import etree, html

from core_trial.report import Document, Paragraph, Section, Table, render_html
from core_trial.report.html import inline_svg, render_table

VOID = {"meta", "br", "hr", "img", "input", "link", "col"}


class Balance(HTMLParser):
    """Fails on a tag that is not closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(document: Document) -> str:
    return render_html(document)


@pytest.fixture(scope="module")
def tree(page: str) -> etree._Element:
    return html.document_fromstring(page)


def test_every_tag_is_closed(page: str) -> None:
    parser = Balance()
    parser.feed(page)
    assert parser.open == []
    assert page.startswith("<!DOCTYPE html>")


def test_nothing_is_fetched(tree: etree._Element, page: str) -> None:
    assert not tree.xpath("//script | //link | //iframe | //img | //object")
    references = tree.xpath("//@src | //@href | //@*[local-name()='href' or name()='xlink:href']")
    assert references
    assert all(reference.startswith("#") for reference in references)
    assert all(target.startswith("#") for target in re.findall(r"url\(['\"]?([^)'\"]*)", page))
    assert "@import" not in page


def test_every_reference_inside_the_page_is_met_once(tree: etree._Element) -> None:
    ids = tree.xpath("//@id")
    assert len(ids) == len(set(ids))
    references = {reference[1:] for reference in tree.xpath("//@*[starts-with(., '#')]")}
    references |= {name for value in tree.xpath("//@*") for name in re.findall(r"url\(#([^)]*)\)", value)}
    colours = {name for name in references if re.fullmatch(r"[0-9a-f]{3,6}", name)}
    assert references - colours <= set(ids)


def test_text_is_escaped(page: str, tree: etree._Element) -> None:
    assert "25 &lt;teams&gt;" in page
    assert "A &amp; B" in page
    assert tree.xpath("string(//p[@class='banner'])") == 'SYNTHETIC DATA: "made" by a </style> program'
    assert len(tree.xpath("//style[not(ancestor::*[local-name()='svg'])]")) == 1


def test_tables_have_captions_scopes_and_heads(tree: etree._Element) -> None:
    tables = tree.xpath("//table")
    assert [table.xpath("normalize-space(caption)") for table in tables] == ["Table 1. Effects", "Table 2. Software"]
    assert all(table.xpath("thead/tr/th[@scope='col']") for table in tables)
    assert all(row.xpath("th[@scope='row' or @scope='rowgroup']") for row in tree.xpath("//tbody/tr"))
    assert not tree.xpath("//th[not(@scope)]")


def test_missing_values_never_show_as_code(tree: etree._Element) -> None:
    cells = [cell.text_content() for cell in tree.xpath("//td")]
    assert not {cell.lower() for cell in cells} & {"nan", "none", "nat", "<na>", "inf", ""}
    assert "– not estimated." in tree.xpath("string(//main)")


def test_figures_are_inline_with_caption_and_alternative_text(tree: etree._Element) -> None:
    figures = tree.xpath("//figure")
    assert [figure.xpath("normalize-space(figcaption)") for figure in figures] == [
        "Figure 1. The forest.",
        "Figure 2. The trajectory.",
    ]
    assert figures[0].xpath(".//div[@role='img']/@aria-label") == ['What the "forest" shows.']
    assert all(len(figure.xpath(".//*[local-name()='svg']")) == 1 for figure in figures)


def test_contents_lead_to_every_section(tree: etree._Element) -> None:
    assert tree.xpath("//nav//a/@href") == [f"#{section}" for section in tree.xpath("//section/@id")]


def test_a_section_with_a_wide_table_is_printed_on_its_side(effects: Table) -> None:
    wide = Table("wide", "Wide", effects.frame, effects.columns * 2)
    page = render_html(Document("", "", (Section("a", "A", (wide,)), Section("b", "B", (effects,)))))
    assert html.document_fromstring(page).xpath("//section[@class='wide']/@id") == ["a"]


def test_the_same_document_gives_the_same_page(document: Document, page: str) -> None:
    assert render_html(document) == page


def test_a_document_without_banner_has_none() -> None:
    page = render_html(Document("CORE", "", (Section("a", "A", (Paragraph("x"),)),)))
    assert not html.document_fromstring(page).xpath("//*[@class='banner' or @class='subtitle']")


def test_ids_must_differ() -> None:
    with pytest.raises(ValueError, match="'a'"):
        Document("", "", (Section("a", "A", ()), Section("a", "B", ())))


def test_svg_ids_and_their_references_are_renamed_together() -> None:
    drawing = '<svg><metadata>m</metadata><g id="a"/><use xlink:href="#a" clip-path="url(#a)"/></svg>'
    assert (
        inline_svg(f'<?xml version="1.0"?><!DOCTYPE svg>{drawing}', "f")
        == '<svg><g id="f-a"/><use xlink:href="#f-a" clip-path="url(#f-a)"/></svg>'
    )


def test_a_table_alone_is_a_fragment(effects: Table) -> None:
    fragment = html.fragment_fromstring(render_table(effects))
    assert fragment.xpath("normalize-space(.//caption)") == "Effects"
