"""Codebooks written as REFI-QDA (.qdc), for import into NVivo, ATLAS.ti, MAXQDA and others."""

from __future__ import annotations

import os
import re
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from ...columns import require_columns
from ...data.checks import Problem, describe, failure_frame
from ...errors import DataError, OutputError

NAMESPACE = "urn:QDA-XML:codebook:1.0"
IDENTIFIERS = uuid.uuid5(uuid.NAMESPACE_URL, "core_trial/codes")
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
COLOUR = re.compile(r"#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})")
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
DEEPEST = 100
TEXTS = ("code", "name", "parent", "color", "description")


def write_codebook(path: str | Path, codes: pd.DataFrame) -> None:
    """Write codes as a REFI-QDA codebook, which `read_refi_qda` reads back; the same codes give the same bytes.

    Parameters
    ----------
    path : the file; one that is there is replaced, once the new one is whole.
    codes : a row a code, in the order that they are to have. `name` is needed; `code` identifies it (the name if there
        is no such column; what is no GUID is turned into one, always the same), `parent` is the `code` of the code
        above, `codable` false makes a folder, `color` is `#RGB` or `#RRGGBB`, `description` a text,
        whose line ends become line feeds. `RefiProject.codes` fits.

    Raises
    ------
    DataError : a code without a name, an unknown parent, a circle, a wrong colour ... all at once, with the rows.
    OutputError : the file cannot be written; what stood there is untouched.

    Example
    -------
    >>> import core_trial as ct, pandas as pd, tempfile
    >>> codes = pd.DataFrame({"code": ["staff", "rota"], "name": ["Workforce", "Rota"], "parent": [None, "staff"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ct.mixed_methods.write_codebook(f"{folder}/themes.qdc", codes)
    ...     ct.mixed_methods.read_refi_qda(f"{folder}/themes.qdc").codes["path"].to_list()
    ['Workforce', 'Workforce > Rota']
    """
    require_columns(codes, ["name"])
    if codes.empty:
        raise DataError("the codebook is not written: the table has no codes")
    table = _complete(codes)
    if problems := [*_row_problems(table), *_tree_problems(table)]:
        failures = failure_frame("codes", problems)
        raise DataError(f"the codebook is not written: {describe(failures)}", failures)
    _replace(Path(path), _to_xml(table))


def _complete(codes: pd.DataFrame) -> pd.DataFrame:
    given = codes.reset_index(drop=True)
    table = given.reindex(columns=list(TEXTS)).astype("str").where(lambda cells: cells != "")
    table["code"] = table["name"] if "code" not in given else table["code"]
    table["codable"] = given["codable"].astype(object).fillna(True) if "codable" in given else True
    return table


def _row_problems(table: pd.DataFrame) -> Iterator[Problem]:
    code, parent, color = table["code"], table["parent"], table["color"]
    rules = [
        ("required", "name", table["name"].isna(), "a code must have a name"),
        ("required", "code", code.isna() & table["name"].notna(), "a code must have an identifier"),
        ("unique", "code", code.notna() & code.duplicated(), "the code is there already; give each its own identifier"),
        ("known_code", "parent", parent.notna() & ~parent.isin(code.dropna()), "the parent is no code of the table"),
        ("boolean", "codable", ~table["codable"].isin([True, False]), "write true or false"),
        ("colour", "color", color.notna() & ~color.str.fullmatch(COLOUR).eq(True), "write a colour as #RGB or #RRGGBB"),
        *(
            ("text", c, table[c].str.contains(NOT_XML).eq(True), "holds a control character; take it out")
            for c in TEXTS
        ),
    ]
    for rule, column, broken, message in rules:
        for row in np.flatnonzero(broken):
            yield Problem(rule, message, int(row) + 1, column, table[column].iloc[row])


def _tree_problems(table: pd.DataFrame) -> Iterator[Problem]:
    above = dict(zip(table["code"], table["parent"], strict=True))
    for row, code in enumerate(table["code"], start=1):
        step, steps = above.get(code), 1
        while pd.notna(step) and step != code and steps < DEEPEST:
            step, steps = above.get(step), steps + 1
        if step == code:
            yield Problem("tree", "the code is above itself; correct the parents", row, "parent", above[code])
        elif steps == DEEPEST:
            yield Problem("tree", f"the code is {DEEPEST} levels deep or below a circle", row, "parent", above[code])


def _to_xml(table: pd.DataFrame) -> bytes:
    book = ElementTree.Element("CodeBook", {"xmlns": NAMESPACE, "origin": "core_trial"})
    top = ElementTree.SubElement(book, "Codes")
    elements = {row["code"]: _element(row.dropna()) for _, row in table.iterrows()}
    for code, parent in zip(table["code"], table["parent"], strict=True):
        elements.get(parent, top).append(elements[code])
    content: bytes = ElementTree.tostring(book, encoding="utf-8", xml_declaration=True)
    return content


def _element(row: pd.Series) -> ElementTree.Element:
    attributes = {"guid": _guid(row["code"]), "name": row["name"], "isCodable": "true" if row["codable"] else "false"}
    element = ElementTree.Element("Code", attributes | ({"color": row["color"]} if "color" in row else {}))
    if "description" in row:
        ElementTree.SubElement(element, "Description").text = row["description"]
    return element


def _guid(code: str) -> str:
    bare = code.strip("{}").lower()
    return bare if GUID.fullmatch(bare) else str(uuid.uuid5(IDENTIFIERS, code))


def _replace(path: Path, content: bytes) -> None:
    """Put the content in the place of the file, whole or not at all."""
    beside = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            beside = Path(file.name)
            file.write(content)
        os.replace(beside, path)
    except OSError as error:
        if beside is not None:
            beside.unlink(missing_ok=True)
        raise OutputError(
            f"{path} cannot be written: {error.strerror or error}. What stood there is untouched"
        ) from error
