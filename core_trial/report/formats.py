"""How the outputs of two runs are compared, by the kind of file: as numbers, words or pixels, not as bytes."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from .differences import ABSENT, COORDINATE, Pair, compare_lines

PIXELS = 0.5
"""Root mean square difference of pixels, of 255, below which pictures are the same."""

_UNREADABLE = (ValueError, OSError, SyntaxError, csv.Error, zlib.error, zipfile.BadZipFile)
"""What the readers raise for a file that is not what its name says; SyntaxError is Pillow's."""

_NOT_COMPARED = re.compile(r"<!-- environment -->.*?<!-- /environment -->|<style>.*?</style>", re.DOTALL)
_WORD_ENVIRONMENT = re.compile(r'<w:bookmarkStart [^>]*w:name="environment"/>.*?<w:bookmarkEnd [^>]*/>', re.DOTALL)
_WORD_STYLES = "word/styles.xml"
_PDF_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_SVG = re.compile(r"<svg.*?</svg>", re.DOTALL)
_SVG_METADATA = re.compile(r"<metadata>.*?</metadata>|<!--\s*Created with.*?-->", re.DOTALL)
_HASHED_ID = re.compile(r"\b[a-z][0-9a-f]{10}\b")


def compare_content(path: str, recorded: bytes, rerun: bytes) -> list[Pair]:
    """What two files of the same path have in common and where they differ, as far as their format can tell.

    The look of a page and the software versions in it are passed over. A file that cannot be read as what it is called,
    and a format that is not known, is compared as bytes.
    """
    compare = _FORMATS.get(PurePosixPath(path).suffix, _compare_bytes)
    try:
        return list(compare(recorded, rerun))
    except _UNREADABLE:
        return list(_compare_bytes(recorded, rerun))


def _compare_csv(recorded: bytes, rerun: bytes) -> Iterator[Pair]:
    nothing: dict[str, str] = {}
    for place, (old, new) in enumerate(itertools.zip_longest(_rows(recorded), _rows(rerun), fillvalue=nothing), 1):
        row = f"{place}: {next(iter((old or new).values()), '')}"
        for column in dict.fromkeys([*old, *new]):
            yield Pair(row, column, old.get(column, ABSENT), new.get(column, ABSENT))


def _rows(content: bytes) -> list[dict[str, str]]:
    """Column -> text for each row; cells beyond the last heading are numbered."""
    head, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    names = [*head, *(f"column {place}" for place in range(len(head) + 1, max(map(len, rows), default=0) + 1))]
    return [dict(zip(names, row, strict=False)) for row in rows]


def _compare_json(recorded: bytes, rerun: bytes) -> Iterator[Pair]:
    old, new = (dict(_leaves(json.loads(content))) for content in (recorded, rerun))
    for path in dict.fromkeys([*old, *new]):
        row, _, column = path.rpartition(".")
        yield Pair(row, column, old.get(path, ABSENT), new.get(path, ABSENT))


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every value that holds no other, with its path, and every empty container."""
    items = value.items() if isinstance(value, dict) else enumerate(value, 1) if isinstance(value, list) else ()
    if not items:
        yield path, value if isinstance(value, str) else json.dumps(value)
    for key, item in items:
        yield from _leaves(item, f"{path}.{key}" if path else str(key))


def _compare_html(recorded: bytes, rerun: bytes) -> Iterator[Pair]:
    """The words and numbers of the page, then its figures."""
    old, new = (_NOT_COMPARED.sub("", content.decode()) for content in (recorded, rerun))
    yield from compare_lines(_SVG.sub("<svg/>", old).splitlines(), _SVG.sub("<svg/>", new).splitlines())
    figures = itertools.zip_longest(_SVG.findall(old), _SVG.findall(new), fillvalue=ABSENT)
    for place, (before, after) in enumerate(figures, 1):
        yield from compare_lines(_svg_lines(before), _svg_lines(after), f"figure {place}", COORDINATE)


def _compare_svg(recorded: bytes, rerun: bytes) -> Iterator[Pair]:
    yield from compare_lines(_svg_lines(recorded.decode()), _svg_lines(rerun.decode()), absolute=COORDINATE)


def _svg_lines(svg: str) -> list[str]:
    """The lines of a figure without its maker; ids that are digests of what they name become their order."""
    text = _SVG_METADATA.sub("", svg)
    order = {name: f"id-{place}" for place, name in enumerate(dict.fromkeys(_HASHED_ID.findall(text)))}
    return _HASHED_ID.sub(lambda match: order[match.group()], text).splitlines()


def _compare_text(recorded: bytes, rerun: bytes) -> Iterator[Pair]:
    yield from compare_lines(recorded.decode().splitlines(), rerun.decode().splitlines())


def _compare_docx(recorded: bytes, rerun: bytes) -> Iterator[Pair]:
    """Part by part; a line is what stands between two tags."""
    old, new = _members(recorded), _members(rerun)
    for name in sorted({*old, *new} - {_WORD_STYLES}):
        before, after = old.get(name, b""), new.get(name, b"")
        if name.endswith((".xml", ".rels")):
            yield from compare_lines(_word_lines(before), _word_lines(after), name)
        else:
            yield from compare_content(name, before, after)


def _members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _word_lines(xml: bytes) -> list[str]:
    return _WORD_ENVIRONMENT.sub("", xml.decode()).replace("><", ">\n<").splitlines()


def _compare_png(recorded: bytes, rerun: bytes) -> Iterator[Pair]:
    old, new = (
        np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"), dtype=float) for content in (recorded, rerun)
    )
    yield Pair("picture", "size", str(old.shape[:2]), str(new.shape[:2]))
    if old.shape == new.shape:
        distance = float(np.sqrt(np.mean((old - new) ** 2)))
        yield Pair("picture", "rms difference of pixels", "0", f"{distance:.3g}", absolute=PIXELS)


def _compare_pdf(recorded: bytes, rerun: bytes) -> Iterator[Pair]:
    yield from compare_lines(_drawn(recorded), _drawn(rerun), absolute=COORDINATE)


def _drawn(pdf: bytes) -> list[str]:
    """What a PDF draws, line by line: its streams, inflated, however they were deflated."""
    streams = _PDF_STREAM.findall(pdf)
    if not streams:
        raise ValueError("no streams")
    return [line for stream in streams for line in zlib.decompress(stream).decode("latin-1").splitlines()]


def _compare_bytes(recorded: bytes, rerun: bytes) -> Iterator[Pair]:
    if recorded != rerun:
        yield Pair("file", "bytes", f"{len(recorded)} bytes", f"{len(rerun)} other bytes")


_FORMATS: dict[str, Callable[[bytes, bytes], Iterator[Pair]]] = {
    ".csv": _compare_csv,
    ".json": _compare_json,
    ".html": _compare_html,
    ".svg": _compare_svg,
    ".docx": _compare_docx,
    ".png": _compare_png,
    ".pdf": _compare_pdf,
    ".toml": _compare_text,
    ".md": _compare_text,
    ".txt": _compare_text,
}
