"""The eight tables of a synthetic trial."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .admissions import draw_admissions, expect_admissions
from .people import draw_patients, draw_staff
from .reviews import draw_engagement, draw_fidelity_items
from .teams import draw_allocation, draw_course, draw_exposure, draw_teams
from .truth import Truth


@dataclass(frozen=True)
class Draw:
    """The records of one synthetic trial: `small` tables whole, by name, and `admissions` in chunks, to be read once.

    Values are coded as in a data set as received: -99 not recorded, -98 declined, empty where nothing was written.
    """

    small: dict[str, pd.DataFrame]
    admissions: Iterator[pd.DataFrame]
    expected_admissions: float

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by name, in memory."""
        return self.small | {"admissions": pd.concat(self.admissions, ignore_index=True)}


def draw_trial(seed: int, n_teams: int, truth: Truth, scale: float) -> Draw:
    """The same arguments give the same records; each table has its own stream of random numbers."""
    streams = iter(np.random.default_rng(seed).spawn(8))
    teams = draw_teams(next(streams), n_teams, truth, scale)
    allocation = draw_allocation(next(streams), teams)
    course = draw_course(next(streams), allocation, truth)
    exposure = draw_exposure(teams, allocation)
    small = {
        "teams": teams,
        "allocation": allocation,
        "fidelity_items": draw_fidelity_items(next(streams), allocation, course, truth),
        "exposure": exposure,
        "patients": draw_patients(next(streams), course, truth),
        "staff": draw_staff(next(streams), teams, course, truth),
        "engagement": draw_engagement(next(streams), course, truth),
    }
    expected = expect_admissions(allocation, exposure, course, truth)
    admissions = draw_admissions(next(streams), expected, truth)
    return Draw(small, admissions, float(expected[["before", "after"]].to_numpy().sum()))
