"""Names under which a report shows teams, in place of the codes of the trial."""

from __future__ import annotations

import numpy as np

from . import mixed_methods
from .data.trial import Trial


def team_names(trial: Trial) -> dict[str, str]:
    """Team -> "Team A" where it was offered the programme, else "Control team A"; from the largest change in fidelity.

    The same for every figure, table and note, so that a reader can follow a team through the report and none can be
    looked up in the records.
    """
    teams = trial.frame("teams")
    if "fidelity" not in teams:
        teams = teams.assign(fidelity=np.nan, fidelity_baseline=np.nan)
    teams = teams.assign(change=teams["fidelity"] - teams["fidelity_baseline"])
    offered = teams["arm"] == "intervention"
    return mixed_methods.pseudonyms(teams[offered]) | mixed_methods.pseudonyms(teams[~offered], "Control team")
