"""Patients and staff: questionnaires of people within teams, at baseline and at follow-up."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from .ordinal import OrdinalScale
from .repeated import draw_repeated
from .truth import Questionnaire, Truth

Array = NDArray[np.float64]

WAVES = np.array(["baseline", "follow_up"])
CSQ8_ITEMS = [f"csq8_{item}" for item in range(1, 9)]
CSQ8_CUTS = (-1.0, -0.7, -0.15)
NOT_RECORDED, DECLINED = -99, -98


def csq8_scale(truth: Truth) -> OrdinalScale:
    """The eight CSQ-8 items with the stated mean total."""
    return OrdinalScale.with_mean(truth.csq8_mean, CSQ8_CUTS, np.zeros(8))


def draw_patients(rng: Generator, course: pd.DataFrame, truth: Truth) -> pd.DataFrame:
    """The table `patients`: a fresh sample of each team's patients in each wave."""
    shape = (2, len(course), truth.patients_per_wave)
    wave, team, _ = np.indices(shape).reshape(3, -1)
    treated = course["intervention"].to_numpy()[team] * wave
    items = _draw_csq8(rng, wave, team, treated, truth)
    continuity = _draw_score(rng, truth.continuity, team, treated, rng.standard_normal(len(wave)))
    continuity[rng.random(len(wave)) < truth.continuity_missing] = DECLINED
    people = pd.DataFrame(
        {
            "person": [f"P{number:06d}" for number in range(1, len(wave) + 1)],
            "team": course["team"].to_numpy()[team],
            "wave": WAVES[wave],
            **{name: np.nan_to_num(items[:, j], nan=DECLINED) for j, name in enumerate(CSQ8_ITEMS)},
            "csq8_total": items.sum(1),
            "age": rng.normal(42, 14, len(wave)).round().clip(18, 90),
            "gender": rng.choice(["female", "male", "other"], len(wave), p=[0.55, 0.44, 0.01]),
            "continuity": continuity,
        }
    )
    return people.astype(dict.fromkeys([*CSQ8_ITEMS, "csq8_total", "age", "continuity"], "Int64"))


def _draw_csq8(
    rng: Generator, wave: NDArray[np.int64], team: NDArray[np.int64], treated: NDArray[np.int64], truth: Truth
) -> Array:
    """Item scores (persons, 8), missing where left out."""
    scale = csq8_scale(truth)
    within, between = scale.within(truth.csq8_sd), scale.between(truth.csq8_sd, truth.csq8_icc)
    teams = draw_repeated(rng, (team.max() + 1, 2), truth.csq8_team_persistence)[team, wave]
    person = np.sqrt(between) * teams + np.sqrt(within - between) * rng.standard_normal(len(team))
    mean = truth.csq8_mean + truth.csq8_trend * wave + truth.csq8_effect * treated
    own = np.sqrt(1 - within) * rng.standard_normal((len(team), 8))
    scores = scale.score((scale.shift_for(mean) + person)[:, None] + own).astype(float)
    scores[rng.random(scores.shape) < truth.csq8_item_missing] = np.nan
    return scores


def draw_staff(rng: Generator, teams: pd.DataFrame, course: pd.DataFrame, truth: Truth) -> pd.DataFrame:
    """The table `staff`: everyone in post at each wave; those who did not answer have no scores."""
    team, wave, person = _draw_roster(teams, truth)
    scores = _draw_staff_scores(rng, course, team, wave, person, truth)
    scores[rng.random(len(team)) >= truth.staff_response] = NOT_RECORDED
    frame = pd.DataFrame(
        {
            "person": [f"S{number:06d}" for number in person + 1],
            "team": teams["team"].to_numpy()[team],
            "wave": WAVES[wave],
            **{scale.name: scores[:, j] for j, scale in enumerate(truth.staff_scales)},
        }
    )
    return frame.astype({scale.name: "Int64" for scale in truth.staff_scales if not scale.decimals})


def _draw_roster(teams: pd.DataFrame, truth: Truth) -> tuple[NDArray[np.int64], ...]:
    """Team, wave and person numbers; of those in post at baseline the first ones have left by follow-up."""
    size = teams["staff_fte"].round().clip(lower=2).to_numpy(dtype=np.int64)
    leavers = ((1 - truth.staff_stay) * size).round().astype(np.int64)
    everyone = np.repeat(np.arange(len(size)), size + leavers)
    position = np.arange(len(everyone)) - np.repeat(np.cumsum(size + leavers) - size - leavers, size + leavers)
    at_baseline = np.flatnonzero(position < size[everyone])
    at_follow_up = np.flatnonzero(position >= leavers[everyone])
    person = np.concatenate([at_baseline, at_follow_up])
    return everyone[person], np.repeat([0, 1], [len(at_baseline), len(at_follow_up)]), person


def _draw_staff_scores(
    rng: Generator,
    course: pd.DataFrame,
    team: NDArray[np.int64],
    wave: NDArray[np.int64],
    person: NDArray[np.int64],
    truth: Truth,
) -> Array:
    """Scores (rows, scales)."""
    treated = course["intervention"].to_numpy()[team] * wave
    columns = (person.max() + 1, 2)
    common = draw_repeated(rng, columns, truth.staff_person_persistence)[person, wave]
    scores = []
    for scale in truth.staff_scales:
        own = draw_repeated(rng, columns, truth.staff_person_persistence)[person, wave]
        share = truth.staff_common_factor
        individual = scale.sign * np.sqrt(share) * common + np.sqrt(1 - share) * own
        scores.append(_draw_score(rng, scale, team, treated, individual))
    return np.column_stack(scores)


def _draw_score(
    rng: Generator, scale: Questionnaire, team: NDArray[np.int64], treated: NDArray[np.int64], individual: Array
) -> Array:
    """Scores of people whose standing among colleagues, in standard deviations, is `individual`."""
    teams = rng.standard_normal(team.max() + 1)[team]
    standing = np.sqrt(scale.icc) * teams + np.sqrt(1 - scale.icc) * individual
    score: Array = scale.mean + scale.effect * treated + scale.sd * standing
    return np.clip(score.round(scale.decimals), scale.lowest, scale.highest)
