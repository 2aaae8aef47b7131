"""CSV and TSV files as text, with encoding and delimiter detected and rows of the wrong length named."""

from __future__ import annotations

import codecs
import csv
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from ...errors import DataError
from ..checks import Problem
from .records import Records, reading, records

BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
LONGEST_ROW = 64 << 20
"""Bytes of the longest row that is read; a longer one is an unclosed quotation mark."""


def read_delimited(path: Path) -> Records:
    """Read a delimited text file; every column is text, an empty cell is missing.

    The encoding is UTF-8, UTF-16 with a byte order mark, or else Windows-1252, which is reported. The delimiter
    (comma, semicolon or tab) is the one that cuts the header into most columns. A row with too few or too many cells
    is a problem of the records and left out.

    Raises: DataError when the file is empty or no text.
    """
    encoding = detect_encoding(path)
    header = _header(path, encoding)
    if not header.strip():
        what = "begins with an empty line" if header else "is empty (0 bytes)"
        raise DataError(f"{path.name} {what}; the first line must name the columns")
    delimiter = detect_delimiter(header)
    names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter))]
    ragged: list[pa.csv.InvalidRow] = []
    with reading(path.name, "delimited text"):
        cells = _read_cells(path, encoding, delimiter, len(names), ragged)
    left_out = [row.number - 2 for row in ragged]
    rows = np.delete(np.arange(1, cells.num_rows + len(ragged) + 1), left_out)
    given = records(cells.to_pandas().set_axis(names, axis=1), rows)
    return replace(given, problems=(*_encoding_problem(path, encoding), *map(_ragged_problem, ragged), *given.problems))


def detect_encoding(path: Path) -> str:
    """The encoding by byte order mark, else UTF-8 if the whole file is valid UTF-8, else Windows-1252."""
    with path.open("rb") as file:
        start = file.read(4096)
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if start.startswith(mark):
            return encoding
    if b"\0" in start:
        raise DataError(f"{path.name} is not text: it holds NUL bytes; save it as CSV in UTF-8")
    return "utf-8" if _is_utf8(path) else "windows-1252"


def detect_delimiter(header: str) -> str:
    """The one of comma, semicolon and tab that stands most often in the header outside quotation marks."""
    return max(",;\t", key=re.sub(r'"[^"]*"', "", header).count)


def header_names(path: Path) -> list[str]:
    """The column names of a delimited text file."""
    header = _header(path, detect_encoding(path))
    return [name.strip() for name in next(csv.reader([header], delimiter=detect_delimiter(header)), [])]


def _header(path: Path, encoding: str) -> str:
    with reading(path.name, "delimited text"), path.open(encoding=encoding, newline="") as file:
        return file.readline(1 << 20)


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while chunk := file.read(1 << 20):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _read_cells(path: Path, encoding: str, delimiter: str, width: int, ragged: list[pa.csv.InvalidRow]) -> pa.Table:
    def leave_out(row: pa.csv.InvalidRow) -> str:
        ragged.append(row)
        return "skip"

    columns = [f"f{i}" for i in range(width)]
    return pa.csv.read_csv(
        path,
        pa.csv.ReadOptions(
            use_threads=False, block_size=LONGEST_ROW, encoding=encoding, column_names=columns, skip_rows=1
        ),
        pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=leave_out),
        pa.csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )


def _encoding_problem(path: Path, encoding: str) -> list[Problem]:
    message = f"{path.name} is not UTF-8; it was read as Windows-1252: check accented letters, or save it as UTF-8"
    return [Problem("encoding", message, severity="warning")] if encoding == "windows-1252" else []


def _ragged_problem(row: pa.csv.InvalidRow) -> Problem:
    message = (
        f"the row has {row.actual_columns} cells where the header has {row.expected_columns} (line {row.number} of the "
        "file, if no line is empty); a value that holds the delimiter must stand in quotation marks"
    )
    return Problem("row_length", message, row=row.number - 1)
