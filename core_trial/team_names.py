"""Names under which a report shows teams, in place of the codes of the trial."""

from __future__ import annotations

import numpy as np

from . import mixed_methods
from .data.trial import Trial


def team_names(trial: Trial) -> dict[str, str]:
    """Team -> "Team A" where it was offered the programme, else "Control team A"; from the largest change in fidelity.

    The same for every figure, table and note, so that a reader can follow a team through the report and none can be
    looked up in the records. Keep what this returns, the key, where the records are kept.

    Examples
    --------
    >>> import core_trial as ct, warnings
    >>> warnings.simplefilter("ignore", ct.TrialWarning)
    >>> names = ct.team_names(ct.simulate_trial())
    >>> names["T01"], names["T03"]
    ('Team F', 'Control team H')
    """
    teams = trial.frame("teams")
    if "fidelity" not in teams:
        teams = teams.assign(fidelity=np.nan, fidelity_baseline=np.nan)
    teams = teams.assign(change=teams["fidelity"] - teams["fidelity_baseline"])
    offered = teams["arm"] == "intervention"
    return mixed_methods.pseudonyms(teams[offered]) | mixed_methods.pseudonyms(teams[~offered], "Control team")
