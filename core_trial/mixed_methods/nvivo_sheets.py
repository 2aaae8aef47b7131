"""Tables that NVivo exports as CSV or Excel: matrix coding queries and classification sheets."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from ..data.checks import Problem, describe, failure_frame
from ..data.sources.delimited import read_delimited
from ..data.sources.formats import read_only_sheet
from ..data.sources.records import Records
from ..errors import DataError, TrialWarning

READERS = {
    ".csv": read_delimited,
    ".txt": read_delimited,
    ".tsv": read_delimited,
    ".xlsx": read_only_sheet,
    ".xlsm": read_only_sheet,
}
NUMBERED = re.compile(r"^\s*(?:\d+|[A-Z]+)\s*:\s+")
"""What NVivo puts before the names of rows (`1 : `) and columns (`A : `) of a matrix."""
NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")
UNASSIGNED = "Unassigned"


def read_matrix_coding(path: str | Path, *, full_names: bool = False) -> pd.DataFrame:
    r"""Read the result of a matrix coding query: one row and one column for each item, counts in the cells.

    The numbering before names (`1 : `, `A : `) is left out. Of hierarchical names such as `Cases\\CRT01` the last part
    is taken, or all with `full_names`. Percentages are numbers from 0 to 100. An empty cell is missing; NVivo writes 0
    for nothing coded.

    Returns: the matrix, with the rows' names as index; `Int64` where all cells are whole numbers, `float64` elsewhere.

    Raises
    ------
    DataError : the file is missing, empty or of another kind; a cell is not a number of at least 0 (all are listed); a
        row or column has no name, or the name of another.
    """
    table = _read(Path(path))
    table = table.set_axis([NUMBERED.sub("", name) for name in table.columns], axis=1)
    names = [NUMBERED.sub("", name) for name in table.index]
    if not full_names:
        table = table.set_axis([_last_part(name) for name in table.columns], axis=1)
        names = [_last_part(name) for name in names]
    table.index = pd.Index(names, name="row", dtype="str")
    _check_names(table, Path(path).name)
    numbers = table.apply(lambda cells: pd.to_numeric(cells.str.strip().str.removesuffix("%"), errors="coerce"))
    _check_counts(table, numbers, Path(path).name)
    dtypes = {name: "Int64" if (numbers[name].dropna() % 1 == 0).all() else "float64" for name in numbers}
    counts: pd.DataFrame = numbers.astype(dtypes)
    return counts


def read_classification(path: str | Path, *, full_names: bool = False) -> pd.DataFrame:
    r"""Read a classification sheet: a row a case (or file), a column an attribute.

    `Unassigned` is missing, as an empty cell is; `Not Applicable` stays. A column of numbers becomes numeric. Of
    hierarchical names such as `Cases\\CRT01` the last part is taken, or all with `full_names`.

    Returns: the sheet, with the names of the cases as index.

    Raises
    ------
    DataError : the file is missing, empty or of another kind; a row or column has no name, or the name of another.
    """
    table = _read(Path(path))
    names = table.index if full_names else [_last_part(name) for name in table.index]
    table.index = pd.Index(names, name="case", dtype="str")
    _check_names(table, Path(path).name)
    return table.where(table != UNASSIGNED).apply(_numeric_if_numbers)


def _read(path: Path) -> pd.DataFrame:
    """The cells as text, the first column as index."""
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path.name} is no table that can be read; save it as .csv or .xlsx, not as {path.suffix}")
    given: Records = reader(path)
    _report(given, path)
    frame = given.frame.astype("str")
    if frame.shape[1] < 2 or frame.empty:
        raise DataError(f"{path.name} has {len(frame)} rows and {frame.shape[1]} columns; names and cells are expected")
    names = frame.iloc[:, 0].fillna("")
    return frame.iloc[:, 1:].set_axis(names.rename(None))


def _report(given: Records, path: Path) -> None:
    failures = failure_frame(path.name, given.problems)
    errors = failures[failures["severity"] == "error"]
    if len(errors):
        raise DataError(describe(errors), errors)
    if len(failures):
        warnings.warn(describe(failures), TrialWarning, stacklevel=4)


def _last_part(name: str) -> str:
    return name.rstrip("\\").rpartition("\\")[2]


def _check_names(table: pd.DataFrame, name: str) -> None:
    for axis, names in (("row", table.index), ("column", table.columns)):
        texts = pd.Series(names, dtype="str").str.strip()
        if unnamed := (np.flatnonzero(texts == "") + 1).tolist():
            raise DataError(f"{name}: {axis} {unnamed[0]} of the cells has no name; give it one, or delete it")
        if again := texts[texts.duplicated()].to_list():
            raise DataError(f"{name}: two {axis}s are named {again[0]!r}; rename one, or read with full_names=True")


def _check_counts(table: pd.DataFrame, numbers: pd.DataFrame, name: str) -> None:
    wrong = (numbers.isna() & table.notna()) | (numbers < 0) | np.isinf(numbers)
    problems = [
        Problem("count", f"{table.iloc[i, j]!r} is not a number of at least 0", int(i) + 1, table.columns[j],
                table.iloc[i, j])
        for i, j in np.argwhere(wrong.to_numpy())
    ]  # fmt: skip
    if problems:
        failures = failure_frame(name, problems)
        hint = "export the matrix with counts or percentages in its cells"
        raise DataError(f"{describe(failures)}\n{hint}", failures)


def _numeric_if_numbers(cells: pd.Series) -> pd.Series:
    present = cells.dropna()
    if present.empty or not present.str.fullmatch(NUMBER).all():
        return cells
    numbers = pd.to_numeric(cells)
    return numbers.astype("Int64") if (present.str.contains(".", regex=False)).sum() == 0 else numbers
