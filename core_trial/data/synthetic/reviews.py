"""Fidelity reviews, item by item, and the record of each team's engagement with the programme."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from ..rules import ITEMS
from .ordinal import OrdinalScale
from .repeated import draw_repeated
from .truth import Truth

TIMEPOINTS = np.array([0, 6, 12])
CUTS = (-1.5, -0.5, 0.5, 1.5)
# The survey of 75 teams found organisation scored above content of care; the sizes are illustrative.
EASINESS = np.repeat([0.2, -0.2, 0.1, 0.0], [10, 16, 11, 2])
NOT_SCORED = -99
LAST_ITEM_OF_CUT_REVIEW = 26
REVIEW_DAYS = {0: (-35, -6), 6: (-14, 22), 12: (-14, 22)}

COMPONENT_MONTH = {
    "scoping_day": 1,
    "learning_events": 5,
    "coaching": 1,
    "fidelity_reviews": 6,
    "routine_meetings": 1,
    "online_resources": 1,
    "actions": 2,
    "research_support": 1,
}
MOST_SESSIONS = np.array([1, 2, 45, 3, 12, 30, 20, 12])
RATERS = ("facilitator", "researcher")


def fidelity_scale(truth: Truth) -> OrdinalScale:
    """The 39 items with the stated mean at baseline."""
    return OrdinalScale.with_mean(truth.fidelity_mean, CUTS, EASINESS)


def draw_fidelity_items(rng: Generator, allocation: pd.DataFrame, course: pd.DataFrame, truth: Truth) -> pd.DataFrame:
    """The table `fidelity_items`: three reviews of intervention teams, two of control teams."""
    scores = _draw_scores(rng, course, truth)
    missing = _draw_missing(rng, len(course), truth)
    reviewed_on = _draw_review_days(rng, allocation)
    team, timepoint, item = np.indices(scores.shape).reshape(3, -1)
    items = pd.DataFrame(
        {
            "team": course["team"].to_numpy()[team],
            "timepoint": TIMEPOINTS[timepoint],
            "reviewed_on": reviewed_on[team, timepoint],
            "item": item + 1,
            "score": np.where(missing, NOT_SCORED, scores).ravel(),
        }
    )
    reviewed: NDArray[np.bool_] = course["intervention"].to_numpy()[team] | (timepoint != 1)
    return items.loc[reviewed].reset_index(drop=True)


def _draw_scores(rng: Generator, course: pd.DataFrame, truth: Truth) -> NDArray[np.int64]:
    """Scores (teams, 3, 39)."""
    scale, n = fidelity_scale(truth), len(course)
    r = scale.within(truth.fidelity_sd)
    team = draw_repeated(rng, (n, 3, 1), truth.fidelity_team_persistence)
    item = draw_repeated(rng, (n, 3, ITEMS), truth.fidelity_item_persistence)
    progress = np.array([0.0, truth.fidelity_share_at_6, 1.0])
    mean = truth.fidelity_mean + (truth.fidelity_trend + course["gain"].to_numpy())[:, None] * progress
    return scale.score(scale.shift_for(mean)[..., None] + np.sqrt(r) * team + np.sqrt(1 - r) * item)


def _draw_missing(rng: Generator, n_teams: int, truth: Truth) -> NDArray[np.bool_]:
    shape = (n_teams, len(TIMEPOINTS), ITEMS)
    cut_short = rng.random(shape[:2]) < truth.fidelity_cut_short
    not_reached = np.arange(ITEMS) >= LAST_ITEM_OF_CUT_REVIEW
    return (rng.random(shape) < truth.fidelity_item_missing) | (cut_short[..., None] & not_reached)


def _draw_review_days(rng: Generator, allocation: pd.DataFrame) -> NDArray[np.datetime64]:
    """Days (teams, 3): the first review before randomisation, the others around months 6 and 12."""
    planned = [allocation["randomised_on"] + pd.DateOffset(months=int(month)) for month in TIMEPOINTS]
    lags = [rng.integers(*REVIEW_DAYS[month], len(allocation)) for month in TIMEPOINTS]
    days = [(day + pd.to_timedelta(lag, "D")).astype("datetime64[us]") for day, lag in zip(planned, lags, strict=True)]
    return np.stack([day.to_numpy() for day in days], axis=1)


def draw_engagement(rng: Generator, course: pd.DataFrame, truth: Truth) -> pd.DataFrame:
    """The table `engagement`: intervention teams, eight components, two raters."""
    teams = course[course["intervention"]]
    shape = (len(teams), len(COMPONENT_MONTH), len(RATERS))
    level = teams["engagement"].to_numpy()[:, None, None] + truth.engagement_rating_sd * rng.standard_normal(shape)
    rating = level.round().clip(0, 3).astype(np.int64)
    sessions = np.ceil(rating / 3 * MOST_SESSIONS[:, None]).astype(np.int64)
    late = rng.integers(0, 3, shape[:2])[..., None] + np.zeros_like(rating)
    team, component, rater = np.indices(shape).reshape(3, -1)
    frame = pd.DataFrame(
        {
            "team": teams["team"].to_numpy()[team],
            "component": np.array(list(COMPONENT_MONTH))[component],
            "delivered": np.where(rating.ravel() > 0, "yes", "no"),
            "month": pd.array(np.array(list(COMPONENT_MONTH.values()))[component] + late.ravel(), dtype="Int64"),
            "sessions": pd.array(sessions.ravel(), dtype="Int64"),
            "rating": pd.array(rating.ravel(), dtype="Int64"),
            "rater": np.array(RATERS)[rater],
        }
    )
    return _with_unknowns(rng, frame)


def _with_unknowns(rng: Generator, engagement: pd.DataFrame) -> pd.DataFrame:
    """Components that were not delivered have no month; one record in twenty does not say."""
    unknown = rng.random(len(engagement)) < 0.05
    engagement.loc[engagement["delivered"] == "no", "month"] = pd.NA
    engagement.loc[unknown, "delivered"] = "unknown"
    engagement.loc[unknown, ["month", "sessions", "rating"]] = pd.NA
    return engagement
