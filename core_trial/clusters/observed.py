"""The rows that variation between clusters is estimated from, checked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..columns import constant_within, known, numeric, refuse_rows, require_columns
from ..errors import FitError
from .summaries import Kind, check_counts


@dataclass(frozen=True)
class Observed:
    """Rows of one outcome.

    Attributes
    ----------
    rows : `value size cluster group`, `size` being the individuals or the person-time of a row
    outcome, within, kind : the column of the values, that of the groups, and what it measures
    notes : what was left out
    """

    rows: pd.DataFrame
    outcome: str
    within: str | None
    kind: Kind
    notes: tuple[str, ...]

    @property
    def n_clusters(self) -> int:
        return int(self.rows["cluster"].nunique())

    @property
    def n_groups(self) -> int:
        return int(self.rows["group"].nunique())

    @property
    def df(self) -> int:
        """Clusters less groups."""
        return self.n_clusters - self.n_groups


def observe(
    outcome: str, data: pd.DataFrame, cluster: str, within: str | None, kind: Kind, size: str | None
) -> Observed:
    """Every row with a value, and for events of every group that has some."""
    require_columns(data, (outcome, cluster, within, size))
    group = known(data[within]) if within else pd.Series("", index=data.index)
    constant_within(group, known(data[cluster]))
    value = numeric(data[outcome])
    share = numeric(data[size]) if size else pd.Series(1.0, index=data.index)
    refuse_rows(share, share <= 0, "is zero or negative", "the outcome cannot be counted over nothing")
    if kind != "mean":
        check_counts(value, share, kind, size)
    rows = pd.DataFrame({"value": value, "size": share, "cluster": data[cluster], "group": group.astype(str)})
    complete = rows.dropna()
    missing, what = len(rows) - len(complete), f"{outcome} or {size}" if size else outcome
    notes = (f"{missing} of {len(rows)} rows left out, with no {what}",) if missing else ()
    if kind == "mean":
        return Observed(complete, outcome, within, kind, notes)
    varying, constant = _varying(complete, outcome, within, kind)
    return Observed(varying, outcome, within, kind, (*notes, *constant))


def _varying(rows: pd.DataFrame, outcome: str, within: str | None, kind: Kind) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The groups whose clusters can differ: those with events, and of proportions not only events."""
    total = rows.groupby("group")[["value", "size"]].transform("sum")
    whole = (total["value"] == total["size"]) & (kind == "proportion")
    state = np.select([total["value"] == 0, whole], ["no events", "nothing but events"], "")
    kept = rows[state == ""]
    if kept.empty and len(rows):
        words = " or ".join(sorted(set(state)))
        raise FitError(f"{outcome!r} has {words}: its variation between clusters is unknown; report the counts alone")
    constant = sorted({(group, word) for group, word in zip(rows["group"], state, strict=True) if word})
    remark = "which says nothing of the variation between clusters: left out"
    return kept, tuple(f"{within} {group} has {word}, {remark}" for group, word in constant)
