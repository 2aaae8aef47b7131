"""Hospital admissions: the fact table, drawn in chunks so that its size is limited by the disk alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from .truth import Truth

CHUNK = 1_000_000
DAYS_BEFORE, DAYS_AFTER = 120, 30
DAYS_UNTIL_READMISSION = 60
STATUS = pd.array(["informal", "detained"], dtype="str")

Days = NDArray[np.int64]
Flags = NDArray[np.bool_]


def draw_admissions(rng: Generator, expected: pd.DataFrame, truth: Truth) -> Iterator[pd.DataFrame]:
    """The table `admissions`, in chunks of about `CHUNK` rows; `expected` comes from `expect_admissions`.

    Rates and stays change at randomisation. Spells still open when the records close have no discharge.
    """
    slices = _slices(expected)
    n_rows = 0
    for _, chunk in slices.groupby(slices["expected"].cumsum() // CHUNK):
        admissions = _draw_chunk(rng, chunk.reset_index(drop=True), truth, n_rows + 1)
        n_rows += len(admissions)
        yield admissions


def expect_admissions(
    allocation: pd.DataFrame, exposure: pd.DataFrame, course: pd.DataFrame, truth: Truth
) -> pd.DataFrame:
    """A row a team: the days between which its records run, its expected admissions before and after randomisation.

    Records open `DAYS_BEFORE` days before the first window, and close `DAYS_AFTER` days after the last.
    """
    by_period = {period: rows.reset_index(drop=True) for period, rows in exposure.groupby("period")}
    opened = _days(by_period["before"]["start_on"]) - DAYS_BEFORE
    randomised = _days(allocation["randomised_on"])
    closed = _days(by_period["after"]["end_on"]) + DAYS_AFTER
    per_day = truth.admission_rate / 1000 / 365.25
    return pd.DataFrame(
        {
            "team": course["team"],
            "opened": opened,
            "randomised": randomised,
            "closed": closed,
            "before": per_day * by_period["before"]["population"] * (randomised - opened) * np.exp(course["before"]),
            "after": per_day * by_period["after"]["population"] * (closed - randomised) * np.exp(course["after"]),
            "stay_after": truth.stay_median * np.where(course["intervention"], truth.stay_ratio, 1.0),
        }
    )


def _slices(records: pd.DataFrame) -> pd.DataFrame:
    """The records with large catchments cut into equal slices, which together give the same Poisson counts."""
    expected = records["before"] + records["after"]
    n_slices = np.ceil(expected / CHUNK).clip(lower=1).astype(int)
    slices = records.assign(before=records["before"] / n_slices, after=records["after"] / n_slices)
    return slices.assign(expected=expected / n_slices).loc[records.index.repeat(n_slices)].reset_index(drop=True)


def _draw_chunk(rng: Generator, slices: pd.DataFrame, truth: Truth, first_person: int) -> pd.DataFrame:
    of_slice, admitted, nights = _draw_spells(rng, slices, truth)
    readmission = rng.random(len(admitted)) < truth.readmission_share
    person = _same_person(slices, of_slice, admitted, admitted + nights, readmission)
    closed = slices["closed"].to_numpy()[of_slice]
    return pd.DataFrame(
        {
            "person": "A" + pd.Series(person + first_person).astype("str"),
            "team": slices["team"].take(of_slice).reset_index(drop=True),
            "admitted_on": _dates(admitted),
            "discharged_on": _dates(admitted + nights).where(admitted + nights < closed),
            "legal_status": STATUS.take((rng.random(len(admitted)) < truth.detained_share).astype(int)),
            "readmission": readmission.astype(np.int64),
        }
    )


def _draw_spells(rng: Generator, slices: pd.DataFrame, truth: Truth) -> tuple[Days, Days, Days]:
    """Slice, day of admission and nights of each spell, sorted by slice and day."""
    counts = rng.poisson(slices[["before", "after"]].to_numpy()).ravel()
    of_slice, after = np.divmod(np.repeat(np.arange(len(counts)), counts), 2)
    opened, randomised, closed, stay = slices[["opened", "randomised", "closed", "stay_after"]].to_numpy().T
    first = np.where(after, randomised[of_slice], opened[of_slice])
    last = np.where(after, closed[of_slice], randomised[of_slice])
    admitted = np.floor(first + (last - first) * rng.random(len(after))).astype(np.int64)
    median = np.where(after, stay[of_slice], truth.stay_median)
    nights = np.rint(median * np.exp(truth.stay_log_sd * rng.standard_normal(len(after)))).astype(np.int64)
    order = np.lexsort((admitted, of_slice))
    return of_slice[order], admitted[order], nights[order]


def _same_person(slices: pd.DataFrame, of_slice: Days, admitted: Days, discharged: Days, readmission: Flags) -> Days:
    """Number of the person of each spell: a readmission is of someone admitted some `DAYS_UNTIL_READMISSION` days
    earlier and discharged since, if there is such a spell, so that no person has overlapping spells."""
    sizes = np.bincount(of_slice, minlength=len(slices))
    days = (slices["closed"] - slices["opened"]).to_numpy()
    lag = np.maximum(1, np.rint(sizes * DAYS_UNTIL_READMISSION / days)).astype(np.int64)
    index = np.arange(len(of_slice))
    earlier = index - lag[of_slice]
    linked = readmission & (earlier >= (np.cumsum(sizes) - sizes)[of_slice])
    linked &= discharged[earlier] < admitted
    person = np.where(linked, earlier, index)
    while np.any(person != person[person]):
        person = person[person]
    return person


def _days(dates: pd.Series) -> Days:
    return dates.to_numpy().astype("datetime64[D]").astype(np.int64)


def _dates(days: Days) -> pd.Series:
    return pd.Series(days.astype("datetime64[D]").astype("datetime64[us]"))
