"""Small synthetic REFI-QDA files, written element by element."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

Write = Callable[..., Path]


def guid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


@pytest.fixture(name="guid")
def _guid() -> Callable[[int], str]:
    """Identifiers by number."""
    return guid


@pytest.fixture
def write_project(tmp_path: Path) -> Write:
    """Write a .qdpx with this inside `<Project>`, and these texts in its folder of sources."""

    def write(
        inside: str = "",
        texts: Mapping[str, str | bytes] | None = None,
        *,
        attributes: str = 'name="Study" origin="a program"',
        namespace: str = "urn:QDA-XML:project:1.0",
        before: str = '<?xml version="1.0" encoding="utf-8"?>',
        inner: str = "project.qde",
        folder: str = "sources",
    ) -> Path:
        path = tmp_path / "study.qdpx"
        xml = f'{before}<Project xmlns="{namespace}" {attributes}>{inside}</Project>'
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in (texts or {}).items():
                archive.writestr(f"{folder}/{name}", text)
            archive.writestr(inner, xml.encode())
        return path

    return write


@pytest.fixture
def write_codings(write_project: Write) -> Write:
    """Write a project of one code and one text, with passages (start, end, name) that are coded."""

    def write(text: str, passages: list[tuple[int, int, str]], origin: str = "a program") -> Path:
        from xml.sax.saxutils import quoteattr

        selections = "".join(
            f'<PlainTextSelection guid="{guid(100 + i)}" startPosition="{start}" endPosition="{end}" '
            f'name={quoteattr(name)}><Coding guid="{guid(500 + i)}" creatingUser="{guid(1)}">'
            f'<CodeRef targetGUID="{guid(2)}"/></Coding></PlainTextSelection>'
            for i, (start, end, name) in enumerate(passages)
        )
        return write_project(
            f'<Users><User guid="{guid(1)}" name="Ann"/></Users>'
            f'<CodeBook><Codes><Code guid="{guid(2)}" name="Coaching" isCodable="true"/></Codes></CodeBook>'
            f'<Sources><TextSource guid="{guid(3)}" name="Interview" plainTextPath="internal://a.txt">'
            f"{selections}</TextSource></Sources>",
            {"a.txt": text.encode("utf-8", "surrogatepass")},
            attributes=f'name="Study" origin="{origin}"',
        )

    return write
