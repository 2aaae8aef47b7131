"""The team by theme matrix: how often, whether or how strongly the interviews of each team speak of each theme."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

import pandas as pd

from ..columns import known, numeric, refuse_rows, require_columns
from ..errors import DataError, PlanError

Measure = Literal["count", "presence", "rating"]

PASSAGE = ("document", "source", "kind", "start", "end", "page", "area")
"""Columns that tell passages apart, as far as the codings have them."""


def theme_matrix(
    codings: pd.DataFrame,
    *,
    measure: Measure = "count",
    team: str = "team",
    group: str | None = None,
    code: str = "code",
    coder: str = "coder",
    rating: str = "rating",
    sources: pd.DataFrame | None = None,
    codes: pd.DataFrame | None = None,
    themes: Iterable[str] | None = None,
    teams: Iterable[str] | None = None,
    bounds: tuple[float, float] = (0, 3),
) -> pd.DataFrame:
    """One row a team, or a team and stakeholder group; one column a theme.

    Parameters
    ----------
    codings : a row a coding, or a row a rating of a theme
    measure : "count" of passages: one that several coders, or several codes of a theme, mark counts once, and where
        there are no start and end each row is a passage; "presence", 1 where there is any and else 0; "rating", the
        mean of what the coders gave, missing where none did
    team, group, code, coder, rating : columns; without `group`, the groups of a team are taken together
    sources : a row an interview, with the columns source, `team` and `group`, where the codings have only the source
    codes : the hierarchy, with columns code and parent (missing at the top); the matrix shows their name or path, if
        there is such a column
    themes : codes to roll up to, in order; by default those at the top of `codes`, else every code is a theme.
        A code counts for the nearest of them that it is or stands below
    teams : teams of the trial
    bounds : least and greatest rating

    Returns
    -------
    The matrix, indexed by team and group; counts are Int64, ratings float64. Teams and groups without an interview have
    no row, so that a zero always says that they were asked.

    Raises
    ------
    PlanError : a column is not there, or an option is unknown
    DataError : a team is not in the trial, a source is not in `sources`, a code stands below no theme or below itself,
        a rating is out of bounds, or a coder rated a theme of a team twice; the failures name the rows

    Examples
    --------
    >>> import core_trial as ct
    >>> codings = pd.DataFrame({"team": ["T1", "T1", "T2"], "code": ["funding", "managers", "rota"]})
    >>> parents = {"leadership": None, "workforce": None, "funding": "leadership", "managers": "leadership"}
    >>> codes = pd.DataFrame({"code": [*parents, "rota"], "parent": [*parents.values(), "workforce"]})
    >>> ct.mixed_methods.theme_matrix(codings, codes=codes).loc["T1"].to_dict()
    {'leadership': 2, 'workforce': 0}
    """
    if measure not in get_args(Measure):
        raise PlanError(f"measure is {measure!r}; choose one of {', '.join(map(repr, get_args(Measure)))}")
    require_columns(codings, [code, *([coder, rating] if measure == "rating" else [])])
    keys = [team] if group is None else [team, group]
    interviews = _read_keys(codings if sources is None else sources, keys)
    _check_teams(interviews[team], teams)
    marked = interviews if sources is None else _located(codings, sources, interviews)
    theme_of, columns = _roll_up(known(codings[code]).astype(str), codes, themes)
    marked = marked.assign(theme=theme_of)
    if measure == "rating":
        marked = marked.assign(coder=known(codings[coder]).astype(str), rating=_in_bounds(codings[rating], bounds))
        return _arranged(_mean_ratings(marked, [*keys, "theme"]), interviews, columns)
    passages = marked.assign(**{name: codings[name] for name in PASSAGE if name in codings.columns})
    counts = _arranged(_count(passages, [*keys, "theme"]), interviews, columns).fillna(0).astype("Int64")
    return counts if measure == "count" else counts.clip(upper=1)


def _read_keys(frame: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    require_columns(frame, keys)
    if frame.empty:
        raise DataError("there are no interviews: the table of codings, or of sources, has no row")
    return pd.DataFrame({name: known(frame[name]).astype(str) for name in keys})


def _check_teams(interviewed: pd.Series, teams: Iterable[str] | None) -> None:
    if teams is None:
        return
    listed = sorted(map(str, teams))
    strange = ~interviewed.isin(listed)
    names = ", ".join(sorted(interviewed[strange].unique()))
    refuse_rows(interviewed, strange, "is no team of the trial", f"correct {names}; the teams are {', '.join(listed)}")


def _located(codings: pd.DataFrame, sources: pd.DataFrame, interviews: pd.DataFrame) -> pd.DataFrame:
    """Team and group of each coding, by its source."""
    for frame in (codings, sources):
        require_columns(frame, ["source"])
    source = known(sources["source"]).astype(str)
    refuse_rows(source, source.duplicated(keep=False), "is there twice", "give each source one team and group")
    coded = known(codings["source"]).astype(str)
    refuse_rows(coded, ~coded.isin(source), "is in no interview", "add its team to the table of sources")
    return interviews.set_index(pd.Index(source)).loc[pd.Index(coded)].set_index(codings.index)


def _roll_up(used: pd.Series, codes: pd.DataFrame | None, themes: Iterable[str] | None) -> tuple[pd.Series, list[str]]:
    """The theme of each coding, and all themes in order."""
    parents = _parents(used, codes)
    tops = [code for code, parent in parents.items() if parent is None] if themes is None else list(map(str, themes))
    unknown = [theme for theme in tops if codes is not None and theme not in parents]
    if unknown:
        raise PlanError(f"themes names {', '.join(unknown)}, which the table of codes has not got")
    theme_of = {code: _nearest(code, parents, tops) for code in used.unique()}
    rolled = used.map(theme_of)
    refuse_rows(used, rolled.isna(), "stands below no theme", "add it to the codes, with its parent, or to the themes")
    labels = _labels(codes, tops)
    return rolled.map(dict(zip(tops, labels, strict=True))), labels


def _parents(used: pd.Series, codes: pd.DataFrame | None) -> dict[str, str | None]:
    if codes is None:
        return dict.fromkeys(sorted(used.unique()))
    require_columns(codes, ["code", "parent"])
    code = known(codes["code"]).astype(str)
    refuse_rows(code, code.duplicated(keep=False), "is there twice", "give each code one row")
    return {name: None if pd.isna(parent) else str(parent) for name, parent in zip(code, codes["parent"], strict=True)}


def _labels(codes: pd.DataFrame | None, themes: list[str]) -> list[str]:
    """The names of the themes, or their paths where two have the same name, or the codes themselves."""
    for column in ("name", "path"):
        if codes is not None and column in codes.columns:
            labels = codes.set_index(codes["code"].astype(str))[column].reindex(themes)
            if labels.notna().all() and labels.is_unique:
                return labels.astype(str).tolist()
    return themes


def _nearest(code: str, parents: Mapping[str, str | None], themes: list[str]) -> str | None:
    passed: list[str] = []
    step: str | None = code
    while step is not None and step not in themes:
        if step in passed:
            raise DataError(f"code {step!r} stands below itself: {' < '.join([*passed, step])}; correct its parent")
        passed.append(step)
        step = parents.get(step)
    return step


def _in_bounds(column: pd.Series, bounds: tuple[float, float]) -> pd.Series:
    ratings = numeric(column)
    low, high = bounds
    refuse_rows(
        ratings, (ratings < low) | (ratings > high), "is out of bounds", f"ratings are from {low:g} to {high:g}"
    )
    return ratings


def _mean_ratings(marked: pd.DataFrame, cell: list[str]) -> pd.Series:
    twice = marked.duplicated([*cell, "coder"], keep=False)
    named = marked.loc[twice, [*cell, "coder"]].drop_duplicates().astype(str).agg(", ".join, axis=1)
    refuse_rows(marked["rating"], twice, "has two ratings by one coder", f"keep one of ({'), ('.join(named)})")
    return marked.groupby(cell)["rating"].mean()


def _count(passages: pd.DataFrame, cell: list[str]) -> pd.Series:
    distinct = passages.drop_duplicates() if {"start", "end"} <= set(passages.columns) else passages
    return distinct.groupby(cell).size()


def _arranged(cells: pd.Series, interviews: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """A row for every team and group that was interviewed, sorted, and a column for every theme, in order."""
    keys = list(interviews.columns)
    rows = pd.MultiIndex.from_frame(interviews.drop_duplicates().sort_values(keys))
    index = rows if len(keys) > 1 else rows.get_level_values(0)
    matrix = cells.rename("value").reset_index().pivot_table("value", keys, "theme", dropna=False)
    return matrix.reindex(index=index, columns=pd.Index(columns, name="theme"))
