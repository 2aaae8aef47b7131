"""Change of teams with a component against those without it: differences of means by permutation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .allocations import Resampling, invert
from .associations import TESTED, Results, enough, label_of, pairs_of, why_empty
from .maximum import adjust_differences
from .ranks import NO_TEST, Pairs, from_arrangements

Array = NDArray[np.float64]

COLUMNS = (
    *("outcome", "measure", "label", "with_component", "without_component", "mean_with", "mean_without"),
    *("estimate", "conf_low", "conf_high"),
    *TESTED,
)


def compare(
    teams: pd.DataFrame, outcome: str, delivered: Sequence[str], *, conf_level: float, resampling: Resampling
) -> Results:
    """The columns `COLUMNS`, a row a component: columns `delivered` of 1, 0 and NaN where it is not known."""
    pairs = {name: pairs_of(teams, name, outcome) for name in delivered}
    table = pd.DataFrame(
        [_row(name, each, conf_level, resampling) for name, each in pairs.items()],
        columns=[name for name in COLUMNS if name not in ("outcome", "p_adjusted")],
    )
    adjusted = _adjusted(teams, outcome, [name for name in delivered if enough(pairs[name])], resampling)
    p_adjusted = np.maximum(table["measure"].map(adjusted).astype("float64"), table["p_value"])
    notes = [note for name, each in pairs.items() for note in why_empty(name, each)]
    notes += _whole_lines(table)
    return Results(table.assign(outcome=outcome, p_adjusted=p_adjusted)[list(COLUMNS)], notes)


def _row(name: str, pairs: Pairs, conf_level: float, resampling: Resampling) -> dict[str, Any]:
    received = int(pairs.x.sum())
    common = {"measure": name, "label": label_of(name), "with_component": received}
    common["without_component"] = pairs.n - received
    if not enough(pairs):
        return {**common, **NO_TEST._asdict()}
    arranged = resampling.arrange(pairs.x)
    estimate = _difference(pairs.x[None], pairs.y)[0]
    each = _difference(arranged.rows, pairs.y)
    low, high = invert((estimate, 1.0), each, _difference(arranged.rows, pairs.x), conf_level)
    fewer = _leaving_one_out(pairs)
    return {
        **common,
        "mean_with": pairs.y[pairs.x == 1].mean(),
        "mean_without": pairs.y[pairs.x == 0].mean(),
        "estimate": estimate,
        "conf_low": low,
        "conf_high": high,
        "lowest": fewer.min(),
        "highest": fewer.max(),
        **from_arrangements(each, estimate, arranged)._asdict(),
    }


def _difference(rows: Array, y: Array) -> Array:
    """(R,) mean of y where each row (R, n) is 1, less that where it is 0."""
    received = rows.sum(axis=1)
    difference: Array = (rows @ y) / received - ((1 - rows) @ y) / (rows.shape[1] - received)
    return difference


def _leaving_one_out(pairs: Pairs) -> Array:
    kept = [np.delete(np.arange(pairs.n), team) for team in range(pairs.n)]
    both = [teams for teams in kept if 0 < pairs.x[teams].sum() < len(teams)]
    return np.array([_difference(pairs.x[teams][None], pairs.y[teams])[0] for teams in both])


def _whole_lines(table: pd.DataFrame) -> list[str]:
    """The differences that so few arrangements can say nothing of."""
    rows = table[np.isinf(table["conf_low"].astype("float64"))]
    return [
        f"{row.label}: none of its {row.arrangements} arrangements can have a p value below {row.p_smallest:.3f}; "
        "no difference is excluded"
        for row in rows.itertuples()
    ]


def _adjusted(teams: pd.DataFrame, outcome: str, names: Sequence[str], resampling: Resampling) -> dict[str, float]:
    if not names:
        return {}
    known = teams.dropna(subset=outcome)
    p = adjust_differences(known[list(names)].to_numpy("float64"), known[outcome].to_numpy("float64"), resampling)
    return dict(zip(names, p, strict=True))
