"""Graded engagement against change: a row an outcome, measure and statistic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ...data import published
from .allocations import Resampling, settled
from .maximum import adjust_scores
from .ranks import NO_TEST, STATISTICS, Pairs, exact_kendall, kendall, spearman

FEWEST = 5
"""The smallest number of teams whose two-sided permutation test can reach 5 %: 2 of 5! arrangements are as extreme."""

TESTED = ("lowest", "highest", "p_value", "p_smallest", "p_adjusted", "arrangements", "exact", "p_error")
COLUMNS = (
    *("outcome", "measure", "label", "statistic", "teams", "estimate", "conf_low", "conf_high"),
    *TESTED,
)


class Results(NamedTuple):
    """Rows of a table, and why some are empty."""

    rows: pd.DataFrame
    notes: list[str]


def associate(
    teams: pd.DataFrame,
    outcome: str,
    index: str | None,
    components: Sequence[str],
    *,
    conf_level: float,
    resampling: Resampling,
) -> Results:
    """The columns `COLUMNS`; rows of a measure with too few teams or no variation are empty, and a note says so."""
    pairs = {name: pairs_of(teams, name, outcome) for name in [*([index] if index else []), *components]}
    rows = [row for name, each in pairs.items() for row in _rows(name, each, conf_level, resampling)]
    table = pd.DataFrame(rows, columns=[name for name in COLUMNS if name not in ("outcome", "p_adjusted")])
    adjusted = _adjusted(teams, outcome, [name for name in components if enough(pairs[name])], resampling)
    from_score = table["measure"].map(adjusted).astype("float64").mask(table["statistic"] == "spearman")
    table = table.assign(outcome=outcome, p_adjusted=np.maximum(from_score, table["p_value"]))
    return Results(table[list(COLUMNS)], [note for name, each in pairs.items() for note in why_empty(name, each)])


def reweigh(
    teams: pd.DataFrame, outcomes: Sequence[str], indices: Mapping[str, pd.Series], resampling: Resampling
) -> pd.DataFrame:
    """Kendall's tau-b of each index by team with each outcome: `outcome weighting teams kendall_tau_b p_value`."""
    rows = []
    for outcome in outcomes:
        for weighting, index in indices.items():
            pairs = pairs_of(teams.assign(index=teams["team"].map(index)), "index", outcome)
            tau, test = np.nan, NO_TEST
            if enough(pairs):
                tau = pairs.estimates["kendall_tau_b"]
                test = exact_kendall(pairs) or kendall(pairs, resampling.arrange(pairs.x))
            rows.append((outcome, weighting, pairs.n, tau, test.p_value))
    return pd.DataFrame(rows, columns=["outcome", "weighting", "teams", "kendall_tau_b", "p_value"])


def pairs_of(teams: pd.DataFrame, measure: str, outcome: str) -> Pairs:
    """The teams that have both."""
    return Pairs.of(teams[measure].to_numpy("float64"), teams[outcome].to_numpy("float64"))


def enough(pairs: Pairs) -> bool:
    """Whether anything is estimated."""
    return pairs.n >= FEWEST and pairs.vary


def why_empty(name: str, pairs: Pairs) -> list[str]:
    """Why nothing is estimated of a measure, if so."""
    label = label_of(name)
    if pairs.n < FEWEST:
        return [f"{label}: known with a change of {pairs.n} teams; nothing is estimated from fewer than {FEWEST}"]
    if not pairs.vary:
        what = "it" if np.ptp(pairs.x) == 0 else "the change"
        return [f"{label}: {what} is the same in all {pairs.n} teams; there is no variation to relate"]
    return []


def label_of(name: str) -> str:
    """What readers call a measure."""
    component = name.removeprefix("delivered_")
    delivered = " delivered" if name != component else ""
    return "Engagement index" if name == "index" else f"{_labels().get(component, component)}{delivered}"


@cache
def _labels() -> dict[str, str]:
    return dict(published.components[["component", "label"]].itertuples(index=False, name=None))


def left_out(pairs: Pairs) -> Iterator[Pairs]:
    """The pairs with each team left out in turn, where both columns still vary."""
    fewer = (Pairs(np.delete(pairs.x, team), np.delete(pairs.y, team)) for team in range(pairs.n))
    return (each for each in fewer if each.vary)


def _rows(name: str, pairs: Pairs, conf_level: float, resampling: Resampling) -> Iterator[dict[str, Any]]:
    common = {"measure": name, "label": label_of(name), "teams": pairs.n}
    if not enough(pairs):
        yield from ({**common, "statistic": each, **NO_TEST._asdict()} for each in STATISTICS)
        return
    fewer = pd.DataFrame([each.estimates for each in left_out(pairs)]).agg(["min", "max"])
    arranged = resampling.arrange(pairs.x)
    tests = dict.fromkeys(STATISTICS, exact_kendall(pairs) or kendall(pairs, arranged))
    tests["spearman"] = spearman(pairs, arranged)
    intervals = {"theil_sen": pairs.slope_interval(conf_level)}
    for statistic, estimate in pairs.estimates.items():
        low, high = intervals.get(statistic, (np.nan, np.nan))
        ends = {"conf_low": low, "conf_high": high, "lowest": fewer[statistic].min(), "highest": fewer[statistic].max()}
        yield {**common, "statistic": statistic, "estimate": estimate, **ends, **tests[statistic]._asdict()}


def _adjusted(teams: pd.DataFrame, outcome: str, names: Sequence[str], resampling: Resampling) -> dict[str, float]:
    if not names:
        return {}
    known = teams.dropna(subset=outcome)
    measures = np.column_stack([settled(known[name].to_numpy("float64")) for name in names])
    p = adjust_scores(measures, settled(known[outcome].to_numpy("float64")), resampling)
    return dict(zip(names, p, strict=True))
