"""Trials written to a new folder: the tables, and for synthetic ones what they were drawn from."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from ...errors import OutputError
from ..store.sql import quoted
from ..trial import Trial
from .tables import Draw

README = """# SYNTHETIC data: no patient, member of staff or team in these files exists

The tables in this folder were drawn at random by `core_trial.simulate_trial`. They have the shape of the records of
the CORE trial (ISRCTN47185233) and are none of its results. `truth.json` holds every parameter that they were drawn
from, with its unit and whether its value is published (FOUND), arithmetic on published values (DERIVED) or
illustrative. Load them with `core_trial.load_trial`, which marks the trial as synthetic.
"""


def write_trial(trial: Trial, folder: str | Path) -> None:
    """Write the tables of a trial as CSV files, which `load_trial` reads back.

    Cells that were missing for a stated reason carry its code again. A synthetic trial also gets `truth.json` and a
    README that says so.

    Raises
    ------
    OutputError : the folder exists and is not empty, or cannot be written

    Examples
    --------
    >>> import core_trial as ct, tempfile, warnings
    >>> warnings.simplefilter("ignore", ct.TrialWarning)
    >>> trial = ct.simulate_trial()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ct.write_trial(trial, f"{folder}/trial")
    ...     ct.load_trial(f"{folder}/trial").synthetic
    True
    """
    with new_folder(Path(folder)) as unfinished:
        for name in trial.tables:
            table = _with_codes(trial, name)
            table.to_csv(unfinished / f"{name}.csv", index=False, date_format="%Y-%m-%d", lineterminator="\n")
        if trial.truth is not None:
            write_truth(trial.truth, unfinished)


def write_draw(draw: Draw, truth: dict[str, Any], folder: Path) -> None:
    """Write a synthetic trial of any size as Parquet files, admissions chunk by chunk."""
    with new_folder(folder) as unfinished:
        for name, table in draw.small.items():
            table.to_parquet(unfinished / f"{name}.parquet", index=False)
        (unfinished / "admissions").mkdir()
        for number, chunk in enumerate(draw.admissions):
            chunk.to_parquet(unfinished / "admissions" / f"part-{number:05d}.parquet", index=False)
        write_truth(truth, unfinished)


def write_truth(truth: dict[str, Any], folder: Path) -> None:
    """Put `truth.json` and the README in a folder."""
    (folder / "truth.json").write_text(json.dumps(truth, indent=2) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(README, encoding="utf-8")


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder that takes its name when all is in it; after a fault, nothing of it is left.

    Raises OutputError where the folder exists and is not empty, or cannot be written.
    """
    folder = folder.resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder} exists; choose a new folder")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.partial-", dir=folder.parent) as beside:
            unfinished = Path(beside, folder.name)
            unfinished.mkdir()
            yield unfinished
            shutil.rmtree(folder, ignore_errors=True)
            unfinished.rename(folder)
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror or error}") from error


def _with_codes(trial: Trial, name: str) -> pd.DataFrame:
    """A table with the codes for missing values put back."""
    rows = trial.sql(f'SELECT "row" FROM numbered.{quoted(name)}')["row"]
    table = trial.table(name).set_axis(rows)
    codes = trial.missing_codes[trial.missing_codes["table"] == name]
    for column, cells in codes.groupby("column"):
        coded = table[column].astype(object)
        coded[cells["row"]] = cells["code"].to_numpy()
        table[column] = coded
    return table
