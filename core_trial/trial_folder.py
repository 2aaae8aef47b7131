"""The folder of a trial: its records, and beside them the plan and the data dictionary that they are read by."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd

from .data.dictionary import read_dictionary, write_templates
from .data.trial import Trial, check_trial, load_trial
from .errors import OutputError
from .plan import Plan, read_plan
from .resources import shipped

PLAN = "plan.toml"
DICTIONARY = "data_dictionary"

README = """\
# A trial folder

1. Fill the CSV templates, a file a table, or replace them by files of the same names in any other format that is read
   (Parquet, Stata, SPSS, SAS, Excel, Feather). `teams` and `allocation` are needed; delete the ones you do not use.
2. `core-trial check {folder}` names every cell that breaks the data dictionary or a rule of the trial.
3. `core-trial run {folder}` carries out `plan.toml` and writes the report.

`data_dictionary/` describes every column. Add columns or categories of your own there; the names that are there stay.
"""


def read_records(data: Path, *, memory_limit: str | None = None) -> Trial:
    """The trial in a folder or file, checked by the dictionary in the folder where there is one."""
    return load_trial(data, dictionary=_own_dictionary(data), memory_limit=memory_limit)


def check_records(data: Path, *, memory_limit: str | None = None) -> pd.DataFrame:
    """All failed checks of the records in a folder or file, as `ct.check_trial` gives them."""
    return check_trial(data, dictionary=_own_dictionary(data), memory_limit=memory_limit)


def _own_dictionary(data: Path) -> Path | None:
    own = data / DICTIONARY
    return own if own.is_dir() else None


def read_choices(folder: Path | None, plan: Path | None = None) -> Plan:
    """The plan named, else the one in the folder, else the one that ships."""
    own = folder / PLAN if folder else None
    return read_plan(plan or (own if own and own.is_file() else None))


def write_trial_folder(folder: Path) -> list[Path]:
    """A folder ready to be filled: plan, data dictionary, a CSV template a table, and what to do.

    Raises OutputError where the folder holds files already, or cannot be written.
    """
    try:
        if folder.exists() and any(folder.iterdir()):
            raise OutputError(f"{folder} is not empty; choose a new folder, nothing was written")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copytree(shipped("data_dictionary"), folder / DICTIONARY)
        shutil.copy(shipped("analysis") / "plan.toml", folder / PLAN)
        (folder / "README.md").write_text(README.format(folder=folder.name), encoding="utf-8")
        templates = write_templates(read_dictionary(), folder)
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror}") from error
    return [folder / "README.md", folder / PLAN, folder / DICTIONARY, *templates]
