"""XY plot: membership of cases in a condition or solution against membership in the outcome."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Literal, get_args

import numpy as np
import pandas as pd

from ..columns import known, numeric, refuse_rows, require_columns
from ..errors import DataError, PlanError
from ..wording import number, sentence
from .blocks import Block, Paragraph, stack
from .plot import Plot, TrialFigure
from .style import GREY, MM, TITLE, width_mm
from .xy_blocks import BOTH, CONDITION, LINE, NEITHER, OUTCOME, Sets, XyPanel

Relation = Literal["sufficient", "necessary"]


def xy_plot(
    cases: pd.DataFrame,
    x: str,
    y: str,
    *,
    parameters: Mapping[str, float],
    relation: Relation = "sufficient",
    case: str = "team",
    names: Mapping[str, str] | None = None,
    x_label: str | None = None,
    y_label: str | None = None,
    title: str = "",
) -> Plot:
    """Fuzzy memberships of cases, with the lines at 0.5 and the diagonal, and the parameters of fit in words.

    Exploratory: the figure says so, and how many cases there are. Cases with the same memberships share a mark and a
    label; labels cover neither marks nor each other. Colour and shape tell the quadrants apart.

    Parameters
    ----------
    cases : a row a case: its name and the memberships, 0 to 1
    x, y : columns with membership in the condition or solution, and in the outcome
    parameters : name -> value, printed in this order: consistency, PRI, coverage
    relation : whether cases above the diagonal (sufficient) or below it (necessary) are in line with the relation
    case : column with the names
    names : case -> pseudonym, in the figure and its data; required of every case where it is given
    x_label, y_label : names of the sets. Default: the columns
    title : printed above

    Returns
    -------
    Plot, whose data have a row a case: `case x y quadrant in_line`

    Raises
    ------
    PlanError : a column, pseudonym or relation that there is not
    DataError : no case, a case twice, a membership that is missing or outside 0 to 1

    Examples
    --------
    >>> cases = pd.DataFrame({"team": ["T1", "T2"], "COACH": [0.8, 0.3], "RISE": [0.9, 0.4]})
    >>> xy_plot(cases, "COACH", "RISE", parameters={"Consistency": 1.0}).data["quadrant"].tolist()
    ['in both', 'in neither']
    """
    if relation not in get_args(Relation):
        raise PlanError(f"relation {relation!r}: it is one of {', '.join(get_args(Relation))}")
    data = _memberships(cases, x, y, relation, case, names)
    sets = Sets(data, x_label or x, y_label or y, relation, dict(parameters))
    return Plot(_draw(sets, title, width_mm("double") * MM), data)


def _memberships(
    cases: pd.DataFrame, x: str, y: str, relation: Relation, case: str, names: Mapping[str, str] | None
) -> pd.DataFrame:
    require_columns(cases, [case, x, y])
    if cases.empty:
        raise DataError("there is nothing to show: no case")
    refuse_rows(cases[case], known(cases[case]).duplicated(), "names a case twice", "give each case one row")
    sets = [numeric(known(cases[name])).reset_index(drop=True) for name in (x, y)]
    for values in sets:
        refuse_rows(values, ~values.between(0, 1), "is no membership", "calibrate it to values from 0 to 1")
    data = pd.DataFrame({"case": _named(cases[case].astype("str"), names).to_numpy(), "x": sets[0], "y": sets[1]})
    below, above = data[["x", "y"]].lt(0.5).all(axis=1), data[["x", "y"]].gt(0.5).all(axis=1)
    on_line = data[["x", "y"]].eq(0.5).any(axis=1)
    quadrant = np.select([on_line, above, below, data["x"] > 0.5], [LINE, BOTH, NEITHER, CONDITION], OUTCOME)
    in_line = data["x"] <= data["y"] if relation == "sufficient" else data["y"] <= data["x"]
    return data.assign(quadrant=quadrant, in_line=in_line).sort_values("case", ignore_index=True)


def _named(cases: pd.Series, names: Mapping[str, str] | None) -> pd.Series:
    if names is None:
        return cases
    lacking = [case for case in cases if case not in names]
    if lacking:
        raise PlanError(f"names has no pseudonym for {', '.join(lacking)}: give every case one")
    return cases.map(dict(names))


def _draw(sets: Sets, title: str, width: float) -> TrialFigure:
    blocks: list[Block] = [
        Paragraph(title, width, TITLE, "bold", after=4),
        XyPanel(sets, width),
        Paragraph(_notes(sets), width, color=GREY, before=4),
    ]
    words = {"title": title or f"{sets.x_label} and {sets.y_label}", "alt": _alt(sets)}
    return stack(blocks, width, **words, redraw=partial(_draw, sets, title))


def _notes(sets: Sets) -> str:
    side = "above" if sets.relation == "sufficient" else "below"
    return (
        f"Exploratory: n = {len(sets.data)} teams. {sets.in_line} on the diagonal or {side} it, as they are where the "
        f"condition is {sets.relation} for the outcome. Dotted lines: membership 0.5, neither in nor out."
    )


def _alt(sets: Sets) -> str:
    fit = ", ".join(f"{name} {number(value, 2)}" for name, value in sets.parameters.items())
    quadrants = sets.data.groupby("quadrant", sort=False)["case"].agg(", ".join)
    where = ". ".join(f"{sentence(str(quadrant))}: {cases}" for quadrant, cases in quadrants.items())
    return (
        f"XY plot of {len(sets.data)} teams, exploratory: membership in {sets.x_label} against membership in "
        f"{sets.y_label}, as {sets.relation} condition. {fit}. {where}."
    )
