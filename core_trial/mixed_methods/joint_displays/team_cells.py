"""Cells of a matrix of teams: what they received, and what they spoke of, as the text that is shown."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ...columns import refuse_rows, require_columns
from .pseudonyms import renamed

PRESENT, ABSENT = "●", "○"

RATED = "Components: mean rating of uptake, 0 to 3, or yes where only delivery is known; no: not delivered."
SPOKEN = f"Themes: {PRESENT} spoken of in the team’s interviews, {ABSENT} not."

COMPONENT, THEME = "component_", "theme_"
"""Before the name of a column, since components and themes share names."""


def component_cells(engagement: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """A row a team (its pseudonym), a column a component: its rating, "yes", "no" or missing."""
    require_columns(engagement, ["team", "component"])
    rows = engagement.reindex(columns=["team", "component", "delivered", "rating"])
    rows["team"] = renamed(rows["team"], names)
    repeated = rows.duplicated(["team", "component"])
    refuse_rows(rows["component"], repeated, "has a second row for its team", "take the raters together first")
    delivered, rating = rows["delivered"].astype("boolean"), rows["rating"].astype("Float64")
    text = delivered.map({True: "yes", False: "no"}).astype("str")
    text = text.mask(rating.notna() & delivered.fillna(True), rating.map("{:.2g}".format, na_action="ignore"))
    wide = rows.assign(text=text).pivot_table("text", "team", "component", aggfunc="first")
    return wide.reindex(columns=list(dict.fromkeys(rows["component"]))).add_prefix(COMPONENT)


def theme_cells(presence: pd.DataFrame) -> pd.DataFrame:
    """A row a team, a column a theme: whether its value is above 0, or missing."""
    present = presence.astype("Float64").gt(0).astype("boolean").astype(object)
    return present.map({True: PRESENT, False: ABSENT}.get, na_action="ignore").add_prefix(THEME)


def heading(column: str, labels: Mapping[str, str], columns: pd.Index) -> str:
    """What stands over such a column; a theme says that it is one where a component has the same name."""
    name = column.removeprefix(COMPONENT).removeprefix(THEME)
    words = name.replace("_", " ")
    label = words[:1].upper() + words[1:]
    if column.startswith(COMPONENT):
        return label
    return labels.get(name, label) + (" (theme)" if COMPONENT + name in columns else "")
