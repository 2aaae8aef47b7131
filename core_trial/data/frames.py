"""The rows that an analysis takes, from the panel and the tables of people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ..errors import PlanError

if TYPE_CHECKING:
    from .trial import Trial

FRAMES = ("panel", "teams", "patients", "staff")
TEAM = ["team", "arm", "trust", "stratum", "setting", "intervention"]


def analysis_frame(trial: Trial, name: str) -> pd.DataFrame:
    """The rows of an analysis, with the numeric column `intervention` (1 or 0); no row is left out.

    Parameters
    ----------
    name : one of

        - "panel": a row a team and time point, with `month_6` and `month_12` (1 or 0)
        - "teams": a row a team at 12 months, with `<column>_baseline` of each numeric column of the panel
        - "patients", "staff": a row a person of the follow-up wave, with `arm trust stratum setting` of the team and
          `<column>_baseline`, the team's mean at baseline, of each numeric column of the table

    Returns
    -------
    Numeric outcomes are float64, with NaN for missing.

    Raises
    ------
    PlanError : another name
    DataError : the trial has no table of that name

    Examples
    --------
    >>> import core_trial as ct, warnings
    >>> warnings.simplefilter("ignore", ct.TrialWarning)
    >>> teams = ct.simulate_trial().frame("teams")
    >>> len(teams), "fidelity_baseline" in teams
    (25, True)
    """
    if name not in FRAMES:
        raise PlanError(f"there is no frame {name!r}; the frames are {', '.join(FRAMES)}")
    if name in ("patients", "staff"):
        teams = trial.table("teams").merge(trial.table("allocation"), on="team")
        return _people_frame(trial.table(name), _with_intervention(teams)[TEAM])
    panel = _with_floats(_with_intervention(trial.panel()))
    return _panel_frame(panel) if name == "panel" else _teams_frame(panel)


def _panel_frame(panel: pd.DataFrame) -> pd.DataFrame:
    months = {f"month_{month}": (panel["timepoint"] == month).astype("int64") for month in (6, 12)}
    return panel.assign(**months)


def _teams_frame(panel: pd.DataFrame) -> pd.DataFrame:
    after, before = (panel[panel["timepoint"] == timepoint] for timepoint in (12, 0))
    return _with_baseline(after, before.set_index("team")[_outcomes(panel)])


def _people_frame(people: pd.DataFrame, teams: pd.DataFrame) -> pd.DataFrame:
    people = _with_floats(people)
    baseline = people[people["wave"] == "baseline"].groupby("team")[_outcomes(people)].mean()
    follow_up = people[people["wave"] == "follow_up"].merge(teams, on="team", validate="many_to_one")
    return _with_baseline(follow_up, baseline)


def _with_baseline(rows: pd.DataFrame, baseline: pd.DataFrame) -> pd.DataFrame:
    return rows.join(baseline.add_suffix("_baseline"), on="team").reset_index(drop=True)


def _with_intervention(teams: pd.DataFrame) -> pd.DataFrame:
    return teams.assign(intervention=(teams["arm"] == "intervention").astype("int64"))


def _with_floats(frame: pd.DataFrame) -> pd.DataFrame:
    """Nullable integers as float64, which models read."""
    return frame.astype(dict.fromkeys(frame.select_dtypes("Int64").columns, "float64"))


def _outcomes(frame: pd.DataFrame) -> list[str]:
    return list(frame.select_dtypes("float64").columns)
