"""The data of a trajectory: points of teams and means of arms, with nothing in them that rests on a small count."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from ..columns import known, numeric, refuse_rows, require_columns
from ..errors import DataError, PlanError

COLUMNS = ("level", "arm", "team", "timepoint", "value", "conf_low", "conf_high", "teams", "note")

MISSING = "missing"
WITHHELD = "withheld: small count"

UNSOLVABLE = 3
"""A mean and its interval are two equations: they give away up to two values that are withheld, not three."""


def observations(panel: pd.DataFrame, outcome: str, basis: str | None) -> pd.DataFrame:
    """The panel as `team arm timepoint value count`, checked: a row a team and timepoint, one arm a team.

    `count` is the column `basis`: the number of people or events that a value rests on.
    """
    require_columns(panel, ["team", "arm", "timepoint", outcome, *([basis] if basis else [])])
    if pd.api.types.is_string_dtype(panel[outcome]) or pd.api.types.is_datetime64_any_dtype(panel[outcome]):
        raise PlanError(f"outcome {outcome!r} holds no numbers; a trajectory shows a numeric column of the panel")
    points = pd.DataFrame(
        {
            "team": known(panel["team"]).astype(str),
            "arm": known(panel["arm"]).astype(str),
            "timepoint": numeric(known(panel["timepoint"])),
            "value": numeric(panel[outcome]),
            "count": numeric(panel[basis]) if basis else np.inf,
        }
    ).reset_index(drop=True)
    refuse_rows(
        points["team"], points.duplicated(["team", "timepoint"]), "has a second row for its timepoint", "keep one"
    )
    arms = points.groupby("team")["arm"].transform("nunique")
    refuse_rows(points["arm"], arms > 1, "differs within a team", "a team is in one arm")
    if points["value"].isna().all():
        raise DataError(f"there is nothing to show: no team has a value of {outcome!r}")
    return points


def with_missing(points: pd.DataFrame) -> pd.DataFrame:
    """The values observed, and a row without value (note "missing") for each planned one that a team has not.

    A timepoint is planned for an arm where at least half of its teams have a row in the panel and any has a value.
    """
    visits = points.groupby(["arm", "timepoint"]).agg(rows=("team", "size"), values=("value", "count")).reset_index()
    teams = visits["arm"].map(points.groupby("arm")["team"].nunique())
    planned = visits.loc[(visits["values"] > 0) & (2 * visits["rows"] >= teams), ["arm", "timepoint"]]
    expected = points[["arm", "team"]].drop_duplicates().merge(planned, on="arm")
    complete = expected.merge(points.dropna(subset="value"), how="outer", on=["arm", "team", "timepoint"])
    return complete.assign(note=np.where(complete["value"].isna(), MISSING, ""))


def withhold(points: pd.DataFrame, min_count: int) -> pd.Series:
    """Which points of teams are not shown: those on fewer than `min_count`, and what would give them away.

    The mean of an arm and its interval stay, so where one or two points are small the next smallest are withheld too.
    """
    observed = points["value"].notna()
    count = points["count"].where(observed).mask(observed & points["count"].isna(), -1.0)
    by_visit = [points["arm"], points["timepoint"]]
    small = (count < min_count).groupby(by_visit).transform("sum")
    return observed & (small > 0) & (count.groupby(by_visit).rank(method="first") <= small.clip(lower=UNSOLVABLE))


def arm_means(points: pd.DataFrame, hidden: pd.Series, min_count: int, conf_level: float) -> pd.DataFrame:
    """Mean of the teams' values by arm and timepoint, with the t interval between teams.

    A mean that itself rests on a small count, or that would give away the one or two teams of its arm, is withheld.
    """
    observed = points.assign(hidden=hidden).dropna(subset="value")
    visits = observed.groupby(["arm", "timepoint"])
    means = visits.agg(
        teams=("team", "size"), value=("value", "mean"), total=("count", "sum"), hidden=("hidden", "sum")
    )
    half = stats.t.ppf(0.5 + conf_level / 2, means["teams"] - 1) * visits["value"].sem()
    withheld = (means["hidden"] > 0) & ((means["teams"] < UNSOLVABLE) | (means["total"] < min_count))
    value = means["value"].mask(withheld)
    note = np.where(withheld, WITHHELD, "")
    return means.assign(value=value, conf_low=value - half, conf_high=value + half, note=note).reset_index()


def trajectory_data(points: pd.DataFrame, min_count: int, conf_level: float) -> pd.DataFrame:
    """A row a point of a team and a row a mean of an arm (`level`), with the columns `COLUMNS`."""
    teams = with_missing(points)
    hidden = withhold(teams, min_count)
    means = arm_means(teams, hidden, min_count, conf_level)
    shown = teams.assign(value=teams["value"].mask(hidden), note=teams["note"].mask(hidden, WITHHELD))
    frames = [shown.assign(level="team"), means.assign(level="arm")]
    data = pd.concat([frame.reindex(columns=list(COLUMNS)) for frame in frames], ignore_index=True)
    return data.astype({"teams": "Int64"}).sort_values(["level", "arm", "team", "timepoint"], ignore_index=True)


def unbroken(teams: pd.DataFrame) -> list[NDArray[np.float64]]:
    """Runs of a team's successive values as arrays (k, 2) of timepoint and value; a row without value ends a run."""
    teams = teams.sort_values(["team", "timepoint"])
    run = teams["value"].isna().cumsum()
    seen = teams["value"].notna()
    codes = np.column_stack([pd.factorize(teams["team"])[0], run])[seen]
    ends = np.flatnonzero((np.diff(codes, axis=0) != 0).any(axis=1)) + 1
    return np.split(teams.loc[seen, ["timepoint", "value"]].to_numpy(), ends)
