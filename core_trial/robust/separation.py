"""Separation said in words, before a search follows it for ever."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..engine.arrays import Array
from ..engine.robust.separation import Mask, Separation, find_separation, is_suspect
from ..errors import FitError


def refuse_separation(
    x: Array, names: Sequence[str], events: Array, mean: Array, trials: Array | None, *, suspect: bool = False
) -> None:
    """Raise a `FitError` that names the columns whose combination tells outcomes apart; look only where there is cause.

    Parameters
    ----------
    x : (n, p) columns, named by `names`
    events, mean : (n,) observed and fitted number of events
    trials : (n,) that they are out of; None for counts without a limit
    suspect : look in any case, as after a search that did not end
    """
    if not suspect and not is_suspect(events, mean, trials):
        return
    highest = np.zeros(len(events), bool) if trials is None else events == trials
    found = find_separation(x, events == 0, highest)
    if found is not None:
        raise FitError(_words(found, x, names, highest))


def _words(found: Separation, x: Array, names: Sequence[str], highest: Mask) -> str:
    what = "complete separation" if found.complete else "quasi-complete separation"
    columns = [names[i] for i in found.columns]
    where = _where(found, x, columns, highest)
    return (
        f"{what} by {', '.join(map(repr, columns))}: {where}, so that the estimates have no finite value. Leave"
        f" {'it' if len(columns) == 1 else 'one of them'} out, merge categories, or compare risks or rates of clusters"
        " by ct.cluster_level, which needs no logarithm of zero with a difference"
    )


def _where(found: Separation, x: Array, columns: Sequence[str], highest: Mask) -> str:
    """ "no events where arm[T.intervention] is 1", or in how many rows the outcome is told."""
    values = np.unique(x[found.rows][:, found.columns])
    if len(columns) == 1 and len(values) == 1 and highest[found.rows].all() | ~highest[found.rows].any():
        events = "nothing but events" if highest[found.rows].all() else "no events"
        return f"{events} in the {len(found.rows)} rows where it is {values[0]:g}"
    together = "it tells" if len(columns) == 1 else "together they tell"
    return f"{together} the outcome of {len(found.rows)} rows without error"
