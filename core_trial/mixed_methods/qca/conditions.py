"""Single conditions: is each, or its absence, necessary or sufficient for the outcome and for its negation?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from .measures import Array, consistency, coverage, pri, relevance
from .membership import Memberships, read_memberships

Measure = Callable[[Array, Array], Array]

NECESSITY: dict[str, Measure] = {
    "consistency": coverage,
    "coverage": consistency,
    "relevance": relevance,
}
"""A condition is necessary as far as it covers the outcome, and covers the outcome as far as it is sufficient."""

SUFFICIENCY: dict[str, Measure] = {"consistency": consistency, "pri": pri, "coverage": coverage}


def necessity(data: pd.DataFrame, outcome: str, conditions: Sequence[str], *, case: str | None = None) -> pd.DataFrame:
    """Necessity of every condition and of its negation, for the outcome and for its negation; any number of cases.

    Parameters
    ----------
    data : one row a case, with membership in [0, 1], booleans or two words in the columns of the sets
    outcome : its column, or "~Y" for the negation of column Y
    conditions : their columns
    case : column that names the cases; by default team or case, if there is one, else the index

    Returns
    -------
    One row a condition: outcome, condition ("~A" is the negation of A), consistency (0.9 is the usual least value for a
    necessary condition), coverage, relevance (near 0: trivial, because nearly every case has the condition), n cases.

    Raises
    ------
    PlanError : a column is not there
    DataError : a membership is missing or outside 0 to 1; the failures name the rows
    DesignError : all cases have the same membership in a set

    Examples
    --------
    >>> import core_trial as ct
    >>> teams = pd.DataFrame({"coaching": [0.1, 0.4, 0.6, 0.9], "gain": [0.1, 0.2, 0.6, 0.8]})
    >>> needed = ct.mixed_methods.qca.necessity(teams, "gain", ["coaching"])
    >>> needed.loc[1, ["consistency", "coverage", "relevance"]].astype(float).round(2).tolist()
    [1.0, 0.85, 0.87]
    """
    return _both_outcomes(read_memberships(data, outcome, conditions, case), NECESSITY)


def sufficiency(
    data: pd.DataFrame, outcome: str, conditions: Sequence[str], *, case: str | None = None
) -> pd.DataFrame:
    """Sufficiency of every condition and of its negation, alone, for the outcome and for its negation.

    Takes and raises what `necessity` does, and works for any number of cases, also where no minimisation is allowed.

    Returns
    -------
    One row a condition: outcome, condition, consistency, pri (below 0.5 the condition is as
    consistent with the negation of the outcome), coverage, n cases.

    Examples
    --------
    >>> import core_trial as ct
    >>> teams = pd.DataFrame({"coaching": [0, 0, 1, 1, 1], "gain": [0, 0, 0, 1, 1]})
    >>> enough = ct.mixed_methods.qca.sufficiency(teams, "gain", ["coaching"])
    >>> enough.loc[1, ["consistency", "pri", "coverage"]].astype(float).round(2).tolist()
    [0.67, 0.67, 1.0]
    """
    return _both_outcomes(read_memberships(data, outcome, conditions, case), SUFFICIENCY)


def _both_outcomes(sets: Memberships, measures: dict[str, Measure]) -> pd.DataFrame:
    return pd.concat([_every_literal(sets, measures), _every_literal(sets.negated, measures)], ignore_index=True)


def _every_literal(sets: Memberships, measures: dict[str, Measure]) -> pd.DataFrame:
    literals = [(position, present) for position in range(len(sets.conditions)) for present in (False, True)]
    x = np.stack([sets.literal(*literal) for literal in literals])
    return pd.DataFrame(
        {
            "outcome": sets.outcome,
            "condition": [sets.name(*literal) for literal in literals],
            **{name: measure(x, sets.y) for name, measure in measures.items()},
            "n": len(sets.cases),
        }
    )
