"""Engagement heat map: what each team took up of the programme, beside the course of its score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd

from ..errors import PlanError
from ..wording import number, sentence
from .blocks import Block, Paragraph, stack
from .heat_blocks import HeatRows, HeatScale
from .heat_data import DELIVERED, MISSING, NOT_DELIVERED, changes, course, heat_cells, joined
from .heat_sheet import HeatSheet, signed
from .outcomes import FIDELITY_BANDS, count_column, outcome_label
from .plot import Plot, TrialFigure
from .style import GREY, MM, TITLE, width_mm
from .trajectory_blocks import value_limits


def heat_map(
    engagement: pd.DataFrame,
    panel: pd.DataFrame,
    *,
    outcome: str = "fidelity",
    value: str = "rating",
    scale: tuple[float, float] = (0, 3),
    components: Sequence[str] | None = None,
    names: Mapping[str, str] | None = None,
    change: Mapping[str, float] | None = None,
    min_count: int = 8,
    label: str | None = None,
    title: str = "",
) -> Plot:
    """Engagement of each team with each component beside the course of its score, teams by their change.

    Exploratory: the figure says so, and how many teams there are. Numbers stand in the cells, so that nothing hangs on
    colour; what was not delivered and what is not known differ. On the right a team's first value is an open circle,
    its last a filled one, those between are strokes; points on small counts are neither drawn nor in the data.

    Parameters
    ----------
    engagement : a row a team and component: `team component`, `delivered` (true, false or missing) and the value; one
        of the last two may be absent
    panel : a row a team and timepoint, with `team timepoint` and the outcome; teams without engagement are left out
    outcome : numeric column of the panel
    value : numeric column of the engagement, shown in the cells
    scale : values of the lightest and the darkest colour
    components : which, in this order. Default: all, as they come
    names : team -> pseudonym, in the figure and its data; required of every team where it is given
    change : team -> change, for teams whose values are not known
    min_count : points on fewer events or people than this are withheld; scores of the team rest on none
    label : name of the outcome on its axis
    title : printed above

    Returns
    -------
    Plot, whose data have rows of three levels: `level` (engagement, course, change), `team component timepoint value
    note`, teams from the largest change to the smallest, those without one last

    Raises
    ------
    PlanError : a column, component or pseudonym that is not there; more components than fit
    DataError : two rows of a team and component, or of a team and timepoint; no value at all

    Examples
    --------
    >>> engagement = pd.DataFrame(
    ...     {"team": ["T1", "T2"], "component": "coaching", "delivered": [True, False], "rating": [2.5, None]}
    ... )
    >>> panel = pd.DataFrame(
    ...     {"team": ["T1", "T1", "T2", "T2"], "timepoint": [0, 12, 0, 12], "fidelity": [110, 125, 108, 128]}
    ... )
    >>> heat_map(engagement, panel).data["team"].unique().tolist()
    ['T2', 'T1']
    """
    cells = heat_cells(engagement, value, components)
    teams = list(cells["team"].unique())
    points = course(panel, outcome, teams, count_column(outcome) if min_count else None, min_count)
    data = joined(cells, points, changes(points, teams, change))
    data["team"] = _named(data["team"], names)
    bands = FIDELITY_BANDS if outcome == "fidelity" else {}
    sheet = HeatSheet(
        data=data,
        scale=scale,
        value=value.replace("_", " "),
        label=label or outcome_label(outcome),
        bands=bands,
        limits=value_limits(data[data["level"] == "course"].assign(conf_low=None, conf_high=None), bands),
    )
    return Plot(_draw(sheet, title, width_mm("double") * MM), data)


def _draw(sheet: HeatSheet, title: str, width: float) -> TrialFigure:
    blocks: list[Block] = [
        Paragraph(title, width, TITLE, "bold", after=4),
        HeatScale(sheet, width),
        HeatRows(sheet, width),
        Paragraph(_notes(sheet), width, color=GREY, before=4),
    ]
    words = {"title": title or f"Engagement and {sheet.label}", "alt": _alt(sheet)}
    return stack(blocks, width, **words, redraw=partial(_draw, sheet, title))


def _named(teams: pd.Series, names: Mapping[str, str] | None) -> pd.Series:
    if names is None:
        return teams
    lacking = [team for team in teams.unique() if team not in names]
    if lacking:
        raise PlanError(f"names has no pseudonym for {', '.join(lacking)}: give every team one")
    return teams.map(dict(names))


def _notes(sheet: HeatSheet) -> str:
    strokes = "; strokes: between them" if sheet.course["timepoint"].nunique() > 2 else ""
    bands = [f"{words.split()[0]} from {value:g}" for value, words in sheet.bands.items()]
    unknown = sheet.course["value"].isna().any() or sheet.change.isna().any()
    notes = {
        f"Exploratory: n = {len(sheet.teams)} teams, in order of change.": True,
        f"Open circle: {sheet.first:g} months; filled: {sheet.last:g} months{strokes}.": True,
        f"Dotted lines: {', '.join(bands)}.": bool(bands),
        "A dash, or no mark: not known.": unknown,
    }
    return " ".join(note for note, applies in notes.items() if applies)


def _alt(sheet: HeatSheet) -> str:
    counts = sheet.cells["note"].value_counts()
    kinds = [f"{counts[note]} {note}" for note in (NOT_DELIVERED, DELIVERED, MISSING) if note in counts]
    changed = [f"{team} {signed(value)}" for team, value in sheet.change.dropna().items()]
    means = sheet.cells.groupby("component", sort=False)["value"].mean().dropna()
    described = ", ".join(f"{sentence(str(name)).replace('_', ' ')} {number(mean, 1)}" for name, mean in means.items())
    return (
        f"Heat map of {sheet.value} of {len(sheet.components)} components in {len(sheet.teams)} teams, exploratory, "
        f"beside the course of {sheet.label}. Cells: {len(sheet.cells)}{''.join(', ' + kind for kind in kinds)}. "
        f"Means: {described or 'none'}. Change, from the largest: {', '.join(changed) or 'not known'}."
    )
