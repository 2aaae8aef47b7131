"""Names under which teams appear in what is published, and texts that must not name them otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from string import ascii_uppercase

import pandas as pd

from ...columns import refuse_rows, require_columns
from ...errors import DataError, PlanError


def pseudonyms(changes: pd.DataFrame, word: str = "Team") -> dict[str, str]:
    """Team -> "Team A", "Team B" and so on, from the largest change to the smallest, those without a change last.

    Parameters
    ----------
    changes : `team` and `change`, a row a team
    word : what stands before the letter

    Use one set of names for all displays; keep the key to them where the records are kept.

    >>> pseudonyms(pd.DataFrame({"team": ["T01", "T02", "T03"], "change": [4, 37, None]}))
    {'T02': 'Team A', 'T01': 'Team B', 'T03': 'Team C'}
    """
    teams = by_change(changes)["team"]
    return {team: f"{word} {_letters(place)}" for place, team in enumerate(teams)}


def by_change(changes: pd.DataFrame) -> pd.DataFrame:
    """The rows from the largest change to the smallest, those without one last; `team` as text, each once."""
    require_columns(changes, ["team", "change"])
    refuse_rows(
        changes["team"],
        changes["team"].duplicated() | changes["team"].isna(),
        "is no team of its own",
        "give each team one row",
    )
    named = changes.assign(team=changes["team"].astype(str))
    return named.sort_values(["change", "team"], ascending=[False, True], ignore_index=True)


def renamed(teams: pd.Series, names: Mapping[str, str]) -> pd.Series:
    """The pseudonyms of a column of teams; DataError names the rows whose team has none."""
    teams = teams.astype("str")
    refuse_rows(
        teams, ~teams.isin(list(names)), "is no team of the display", f"correct it; the teams are {', '.join(names)}"
    )
    return teams.map(dict(names))


def check_names(names: Mapping[str, str], teams: Iterable[str]) -> dict[str, str]:
    """The names of these teams; PlanError if one has none, or two share one."""
    teams = list(teams)
    lacking = [team for team in teams if team not in names]
    if lacking:
        raise PlanError(f"names has no pseudonym for {', '.join(lacking)}: give every team one")
    if len(set(names.values())) < len(names):
        raise PlanError("names gives two teams the same pseudonym: each needs its own")
    return {team: names[team] for team in teams}


def refuse_codes(texts: pd.Series, names: Mapping[str, str]) -> None:
    """Raise a DataError that names the rows in whose text the code of a team stands.

    Only codes with a letter are looked for: "6" in a text is seldom team 6.
    """
    codes = [re.escape(code) for code, name in names.items() if re.search(r"[^\W\d]", code) and code != name]
    if not codes:
        return
    found = texts.astype("str").str.contains(rf"(?<!\w)(?:{'|'.join(codes)})(?!\w)", case=False, na=False)
    rows = [str(place) for place, named in enumerate(found, 1) if named]
    if rows:
        raise DataError(
            f"column {texts.name!r} gives the code of a team in row{'s' if len(rows) > 1 else ''} {', '.join(rows)}: "
            "write its pseudonym in the text"
        )


def _letters(place: int) -> str:
    """A, B, ..., Z, AA, AB, ..."""
    more, letter = divmod(place, len(ascii_uppercase))
    return (_letters(more - 1) if more else "") + ascii_uppercase[letter]
