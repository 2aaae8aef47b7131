"""A trial: its tables, checked, in one DuckDB connection."""

from __future__ import annotations

import json
import shutil
import tempfile
import warnings
import weakref
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from ..errors import DataError, TrialWarning
from .checks import FailureLog, describe
from .dictionary.columns import DTYPES
from .dictionary.model import Dictionary
from .dictionary.read import read_dictionary
from .loading import Source, load_tables
from .sources.find import find_inputs
from .sources.records import reading
from .store.sql import Store, connect, quoted


class Storage:
    """A folder for temporary files that is removed when nothing refers to it any more."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="core_trial-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


@dataclass(frozen=True)
class Trial:
    """The checked records of a trial.

    Attributes
    ----------
    tables : names of the tables that are present, in the order of the dictionary
    connection : DuckDB, where each table of the dictionary stands under its name (an absent one is empty there)
    checks : warnings about the records, a row each: `table row column rule value severity message`
    sources : where each table came from
    missing_codes : `table row column code meaning`, a row for each cell that says why its value is missing
    dictionary : the data dictionary that the records were checked against
    synthetic : whether the records were drawn by `simulate_trial`
    truth : what they were drawn from
    origin : the folder or file that the records came from; None for data frames
    """

    tables: tuple[str, ...]
    connection: duckdb.DuckDBPyConnection
    checks: pd.DataFrame
    sources: tuple[Source, ...]
    missing_codes: pd.DataFrame
    dictionary: Dictionary
    storage: Storage
    synthetic: bool = False
    truth: dict[str, Any] | None = None
    origin: Path | None = None

    def table(self, name: str) -> pd.DataFrame:
        """A table with the columns of the dictionary, of dtype str, Int64, float64 or datetime64[us].

        Raises: DataError when the table is not present.
        """
        if name not in self.tables:
            raise DataError(f"the trial has no table {name}; it has {', '.join(self.tables)}")
        fields = self.dictionary.tables[name].fields
        return self.sql(f"FROM {quoted(name)}").astype({field.name: DTYPES[field.type] for field in fields})

    def sql(self, query: str) -> pd.DataFrame:
        """The answer of DuckDB to a query on the tables."""
        return self.connection.cursor().execute(query).df()

    def panel(self) -> pd.DataFrame:
        """A row a team and timepoint: fidelity, admissions, bed days, satisfaction, staff scales."""
        return self._panel.copy()

    def frame(self, name: str) -> pd.DataFrame:
        """The rows of an analysis: "panel", "teams", "patients" or "staff"."""
        from .frames import analysis_frame

        frame: pd.DataFrame = analysis_frame(self, name)
        return frame

    @cached_property
    def _panel(self) -> pd.DataFrame:
        from .panel import build_panel

        return build_panel(self.connection, self.tables)


def load_trial(
    source: Any,
    *,
    dictionary: Dictionary | str | Path | None = None,
    memory_limit: str | None = None,
    threads: int | None = None,
) -> Trial:
    """Read the records of a trial and check them.

    Parameters
    ----------
    source : one of

        - a folder: each file is a table and is named after it (`teams.csv`, `admissions.parquet`, `patients.sav`); a
          folder `admissions/` of Parquet files is that table
        - an Excel workbook with a sheet a table, a DuckDB or SQLite file, a REDCap export (`ct.Redcap` for its options)
        - a mapping from table to data frame, path, `ct.Query` or `ct.Redcap`
    dictionary : a data dictionary, or the folder of one; None: the shipped one
    memory_limit : memory that DuckDB may use, as "2GB"; beyond it, it spills to disk
    threads : number of threads of DuckDB

    Raises
    ------
    DataError : records break a rule; `failures` lists all of them

    Warns
    -----
    TrialWarning : records are unusual; `Trial.checks` lists them

    Examples
    --------
    >>> import core_trial as ct, pandas as pd
    >>> teams = pd.DataFrame({"team": ["T1", "T2"], "trust": ["A", "A"], "setting": ["urban", "rural"]})
    >>> arms = pd.DataFrame({"team": ["T1", "T2"], "stratum": ["A", "A"], "arm": ["intervention", "control"]})
    >>> trial = ct.load_trial({"teams": teams, "allocation": arms})
    >>> trial.sql("SELECT arm, count(*) AS teams FROM allocation GROUP BY arm ORDER BY arm")
                arm  teams
    0       control      1
    1  intervention      1
    """
    trial = read_trial(source, dictionary, memory_limit, threads)
    errors = trial.checks[trial.checks["severity"] == "error"]
    if len(errors):
        see = "see all of them with: core-trial check DATA --csv failures.csv, or in the failures of this error"
        raise DataError(f"{describe(errors)}\n{see}", trial.checks)
    if len(trial.checks):
        warnings.warn(f"{describe(trial.checks)}\nsee Trial.checks", TrialWarning, stacklevel=2)
    return trial


def check_trial(
    source: Any,
    *,
    dictionary: Dictionary | str | Path | None = None,
    memory_limit: str | None = None,
    threads: int | None = None,
) -> pd.DataFrame:
    """All failed checks of the records, errors and warnings: `table row column rule value severity message`.

    Arguments are those of `load_trial`. A row number counts the data rows from 1; it is missing where the whole table
    or column is meant. Of each rule of a column, 10,000 rows are listed and the rest counted.

    Raises: DataError when there is nothing to check: the source does not exist or is of an unknown kind.
    """
    return read_trial(source, dictionary, memory_limit, threads).checks


def read_trial(
    source: Any,
    dictionary: Dictionary | str | Path | None = None,
    memory_limit: str | None = None,
    threads: int | None = None,
) -> Trial:
    """A trial whose `checks` hold errors and warnings: nothing is raised or warned about its records."""
    terms = dictionary if isinstance(dictionary, Dictionary) else read_dictionary(dictionary)
    inputs, faults = find_inputs(source, terms)
    storage, log = Storage(), FailureLog()
    connection = connect(storage.path, memory_limit, threads)
    loaded = load_tables(Store(connection, storage.path, log), terms, inputs, faults)
    truth = _read_truth(source)
    return Trial(
        tables=tuple(each.table for each in loaded.sources),
        connection=connection,
        checks=log.table(),
        sources=loaded.sources,
        missing_codes=loaded.missing_codes,
        dictionary=terms,
        storage=storage,
        synthetic=truth is not None,
        truth=truth,
        origin=Path(source) if isinstance(source, str | Path) else None,
    )


def _read_truth(source: Any) -> dict[str, Any] | None:
    """What a folder of synthetic records was drawn from, which is saved beside them."""
    path = Path(source, "truth.json") if isinstance(source, str | Path) else None
    if path is None or not path.is_file():
        return None
    with reading(path.name, "JSON"):
        truth: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return truth
