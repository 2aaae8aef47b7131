"""Teams of both arms with what they received of the programme and the outcome of the trial."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ..columns import quoted_list, refuse_rows, require_columns
from ..data.trial import Trial
from ..errors import PlanError
from .engagement import derive_engagement


def dose_frame(
    trial: Trial,
    *,
    threshold: float | None = None,
    weights: Mapping[str, float] | None = None,
    most_missing: float = 0.0,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """`trial.frame("teams")` with the column `dose`, and notes.

    `dose` is the engagement index, 0 to 3; with a threshold, 1 for a team whose index reaches it and else 0. It is 0 in
    control teams, which were not offered the programme, and missing where an intervention team has no index.
    """
    engagement = derive_engagement(trial, weights=weights, most_missing=most_missing)
    teams = trial.frame("teams")
    index = teams["team"].map(engagement.index.set_index("team")["index"])
    dose = index if threshold is None else index.ge(threshold).astype("float64").mask(index.isna())
    dose = dose.mask(teams["intervention"] == 0, 0.0)
    notes = (engagement.method, *engagement.notes, "control teams, which had no offer, count with a dose of 0")
    return teams.assign(dose=dose), notes


def complete_teams(
    teams: pd.DataFrame, columns: Mapping[str, bool], required: tuple[str, ...] = ()
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The teams with a value of each column and its baseline, and a note of the others.

    `columns` are outcomes of the panel and whether to take their logarithm; `required` are further columns.
    """
    for name in columns:
        require_columns(teams, [name])
        if f"{name}_baseline" not in teams:
            raise PlanError(f"{name!r} is not a number measured at 0 and 12 months")
    names = [each for name in columns for each in (name, f"{name}_baseline")]
    logged = [each for name, log in columns.items() if log for each in (name, f"{name}_baseline")]
    for name in logged:
        refuse_rows(teams[name], teams[name] <= 0, "is not above 0", "analyse it without log=True")
    teams = teams.assign(**{name: np.log(teams[name]) for name in logged})
    complete = teams[[*names, *required]].notna().all(axis=1)
    lacking = teams.loc[~complete, "team"]
    named = quoted_list(lacking, None)
    note = f"{len(lacking)} of {len(teams)} teams left out, without a value that is needed: {named}"
    return teams[complete].reset_index(drop=True), (note,) if len(lacking) else ()
