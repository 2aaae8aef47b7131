"""The panel, a row a team and time point, from the tables of records by the queries in `sql/`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pandas as pd

from .dictionary.model import fidelity_items
from .dictionary.read import read_dictionary
from .rules import ITEMS, MOST_MISSING

if TYPE_CHECKING:
    from .trial import Trial

SQL = Path(__file__).with_name("sql")
FIDELITY = ("fidelity", "fidelity_referrals", "fidelity_content", "fidelity_staffing", "fidelity_location")
STAFF_SCALES = (
    "burnout_exhaustion",
    "burnout_depersonalisation",
    "burnout_accomplishment",
    "work_engagement",
    "ghq12",
    "flexibility",
)
COLUMNS_FROM = {
    "fidelity_items": (*FIDELITY, "band", "items_scored"),
    "exposure": ("person_years",),
    "admissions": (
        "admissions",
        "bed_days",
        "detained",
        "readmissions",
        "admission_rate",
        "bed_day_rate",
        "detained_rate",
        "readmission_share",
    ),
    "patients": ("csq8_mean", "csq8_sd", "csq8_n", "continuity_mean", "continuity_n"),
    "staff": ("staff_n", *(f"{scale}_{what}" for scale in STAFF_SCALES for what in ("mean", "n"))),
}
"""Columns of the panel that need a table."""

COUNTS = (
    "items_scored",
    "admissions",
    "bed_days",
    "detained",
    "readmissions",
    "csq8_n",
    "continuity_n",
    "staff_n",
    *(f"{scale}_n" for scale in STAFF_SCALES),
)


def build_panel(connection: duckdb.DuckDBPyConnection, present: Collection[str]) -> pd.DataFrame:
    """The panel of a trial: every team at 0 and 12 months, intervention teams also at 6, by team and time point.

    An admission counts in the window that holds its first day. Bed days are the nights of every spell within the
    window, spells begun before it included; a spell without discharge lasts to its end. Rates are per 1,000
    person-years: population times days of the window / 365.25. All these stand at 0 (the window before) and 12 (after),
    and are missing at 6. A fidelity score with 35 to 38 of 39 items is their mean times 39, subscales alike where as
    large a share of their items is scored; with fewer it is missing.

    Parameters
    ----------
    connection : DuckDB, with a table or view for each table of the dictionary, empty where the trial has none
    present : names of the tables that the trial has; columns that need another are missing

    Returns
    -------
    Columns `team timepoint arm trust stratum setting`, then
    `fidelity fidelity_referrals fidelity_content fidelity_staffing fidelity_location` (points), `band`, `items_scored`;
    `admissions bed_days detained readmissions person_years admission_rate bed_day_rate detained_rate` and
    `readmission_share` (of admissions that say whether they are one); `csq8_mean csq8_sd csq8_n continuity_mean
    continuity_n`; for each staff scale `<scale>_mean` and `<scale>_n`, and `staff_n`, those who answered on any scale.
    Counts are Int64, the rest float64 or str.
    """
    session = _session(connection, "visits", "fidelity_scores", "service_use", "questionnaires", "panel")
    panel = session.execute("FROM panel").df()
    for table in COLUMNS_FROM.keys() - set(present):
        panel[list(COLUMNS_FROM[table])] = None
    return panel.astype(_dtypes(panel))


def score_counts(trial: Trial) -> pd.DataFrame:
    """How many fidelity scores could be formed, a row a scale: `scale reviews complete prorated missing`.

    A missing score has too few items to be prorated; reviews that did not take place are not counted.
    """
    session = _session(trial.connection, "fidelity_scores")
    return session.execute("FROM score_counts").df()


def _session(connection: duckdb.DuckDBPyConnection, *queries: str) -> duckdb.DuckDBPyConnection:
    """A cursor with the temporary views of the named files; the connection itself stays as it is."""
    session = connection.cursor()
    session.register("scale_items", fidelity_items(read_dictionary()))
    session.execute(f"SET VARIABLE items = {ITEMS}; SET VARIABLE items_needed = {ITEMS - MOST_MISSING}")
    for name in queries:
        session.execute((SQL / f"{name}.sql").read_text(encoding="utf-8"))
    return session


def _dtypes(panel: pd.DataFrame) -> dict[str, str]:
    dtypes = dict.fromkeys(panel.columns, "float64")
    dtypes |= dict.fromkeys(("team", "arm", "trust", "stratum", "setting", "band"), "str")
    return dtypes | {"timepoint": "int64"} | dict.fromkeys(COUNTS, "Int64")
