"""Published figures of the CORE trial and of surveys of crisis teams, each with its source and status.

Status is FOUND (read in the named source; for most papers the abstract only) or DERIVED (arithmetic on FOUND figures,
published nowhere). What is not here was not read, and is unknown to this package: in particular no mean, standard
deviation, rate or ICC by arm.

`headline`: effects of the trial. `survey_norms`: fidelity scores, staff and caseloads elsewhere. `design`: the trial,
its scale and its programme. `sip_teams`: six of the fifteen intervention teams, chosen for contrast, not at random.
`components`: the parts of the programme, the months and the number of sessions that were planned. `domains`: the five
domains of implementation that it drew on. `themes`: the three themes and thirteen sub-themes of the interviews. In
these three the names are the paper's and the definitions are ours.

In `sip_teams` a row has the fidelity score before and after the programme, `change` and the limits between which it
must lie, the targeted items of the scale, the months of the scoping day and of the interim review, and which components
of the programme took place; `gaps` says what the copy that was read does not show. It gives five flags for six
components in the rows marked `garbled`. They are in `raw_flags` in their order; in the columns of the components stand
only the first two, which are the scoping day and the learning events unless it is the flag of one of these that is lost
(the text dates a scoping day of teams 2 and 6). The rows of teams 3, 4 and 5 are lost.

Examples
--------
>>> import core_trial as ct
>>> first = ct.published.headline.iloc[0]
>>> print(first["outcome"], first["value"], first["status"])
csq8 0.97 FOUND
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

headline: pd.DataFrame
survey_norms: pd.DataFrame
sip_teams: pd.DataFrame
design: pd.DataFrame
components: pd.DataFrame
domains: pd.DataFrame
themes: pd.DataFrame

__all__ = ["components", "design", "domains", "headline", "sip_teams", "survey_norms", "themes"]

COMPONENTS = [
    "scoping_day",
    "learning_events",
    "coaching",
    "fidelity_reviews",
    "routine_meetings",
    "research_support",
]
TEAM_NUMBERS = ("baseline", "follow_up", "change", "change_low", "change_high", "scoping_month", "interim_review_month")
TEAM_TYPES = dict.fromkeys(TEAM_NUMBERS, "Int64")


def __getattr__(name: str) -> pd.DataFrame:
    if name not in __all__:
        raise AttributeError(f"published has no table {name}; it has {', '.join(__all__)}")
    table = _read(name)
    if name == "sip_teams":
        return _with_flags(table)
    return _with_plan(table) if name == "components" else table


def __dir__() -> list[str]:
    return __all__


def _read(name: str) -> pd.DataFrame:
    """A table with the citation in the place of its key."""
    folder = Path(__file__).parent
    sources = pd.read_csv(folder / "sources.csv", index_col="key")["source"]
    text = {"value": "str"} if name == "design" else {"items": "str", "planned_months": "str"}
    table = pd.read_csv(folder / f"{name}.csv", dtype=text)
    return table.assign(source=table["key"].map(sources)).drop(columns="key")


def _with_plan(components: pd.DataFrame) -> pd.DataFrame:
    """Months as lists, empty for what goes on throughout."""
    months = components["planned_months"].map(_numbers)
    return components.assign(planned_months=months, planned_sessions=components["planned_sessions"].astype("Int64"))


def _with_flags(teams: pd.DataFrame) -> pd.DataFrame:
    """Flags as booleans that may be missing, and lists as lists."""
    flags = {name: teams[name].map({"yes": True, "no": False}).astype("boolean") for name in [*COMPONENTS, "garbled"]}
    items = teams["items"].map(_numbers)
    return teams.astype(TEAM_TYPES).assign(**flags, items=items, raw_flags=teams["raw_flags"].fillna("").map(str.split))


def _numbers(text: object) -> list[int]:
    return [int(number) for number in text.split()] if isinstance(text, str) else []
