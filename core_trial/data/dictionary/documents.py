"""The dictionary for readers: one page of HTML, or Markdown."""

from __future__ import annotations

from pathlib import Path

import jinja2

from .messages import allowed_values
from .model import Dictionary, Field, TableSchema

LONG_LIST = 12
"""Categories that fit in the cell of a column; a longer list has a table of its own."""


def dictionary_html(dictionary: Dictionary) -> str:
    """The dictionary as one self-contained page, for the screen and for paper.

    Examples
    --------
    >>> import core_trial as ct
    >>> from core_trial.data.dictionary import dictionary_html
    >>> page = dictionary_html(ct.read_dictionary())
    >>> page.startswith("<!doctype html>")
    True
    """
    return _render("dictionary.html", dictionary, autoescape=True)


def dictionary_markdown(dictionary: Dictionary) -> str:
    """The dictionary as Markdown with one table of columns a table of records."""
    return _render("dictionary.md", dictionary, autoescape=False)


def _render(template: str, dictionary: Dictionary, *, autoescape: bool) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"allowed": allowed_values, "cell": _cell, "own_codes": _own_codes}
    environment.tests["long"] = _is_long
    return environment.get_template(template).render(tables=dictionary.tables, digest=dictionary.sha256)


def _is_long(field: Field) -> bool:
    return len(field.categories or ()) > LONG_LIST


def _cell(text: str) -> str:
    """Text for a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def _own_codes(field: Field, table: TableSchema) -> list[tuple[str, str]]:
    """Missing codes of a column that are not those of its whole table, with their meanings."""
    return [(code or "empty", text) for code, text in field.missing.items() if table.missing.get(code) != text]
