"""`simulate_trial`: a synthetic trial, loaded and checked as records are."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ...errors import PlanError
from ..trial import Trial, load_trial
from .folder import write_draw
from .tables import Draw, draw_trial
from .truth import Truth

DEFAULT_SEED = 2014
"""Seed of the embedded trial: the year in which the CORE trial began, chosen before any draw was looked at."""

DEFAULT_TRUTH = Truth()
FEWEST_TEAMS = 5
MOST_IN_MEMORY = 2_000_000


def simulate_trial(
    seed: int = DEFAULT_SEED,
    *,
    n_teams: int = 25,
    truth: Truth = DEFAULT_TRUTH,
    scale: float = 1,
    out: str | Path | None = None,
) -> Trial:
    """Draw a synthetic trial of the shape of CORE from a stated truth.

    Teams in trusts are allocated 15:10, as near as can be within each trust. The records have what real ones have:
    items not scored, questions declined, staff who did not respond, spells outside the windows or still open. The same
    arguments give the same records.

    Parameters
    ----------
    seed : not negative
    n_teams : teams; patients, staff and reviews grow with them
    truth : the parameters to draw from; saved with the records, and in `Trial.truth`
    scale : multiple of each team's catchment population, and so of its admissions, some 670 a team at scale 1
    out : new folder for the records as Parquet files; needed beyond two million admissions, which are then written
        chunk by chunk

    Returns
    -------
    A trial with `synthetic` set. `Trial.truth` has `values` (the parameters by name), `parameters` (their units,
    meanings and status) and `effects` (true effects by outcome).

    Raises
    ------
    PlanError : an argument is out of range, or `out` is needed
    OutputError : `out` exists or cannot be written

    Warns
    -----
    TrialWarning : as for real records: incomplete reviews

    Examples
    --------
    >>> import core_trial as ct, warnings
    >>> warnings.simplefilter("ignore", ct.TrialWarning)
    >>> trial = ct.simulate_trial(7)
    >>> trial.synthetic, len(trial.table("teams")), trial.truth["effects"]["csq8"]
    (True, 25, 0.97)
    """
    _check_arguments(seed, n_teams, scale)
    draw = draw_trial(seed, n_teams, truth, scale)
    statement = _state(seed, n_teams, truth, scale)
    if out is not None:
        write_draw(draw, statement, Path(out))
        return load_trial(out)
    _check_size(draw)
    return replace(load_trial(draw.tables()), synthetic=True, truth=statement)


def _state(seed: int, n_teams: int, truth: Truth, scale: float) -> dict[str, Any]:
    """What is saved as `truth.json`, as JSON reads it back."""
    statement = {
        "synthetic": True,
        "statement": "Synthetic records. No figure in them is a result of the CORE trial.",
        "seed": seed,
        "n_teams": n_teams,
        "scale": scale,
        "effects": truth.effects(),
        "values": asdict(truth),
        "parameters": Truth.parameters(),
    }
    loaded: dict[str, Any] = json.loads(json.dumps(statement))
    return loaded


def _check_arguments(seed: int, n_teams: int, scale: float) -> None:
    if seed < 0:
        raise PlanError(f"seed={seed} is negative; give 0 or more")
    if n_teams < FEWEST_TEAMS:
        raise PlanError(f"n_teams={n_teams} is too few; give {FEWEST_TEAMS} or more")
    if scale <= 0:
        raise PlanError(f"scale={scale} is not above 0; 1 is the size of a real trial")


def _check_size(draw: Draw) -> None:
    if draw.expected_admissions > MOST_IN_MEMORY:
        raise PlanError(
            f"about {draw.expected_admissions:,.0f} admissions are too many to hold in memory; "
            "give out=, a new folder to write them to"
        )
