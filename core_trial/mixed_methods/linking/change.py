"""Change of a team's fidelity, as it stands and with regression to the mean taken out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...columns import quoted_list, require_columns
from ...data.trial import Trial
from ...errors import DesignError, PlanError
from ..team_regression import check_level, t_row

FEWEST_TO_ADJUST = 6
"""With fewer teams a slope on the baseline is not worth an adjustment."""


@dataclass(frozen=True)
class Changes:
    """Change of teams between two times.

    Attributes
    ----------
    teams : a row a team: `team arm baseline follow_up change expected_change adjusted_change`. `expected_change` is
        what the baseline alone foretells in the team's arm; `adjusted_change` is what the change would have been from
        the mean baseline of the arm, change - (slope - 1) (baseline - mean). Both are missing where no slope could be
        estimated
    regression : one row: `teams slope conf_low conf_high correlation`. A slope of the follow-up on the baseline, within
        arms, below 1 is regression to the mean: low teams rise, high ones fall, whatever they did. `correlation` is
        that of change and baseline within arms
    """

    teams: pd.DataFrame
    regression: pd.DataFrame
    notes: tuple[str, ...]


def derive_changes(trial: Trial, outcome: str = "fidelity", *, conf_level: float = 0.95) -> Changes:
    """Change of an outcome of the panel from 0 to 12 months, a row a team of either arm.

    Raises
    ------
    PlanError : no such outcome, or not a number
    DesignError : no team has it at both times

    Examples
    --------
    >>> import core_trial as ct, warnings
    >>> warnings.simplefilter("ignore", ct.TrialWarning)
    >>> changes = ct.mixed_methods.derive_changes(ct.simulate_trial())
    >>> changes.regression["slope"].round(2).item() < 1
    True
    """
    frame = trial.frame("teams")
    require_columns(frame, [outcome])
    if f"{outcome}_baseline" not in frame:
        raise PlanError(f"{outcome!r} is not a number measured at 0 and 12 months")
    columns = {"team": frame["team"], "arm": frame["arm"], "baseline": frame[f"{outcome}_baseline"]}
    teams = pd.DataFrame({**columns, "follow_up": frame[outcome]})
    if not (teams["baseline"] + teams["follow_up"]).notna().any():
        raise DesignError(f"no team has {outcome} at 0 and at 12 months: no change can be formed")
    return adjust_for_baseline(teams, conf_level=conf_level)


def adjust_for_baseline(teams: pd.DataFrame, *, conf_level: float = 0.95) -> Changes:
    """`Changes` of a table with `team baseline follow_up`, and `arm` and `change` where it has them."""
    check_level(conf_level)
    teams = teams.assign(
        arm=teams.get("arm", "intervention"),
        change=teams.get("change", teams["follow_up"] - teams["baseline"]),
    )
    known = teams.dropna(subset=["baseline", "follow_up"])
    regression = _regression(known, conf_level)
    slope = regression["slope"].iloc[0]
    centred = teams["baseline"] - teams["arm"].map(known.groupby("arm")["baseline"].mean())
    arm_change = teams["arm"].map(known.groupby("arm")["change"].mean())
    teams["expected_change"] = arm_change + (slope - 1) * centred
    teams["adjusted_change"] = teams["change"] - (slope - 1) * centred
    columns = ["team", "arm", "baseline", "follow_up", "change", "expected_change", "adjusted_change"]
    return Changes(teams[columns].reset_index(drop=True), regression, _notes(teams, regression))


def _regression(known: pd.DataFrame, conf_level: float) -> pd.DataFrame:
    """Slope of the follow-up on the baseline, both as deviations from the means of the arm, with a t interval."""
    n, arms = len(known), known["arm"].nunique()
    numbers = known[["baseline", "follow_up", "change"]].astype("float64")
    baseline, follow_up, change = (numbers - numbers.groupby(known["arm"]).transform("mean")).to_numpy().T
    squares = baseline @ baseline
    if n < FEWEST_TO_ADJUST or squares == 0:
        row = (n, np.nan, np.nan, np.nan, np.nan)
    else:
        slope, df = baseline @ follow_up / squares, n - arms - 1
        error = np.sqrt(np.sum((follow_up - slope * baseline) ** 2) / df / squares)
        ends = t_row(slope, error, df, conf_level)
        correlation = baseline @ change / np.sqrt(squares * (change @ change))
        row = (n, slope, ends["conf_low"], ends["conf_high"], correlation)
    return pd.DataFrame([row], columns=["teams", "slope", "conf_low", "conf_high", "correlation"])


def _notes(teams: pd.DataFrame, regression: pd.DataFrame) -> tuple[str, ...]:
    row = regression.iloc[0]
    if np.isfinite(row["slope"]):
        text = f"regression to the mean: within arms the follow-up rises by {row['slope']:.2f} a point of baseline"
        shown = f"{text} ({row['conf_low']:.2f} to {row['conf_high']:.2f}, {row['teams']:.0f} teams)"
    else:
        shown = (
            f"{row['teams']:.0f} teams have both scores: no change adjusted for the baseline (from {FEWEST_TO_ADJUST})"
        )
    lacking = teams.loc[teams["change"].isna(), "team"]
    return (shown, *([f"no change is known of {quoted_list(lacking, None)}"] if len(lacking) else []))
