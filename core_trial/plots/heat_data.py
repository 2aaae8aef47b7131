"""The data of an engagement heat map: what each team received, and the course of its score, under pseudonyms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..columns import known, numeric, refuse_rows, require_columns
from ..errors import DataError, PlanError
from .series import observations, with_missing, withhold

MISSING, NOT_DELIVERED, DELIVERED = "missing", "not delivered", "delivered, not rated"
"""Notes of the cells that have no value."""


def heat_cells(engagement: pd.DataFrame, value: str, components: Sequence[str] | None) -> pd.DataFrame:
    """A row a team and component, every pair of them: `team component value note`."""
    require_columns(engagement, ["team", "component"])
    rows = engagement.reindex(columns=["team", "component", "delivered", value]).reset_index(drop=True)
    rows["team"] = known(rows["team"]).astype("str")
    repeated = rows.duplicated(["team", "component"])
    refuse_rows(rows["component"], repeated, "has a second row for its team", "take the raters together first")
    names = _components(rows, components)
    delivered = rows["delivered"].astype("boolean")
    rows["value"] = numeric(rows[value]).mask(~delivered.fillna(True))
    rows["note"] = np.select(
        [delivered.eq(False).fillna(False), rows["value"].notna(), delivered.fillna(False)],
        [NOT_DELIVERED, "", DELIVERED],
        MISSING,
    )
    pairs = pd.MultiIndex.from_product([rows["team"].unique(), names], names=["team", "component"])
    cells = rows.set_index(["team", "component"])[["value", "note"]].reindex(pairs).reset_index()
    return cells.fillna({"note": MISSING})


def course(panel: pd.DataFrame, outcome: str, teams: Sequence[str], basis: str | None, min_count: int) -> pd.DataFrame:
    """A row a team and timepoint: `team timepoint value note`, without points that rest on small counts."""
    with_arm = panel if "arm" in panel else panel.assign(arm="intervention")
    points = with_missing(observations(with_arm, outcome, basis))
    hidden = withhold(points, min_count)
    points = points.assign(
        value=points["value"].mask(hidden), note=points["note"].mask(hidden, "withheld: small count")
    )
    return points.loc[points["team"].isin(teams), ["team", "timepoint", "value", "note"]]


def changes(points: pd.DataFrame, teams: Sequence[str], given: Mapping[str, float] | None) -> pd.Series:
    """Last less first value of each team, or the change that is given, from the largest to the smallest."""
    first, last = points["timepoint"].min(), points["timepoint"].max()
    ends = [points[points["timepoint"] == time].set_index("team")["value"] for time in (first, last)]
    change = (ends[1] - ends[0]).reindex(list(teams))
    if given is not None:
        change = change.fillna(pd.Series({str(team): float(value) for team, value in given.items()}))
    ordered: pd.DataFrame = change.rename("change").rename_axis("team").reset_index()
    ordered = ordered.sort_values(["change", "team"], ascending=[False, True])
    return ordered.set_index("team")["change"]


def joined(cells: pd.DataFrame, points: pd.DataFrame, change: pd.Series) -> pd.DataFrame:
    """Both and the change in one table, `level` (engagement, course, change) telling which; teams in their order."""
    change_rows = change.rename("value").reset_index().assign(note=np.where(change.isna(), MISSING, ""))
    parts: list[tuple[str, Any]] = [("engagement", cells), ("course", points), ("change", change_rows)]
    columns = ["level", "team", "component", "timepoint", "value", "note"]
    frames = [rows.assign(level=level).reindex(columns=columns) for level, rows in parts]
    data: pd.DataFrame = pd.concat([frame.astype({"component": "str", "timepoint": "float64"}) for frame in frames])
    place = {team: number for number, team in enumerate(change.index)}
    ordered: pd.DataFrame = data.sort_values("team", key=lambda team: team.map(place), kind="stable", ignore_index=True)
    return ordered


def _components(rows: pd.DataFrame, chosen: Sequence[str] | None) -> list[str]:
    found = list(dict.fromkeys(known(rows["component"]).astype("str")))
    if not found:
        raise DataError("there is nothing to show: the engagement has no row")
    unknown = [name for name in chosen or [] if name not in found]
    if unknown:
        raise PlanError(f"no component {unknown[0]!r} in the engagement; it has {', '.join(found)}")
    return list(chosen or found)
