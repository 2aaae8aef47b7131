"""Quotations: which may be shown, under which name, and how many there are. Nothing else of the passages goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import pandas as pd

from ...columns import known, refuse_rows, require_columns
from ...errors import DataError
from ...report.disclosure import Disclosure
from .pseudonyms import refuse_codes, renamed

QUOTED = "Quotations are those released for publication, with the role of the speaker and the pseudonym of the team."

STANDARD = Disclosure.preset("nhs_hes")


@dataclass(frozen=True)
class Quotations:
    """What may be shown of the passages.

    Attributes
    ----------
    released : a row a quotation marked releasable: `team` (its pseudonym), `theme role quote`
    counts : a row a theme: `theme teams quotes`, and `people` where the passages say who spoke. Teams are counted as
        they are; quotes and people are "*" where the rules withhold them
    presence : a row a team (its pseudonym), a column a theme: whether a passage is coded with it
    withheld : whether any passage is not released
    """

    released: pd.DataFrame
    counts: pd.DataFrame
    presence: pd.DataFrame
    withheld: bool

    def of(self, column: str, most: int | None = None) -> dict[str, str]:
        """The quotations of each team or theme as text, the first `most` of them, by value of the column."""
        chosen = self.released.groupby(column, sort=False).head(most) if most is not None else self.released
        lines = chosen.apply(_line, axis=1) if len(chosen) else pd.Series(dtype="str")
        return {str(key): "\n".join(lines[rows]) for key, rows in chosen.groupby(column, sort=False).groups.items()}


def release_quotes(
    passages: pd.DataFrame,
    names: Mapping[str, str],
    *,
    themes: Iterable[str] | None = None,
    rules: Disclosure = STANDARD,
) -> Quotations:
    """The quotations that may be shown, teams under their pseudonyms, and counts of all passages.

    Parameters
    ----------
    passages : a row a coded passage: `team theme role quote`, and `releasable` (True or False). What is not True, or
        has no such column, is withheld. Optional: `person`, who spoke, for the number of people
    names : team -> pseudonym, see `pseudonyms`
    themes : all that there are, in their order; one without a passage keeps its row. Default: as they come
    rules : which counts of people and of quotes are withheld

    Raises
    ------
    DataError : a team without pseudonym, a theme that is not among `themes`, `releasable` other than true or false,
        a releasable quote that is empty, without a role, or has the code of a team in it
    PlanError : a column is missing

    Examples
    --------
    >>> passages = pd.DataFrame(
    ...     {
    ...         "team": ["T01", "T01"],
    ...         "theme": "coaching",
    ...         "role": ["manager", "nurse"],
    ...         "quote": ["She kept us going.", "Not for print."],
    ...         "releasable": [True, False],
    ...     }
    ... )
    >>> quotations = release_quotes(passages, {"T01": "Team A"})
    >>> quotations.of("team")
    {'Team A': '“She kept us going.” (manager, Team A)'}
    >>> quotations.counts.to_dict("records")
    [{'theme': 'coaching', 'teams': 1, 'quotes': '*'}]
    """
    require_columns(passages, ["team", "theme", "role", "quote"])
    passages = passages.reset_index(drop=True).assign(theme=known(passages["theme"]).astype("str").to_numpy())
    order = list(dict.fromkeys(passages["theme"])) if themes is None else list(themes)
    _check_themes(passages["theme"], order)
    passages["team"] = renamed(passages["team"], names)
    may = _releasable(passages)
    _check_released(passages, may, names)
    return Quotations(
        released=passages.loc[may, ["team", "theme", "role", "quote"]].reset_index(drop=True),
        counts=_counts(passages, order, rules),
        presence=pd.crosstab(passages["team"], passages["theme"]).gt(0).reindex(columns=order, fill_value=False),
        withheld=not may.all(),
    )


def _releasable(passages: pd.DataFrame) -> pd.Series:
    """Whether each passage may be shown: only if it says so."""
    if "releasable" not in passages:
        return pd.Series(False, passages.index)
    marks = passages["releasable"]
    strange = marks.notna() & ~marks.map(lambda mark: isinstance(mark, bool | np.bool_))
    refuse_rows(marks, strange, "is neither true nor false", "write True for what may be published, else False")
    return marks.map(lambda mark: mark is True or mark is np.True_).astype(bool)


def _check_themes(column: pd.Series, themes: list[str]) -> None:
    for theme in column.unique():
        if theme not in themes:
            near = get_close_matches(theme, themes, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"the themes are {', '.join(themes)}"
            row = int(np.argmax(column == theme)) + 1
            raise DataError(f"row {row} of the passages has the theme {theme!r}, which there is not; {hint}")


def _check_released(passages: pd.DataFrame, may: pd.Series, names: Mapping[str, str]) -> None:
    """Errors name the row, and quote nothing."""
    for column in ("role", "quote"):
        text = passages[column].astype("str")
        rows = [str(row + 1) for row in passages.index[may & (text.isna() | (text.str.strip() == ""))]]
        if rows:
            raise DataError(
                f"{column!r} of the passages is empty in row {', '.join(rows)}, marked as releasable: fill it in"
            )
        refuse_codes(text.where(may), names)


def _counts(passages: pd.DataFrame, order: list[str], rules: Disclosure) -> pd.DataFrame:
    groups = passages.groupby("theme")
    teams = groups["team"].nunique().reindex(order, fill_value=0)
    columns = {"quotes": groups.size()}
    if "person" in passages:
        columns["people"] = passages.drop_duplicates(["theme", "team", "person"]).groupby("theme")["person"].count()
    shown = {
        name: [rules.shown(count) for count in counts.reindex(order, fill_value=0)] for name, counts in columns.items()
    }
    return pd.DataFrame({"theme": order, "teams": teams.to_numpy(), **shown})


def _line(row: pd.Series) -> str:
    quote, role = (" ".join(row[name].split()) for name in ("quote", "role"))
    return f"“{quote}” ({role}, {row['team']})"
