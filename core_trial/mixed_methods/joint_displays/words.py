"""What all joint displays say alike."""

from __future__ import annotations

import pandas as pd

from ...report.tables import Column

EXPLORATORY = "Exploratory: teams are few, and neither engagement nor what was said was allocated at random."

UNKNOWN = "not estimated, not recorded, or not written yet"
"""What a dash means in a joint display."""

INFERENCE = Column("meta_inference", "Meta-inference")


def exploratory(what: str, teams: float) -> str:
    """A title that tells the number of teams.

    >>> exploratory("Case-ordered matrix", 15)
    'Case-ordered matrix: exploratory, n = 15 teams'
    """
    n = 0 if pd.isna(teams) else int(teams)
    return f"{what}: exploratory, n = {n} team{'s' if n != 1 else ''}"
