"""Teams, their allocation, the windows of their records, and the hidden course that each team takes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from .truth import Truth

TEAMS_PER_TRUST = 25 / 8
INTERVENTION_SHARE = 15 / 25
FIRST_RANDOMISATION = pd.Timestamp("2014-09-01")
RECRUITMENT_DAYS = 90


def draw_teams(rng: Generator, n_teams: int, truth: Truth, scale: float) -> pd.DataFrame:
    """The table `teams`; trusts are as equal in size as can be, and `scale` multiplies the populations."""
    n_trusts = max(1, round(n_teams / TEAMS_PER_TRUST))
    trust = np.arange(n_teams) * n_trusts // n_teams
    population = _log_normal(rng, truth.population_median * scale, truth.population_log_sd, n_teams)
    caseload = _log_normal(rng, truth.caseload_median, truth.caseload_log_sd, n_teams)
    return pd.DataFrame(
        {
            "team": _numbered("T", np.arange(n_teams)),
            "trust": _numbered("Trust ", trust),
            "setting": np.where(rng.random(n_teams) < truth.urban_share, "urban", "rural"),
            "population": population.round(-2).astype(np.int64),
            "caseload": caseload.round().astype(np.int64),
            "staff_fte": _log_normal(rng, truth.staff_median, truth.staff_log_sd, n_teams).round(1),
        }
    )


def draw_allocation(rng: Generator, teams: pd.DataFrame) -> pd.DataFrame:
    """The table `allocation`: 15:10 overall, within trusts as near as their sizes allow, a trust on one day."""
    intervention = np.zeros(len(teams), dtype=bool)
    teams_of = teams.groupby("trust").indices
    counts = _intervention_counts(rng, teams["trust"].value_counts(sort=False))
    days = {}
    for trust, count in counts.items():
        intervention[rng.choice(teams_of[trust], count, replace=False)] = True
        days[trust] = FIRST_RANDOMISATION + pd.Timedelta(days=int(rng.integers(RECRUITMENT_DAYS)))
    return pd.DataFrame(
        {
            "team": teams["team"],
            "stratum": teams["trust"],
            "arm": np.where(intervention, "intervention", "control"),
            "randomised_on": teams["trust"].map(days).astype("datetime64[us]"),
        }
    )


def draw_exposure(teams: pd.DataFrame, allocation: pd.DataFrame) -> pd.DataFrame:
    """The table `exposure`: the six months before randomisation, and months 7 to 12 after it."""
    randomised, month = allocation["randomised_on"], pd.DateOffset
    windows = {"before": (-6, 0, 1.0), "after": (6, 12, 1.005)}
    frames = [
        pd.DataFrame(
            {
                "team": teams["team"],
                "period": period,
                "start_on": (randomised + month(months=first)).astype("datetime64[us]"),
                "end_on": (randomised + month(months=last)).astype("datetime64[us]"),
                "population": (teams["population"] * growth).round().astype("int64"),
            }
        )
        for period, (first, last, growth) in windows.items()
    ]
    return pd.concat(frames).sort_values("team", kind="stable", ignore_index=True)


def draw_course(rng: Generator, allocation: pd.DataFrame, truth: Truth) -> pd.DataFrame:
    """What no record shows, a row a team: `intervention`, `engagement` (rating units), `gain` (the further fidelity
    points of an intervention team at 12 months), `before` and `after` (log admission rate against the median team)."""
    n = len(allocation)
    intervention = (allocation["arm"] == "intervention").to_numpy()
    engagement = truth.engagement_mean + truth.engagement_sd * rng.standard_normal(n)
    gain = truth.fidelity_effect + truth.fidelity_per_engagement * (engagement - truth.engagement_mean)
    gain = gain + truth.fidelity_gain_sd * rng.standard_normal(n)
    log_ratio = np.log(truth.admission_ratio) + truth.admission_log_ratio_per_point * (gain - truth.fidelity_effect)
    lasting = truth.admission_team_log_sd * rng.standard_normal(n)
    before, after = lasting + truth.admission_period_log_sd * rng.standard_normal((2, n))
    return pd.DataFrame(
        {
            "team": allocation["team"],
            "intervention": intervention,
            "engagement": engagement,
            "gain": intervention * gain,
            "before": before,
            "after": after + np.log(truth.admission_trend) + intervention * log_ratio,
        }
    )


def _intervention_counts(rng: Generator, sizes: pd.Series) -> pd.Series:
    """Intervention teams of each trust by largest remainder, ties at random, so that the total is exact."""
    ideal = sizes * INTERVENTION_SHARE
    counts: pd.Series = np.floor(ideal).astype(int)
    left_over = round(sizes.sum() * INTERVENTION_SHARE) - counts.sum()
    shuffled = (ideal - counts).sample(frac=1, random_state=rng).round(9)
    counts[shuffled.sort_values(ascending=False, kind="stable").index[:left_over]] += 1
    return counts


def _log_normal(rng: Generator, median: float, log_sd: float, n: int) -> NDArray[np.float64]:
    return median * np.exp(log_sd * rng.standard_normal(n))


def _numbered(prefix: str, index: NDArray[np.int64]) -> pd.Series:
    width = max(2, len(str(index.max() + 1)))
    return pd.Series([f"{prefix}{number:0{width}d}" for number in index + 1])
