"""Readers of one table from a file, by the suffix of its name."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow.feather
import pyarrow.parquet

from ...errors import DataError
from .delimited import read_delimited
from .records import MissingCode, ParquetFiles, Records, as_text, reading, records


class Format(NamedTuple):
    """A kind of file: its name for people and the function that reads it."""

    name: str
    read: Callable[[Path], Records | ParquetFiles]


def read_statistical(path: Path) -> Records:
    """Read a Stata, SPSS or SAS file. Value labels are kept; user-missing codes become missing and are listed."""
    pyreadstat = extra("pyreadstat", path.name)
    suffix = path.suffix.lower()
    with reading(path.name, FORMATS[suffix].name):
        if suffix == ".xpt":
            frame, meta = pyreadstat.read_xport(path)
        else:
            reader = {".dta": "read_dta", ".sas7bdat": "read_sas7bdat"}.get(suffix, "read_sav")
            frame, meta = getattr(pyreadstat, reader)(path, user_missing=True)
    missing = {str(name): _user_missing(frame[name], meta) for name in frame}
    codes = tuple(code for name, mask in missing.items() for code in _missing_codes(frame[name], mask, meta))
    given = frame.assign(**{name: _without_codes(frame[name], mask) for name, mask in missing.items()})
    return replace(records(given), labels=meta.variable_value_labels, missing_codes=codes)


def _user_missing(column: pd.Series, meta: Any) -> pd.Series:
    """Which cells hold a code that the file declares as missing: ranges in SPSS, letters in Stata and SAS."""
    mask = column.isin(meta.missing_user_values.get(column.name, []))
    for limits in meta.missing_ranges.get(column.name, []):
        mask |= column.between(limits["lo"], limits["hi"])
    return mask


def _missing_codes(column: pd.Series, mask: pd.Series, meta: Any) -> Iterator[MissingCode]:
    meanings = meta.variable_value_labels.get(column.name, {})
    letters = meta.missing_user_values.get(column.name, [])
    for position in np.flatnonzero(mask):
        value = column.iloc[position]
        code = f".{value}" if value in letters else str(as_text(value))
        yield MissingCode(int(position) + 1, str(column.name), code, meanings.get(value, "user-missing"))


def _without_codes(column: pd.Series, mask: pd.Series) -> pd.Series:
    left = column.mask(mask)
    if column.dtype == object and mask.any():
        return pd.to_numeric(left)
    return left.mask(left == "") if isinstance(left.dtype, pd.StringDtype) else left


def read_sheet(path: Path, sheet: str) -> Records:
    """Read one sheet of an Excel workbook: its first row names the columns, empty rows are passed over."""
    with open_workbook(path) as workbook, reading(path.name, "an Excel workbook"):
        header, *cells = list(workbook[sheet].iter_rows(values_only=True)) or [()]
    if not any(header):
        raise DataError(f"the sheet {sheet} of {path.name} is empty; its first row must name the columns")
    table = pd.DataFrame([[as_text(value) for value in row] for row in cells], columns=range(len(header)), dtype="str")
    columns = [i for i in range(len(header)) if header[i] is not None or table[i].notna().any()]
    names = [f"column {i}" if header[i] is None else str(header[i]) for i in columns]
    filled = table.notna().any(axis=1)
    rows = np.flatnonzero(filled).astype(np.int64) + 1
    return records(table.loc[filled, columns].set_axis(names, axis=1), rows)


@contextmanager
def open_workbook(path: Path) -> Iterator[Any]:
    """An Excel workbook, its formulas replaced by the values that were saved."""
    openpyxl = extra("openpyxl", path.name)
    with reading(path.name, "an Excel workbook"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="openpyxl")
        workbook = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        yield workbook
    finally:
        workbook.close()


def read_only_sheet(path: Path) -> Records:
    """Read a workbook that holds one table: its only sheet, or the sheet named like the file."""
    with open_workbook(path) as workbook:
        sheets = workbook.sheetnames
    named = [sheet for sheet in sheets if table_name(sheet) == table_name(path.stem)]
    if len(sheets) > 1 and len(named) != 1:
        raise DataError(f"{path.name} has the sheets {', '.join(sheets)}; give one of them the name {path.stem}")
    return read_sheet(path, (named or sheets)[0])


def read_feather(path: Path) -> Records:
    """Read a Feather (Arrow IPC) file."""
    with reading(path.name, "a Feather file"):
        return records(pyarrow.feather.read_table(path).to_pandas())


def find_parquet(path: Path) -> ParquetFiles:
    """A Parquet file, or all of a folder in the order of their paths, with their footers checked."""
    paths = tuple(sorted(path.rglob("*.parquet"))) if path.is_dir() else (path,)
    if not paths:
        raise DataError(f"the folder {path.name} has no Parquet files (*.parquet)")
    for file in paths:
        with reading(file.name, "a Parquet file"):
            pyarrow.parquet.read_metadata(file)
    return ParquetFiles(paths, partitioned=path.is_dir())


def table_name(name: str) -> str:
    """The name of a file or sheet as a table is named: in lower case, with underscores for spaces."""
    return name.strip().lower().replace(" ", "_")


def extra(module: str, name: str) -> ModuleType:
    """A library of the `io` extra, or a DataError that says how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise DataError(f"{name} needs the library {module}: pip install core_trial[io]") from error


FORMATS = {
    ".csv": Format("CSV", read_delimited),
    ".tsv": Format("TSV", read_delimited),
    ".txt": Format("delimited text", read_delimited),
    ".parquet": Format("Parquet", find_parquet),
    ".feather": Format("Feather", read_feather),
    ".arrow": Format("Feather", read_feather),
    ".dta": Format("Stata", read_statistical),
    ".sav": Format("SPSS", read_statistical),
    ".zsav": Format("SPSS", read_statistical),
    ".sas7bdat": Format("SAS", read_statistical),
    ".xpt": Format("SAS transport", read_statistical),
    ".xlsx": Format("Excel", read_only_sheet),
    ".xlsm": Format("Excel", read_only_sheet),
}
"""Files that hold one table, by suffix."""
