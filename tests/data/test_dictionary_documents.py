"""The dictionary for readers, and the files written from it."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import core_trial as ct
from core_trial.data.dictionary import (
    Dictionary,
    dictionary_html,
    dictionary_markdown,
    read_dictionary,
    write_dictionary,
    write_templates,
)
from core_trial.data.dictionary.model import table_schema
from core_trial.errors import OutputError

README = Path(__file__).parents[2] / "data_dictionary" / "README.md"
VOID = {"meta", "br", "link", "img"}


class Page(HTMLParser):
    """Elements left open, identifiers, and addresses that a browser would load."""

    def __init__(self, page):
        super().__init__()
        self.open, self.ids, self.links, self.loaded = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if tag == "a" else []
        self.loaded += [found[key] for key in ("src", "href") if key in found and tag != "a"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def hostile():
    """A dictionary whose text would break a page or a table."""
    field = {
        "name": "x",
        "type": "string",
        "title": "<b>|",
        "description": "a | b\nc <script>",
        "categories": ["<", "|"],
    }
    return Dictionary({"visit": table_schema({"name": "visit", "fields": [field]}, "visit")})


def test_page_is_well_formed_self_contained_and_whole():
    dictionary = ct.read_dictionary()
    page = Page(dictionary_html(dictionary))
    assert page.open == []
    assert page.loaded == []
    assert len(set(page.ids)) == len(page.ids)
    assert {f"{t.name}.{f.name}" for t in dictionary.tables.values() for f in t.fields} <= set(page.ids)
    assert {link.removeprefix("#") for link in page.links if link.startswith("#")} <= set(page.ids)


def test_page_shows_codes_sources_and_what_is_not_confirmed():
    page = dictionary_html(ct.read_dictionary())
    assert "<code>detained</code> Detained" in page
    assert "https://doi.org/10.1192/bjp.2019.21" in page
    assert page.count("Not confirmed.</strong>") == 9
    assert "The CRT facilitates early discharge from hospital" in page
    assert "Still in hospital" in page


def test_text_of_a_dictionary_cannot_break_the_page(hostile):
    page = dictionary_html(hostile)
    assert "<script>" not in page
    assert Page(page).open == []


def test_markdown_tables_have_equal_rows():
    tables = re.findall(r"(?:^\|.*\n)+", dictionary_markdown(ct.read_dictionary()), flags=re.M)
    assert len(tables) == 10
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_markdown_escapes_cells(hostile):
    row = next(line for line in dictionary_markdown(hostile).splitlines() if line.startswith("| `x`"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 7


def test_readme_of_the_folder_is_up_to_date():
    assert README.read_text(encoding="utf-8") == dictionary_markdown(read_dictionary())


def test_templates_are_the_header_rows(tmp_path):
    paths = write_templates(ct.read_dictionary(), tmp_path / "new" / "trial")
    assert [path.name for path in paths][:2] == ["teams.csv", "allocation.csv"]
    assert paths[0].read_bytes() == b"team,trust,setting,population,caseload,staff_fte\n"
    assert len(paths) == 8


def test_templates_overwrite_nothing(tmp_path):
    (tmp_path / "staff.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match=r"staff.csv exists already"):
        write_templates(ct.read_dictionary(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["staff.csv"]
    assert (tmp_path / "staff.csv").read_text(encoding="utf-8") == "mine"


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match="cannot be written"):
        write_templates(ct.read_dictionary(), tmp_path / "file" / "trial")


def test_dictionary_written_and_read_is_the_same(tmp_path):
    shipped = ct.read_dictionary()
    paths = write_dictionary(shipped, tmp_path)
    assert [json.loads(path.read_text(encoding="utf-8"))["name"] for path in paths] == list(shipped.tables)
    assert read_dictionary(tmp_path).tables == shipped.tables
