"""Case-ordered matrix: teams from the largest change to the smallest, what each received and spoke of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from ...errors import PlanError
from ...report.tables import Column, Table
from .meta_inferences import written
from .pseudonyms import by_change, check_names, renamed
from .quotations import QUOTED, Quotations
from .team_cells import COMPONENT, RATED, SPOKEN, THEME, component_cells, heading, theme_cells
from .words import EXPLORATORY, INFERENCE, UNKNOWN, exploratory

MOST_CELLS, MOST_BESIDE_WORDS = 24, 14
"""More columns of components and themes than this do not fit a page: alone, and beside quotations or inferences."""

_CHANGE = (
    Column("baseline", "Before", ".0f"),
    Column("follow_up", "After", ".0f"),
    Column("change", "Change", "+.0f"),
)


def case_ordered_matrix(
    changes: pd.DataFrame,
    engagement: pd.DataFrame | None = None,
    quotations: Quotations | None = None,
    *,
    names: Mapping[str, str],
    themes: pd.DataFrame | None = None,
    labels: Mapping[str, str] | None = None,
    meta: pd.DataFrame | None = None,
    examples: int = 2,
    outcome: str = "fidelity",
    notes: Sequence[str] = (),
    id: str = "case-ordered-matrix",
) -> Table:
    """A row a team, from the largest change to the smallest, those without a change last.

    Parameters
    ----------
    changes : `team change`, and `baseline follow_up` where known, such as `derive_changes(trial).teams` of one arm
    engagement : a row a team and component: `team component delivered rating`, such as `Engagement.components`; either
        of the last two may be missing from the frame
    quotations : from `release_quotes` with the same names: quotations, and the themes where `themes` are not given
    names : team -> pseudonym, see `pseudonyms`
    themes : a row a team (the index), a column a theme, from `theme_matrix` without groups: counts, presence or
        ratings, above 0 where a theme is present; teams that were not interviewed have no row
    labels : theme -> heading; without one it is made from the name
    meta : from `read_meta_inferences`: its texts on `teams`
    examples : quotations of a team that are shown; 0 for none
    outcome : what changed, for the title

    Raises
    ------
    PlanError : a column is missing, a team has no pseudonym, more components and themes than fit a page
    DataError : a team in two rows of `changes`; a team that is in the engagement or the themes and not in `changes`

    Examples
    --------
    >>> import core_trial as ct
    >>> teams = ct.published.sip_teams
    >>> flags = teams.melt("team", ["scoping_day", "learning_events"], "component", "delivered")
    >>> names = {str(team): f"Team {team}" for team in teams["team"]}
    >>> table = case_ordered_matrix(teams, flags, names=names)
    >>> [row.cells[3:] for row in next(table.grid()).rows][:2]
    [('+37', 'yes', 'no'), ('+18', 'yes', 'no')]
    """
    ordered = by_change(changes).reindex(columns=["team", "baseline", "follow_up", "change"])
    names = check_names(names, ordered["team"])
    frame = ordered.assign(team=renamed(ordered["team"], names))
    cells = _cells(engagement, quotations, themes, names)
    _check_room(len(cells.columns), bool(quotations and examples) or meta is not None)
    frame = frame.join(cells, on="team")
    columns = [Column("team", "Team", align="center"), *_CHANGE]
    columns += [
        Column(name, heading(name, labels or {}, cells.columns), align="center", turned=True) for name in cells.columns
    ]
    if quotations is not None and examples:
        frame = frame.assign(quotation=frame["team"].map(quotations.of("team", examples)))
        columns.append(Column("quotation", "Quotations"))
    if meta is not None:
        texts = {names.get(team, team): text for team, text in written(meta, "teams").items()}
        frame = frame.assign(meta_inference=frame["team"].map(texts))
        columns.append(INFERENCE)
    return Table(
        id=id,
        title=exploratory(f"Case-ordered matrix, teams by change in {outcome}", len(frame)),
        frame=frame,
        columns=tuple(columns),
        notes=(EXPLORATORY, *_signs(frame), *notes),
        missing=UNKNOWN,
    )


def _check_room(cells: int, words: bool) -> None:
    most = MOST_BESIDE_WORDS if words else MOST_CELLS
    if cells > most:
        beside = "beside quotations or meta-inferences" if words else "on a page"
        raise PlanError(
            f"{cells} components and themes are more than the {most} that fit {beside}: choose fewer, take themes in "
            "place of sub-themes, or leave out the quotations (examples=0) and meta"
        )


def _cells(
    engagement: pd.DataFrame | None,
    quotations: Quotations | None,
    themes: pd.DataFrame | None,
    names: Mapping[str, str],
) -> pd.DataFrame:
    """Components and themes as text, by pseudonym."""
    parts = [pd.DataFrame(index=pd.Index(list(names.values())))]
    if engagement is not None:
        parts.append(component_cells(engagement, names))
    if themes is not None and themes.index.nlevels > 1:
        raise PlanError("the themes have a row a team and group: make their matrix without groups")
    if themes is not None:
        teams = renamed(themes.index.to_series(name="team"), names)
        parts.append(theme_cells(themes.set_axis(teams.to_numpy(), axis=0)))
    elif quotations is not None:
        parts.append(theme_cells(quotations.presence))
    return pd.concat(parts, axis=1)


def _signs(frame: pd.DataFrame) -> list[str]:
    """What the cells of the matrix mean."""
    shown = frame.columns.astype(str)
    signs = {
        RATED: shown.str.startswith(COMPONENT).any(),
        SPOKEN: shown.str.startswith(THEME).any(),
        QUOTED: "quotation" in shown,
    }
    return [sign for sign, applies in signs.items() if applies]
