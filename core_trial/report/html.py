"""A document as one page of HTML that needs nothing else: no script, style sheet, font or picture from outside."""

from __future__ import annotations

import functools
import re

import jinja2
from markupsafe import Markup

from .document import Definitions, Document, FigureBlock, Notes, Paragraph
from .tables import Table

_KINDS = {Paragraph: "paragraph", Table: "table", FigureBlock: "figure", Notes: "notes", Definitions: "definitions"}


def render_html(document: Document) -> str:
    """The whole page.

    >>> from core_trial.report.document import Section
    >>> page = render_html(Document("CORE", "", (Section("design", "Design", (Paragraph("25 teams"),)),)))
    >>> "<p>25 teams</p>" in page
    True
    """
    return _environment().get_template("document.html").render(document=document, numbers=document.numbers())


def render_table(table: Table, number: str = "") -> str:
    """A table alone, as a fragment of HTML with caption, scopes and notes."""
    return _environment().get_template("table.html").render(table=table, number=number)


def inline_svg(svg: str, anchor: str) -> str:
    """An SVG file as an element of a page: without prologue and metadata, its ids made the page's own by `anchor`."""
    element = svg[svg.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", element, flags=re.DOTALL)
    element = re.sub(r'\bid="', f'id="{anchor}-', element)
    element = re.sub(r'href="#', f'href="#{anchor}-', element)
    return re.sub(r"url\(#", f"url(#{anchor}-", element)


def _css_string(text: str) -> Markup:
    """A text as a string of CSS, in which only letters, digits and spaces stand as they are."""
    quoted = "".join(sign if sign.isalnum() or sign == " " else f"\\{ord(sign):x} " for sign in text)
    return Markup(f'"{quoted}"')


def _svg_of(figure: FigureBlock) -> Markup:
    return Markup(inline_svg(figure.svg, figure.anchor))


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("core_trial.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["svg"] = _svg_of
    environment.filters["css_string"] = _css_string
    environment.filters["kind"] = lambda block: _KINDS[type(block)]
    return environment
