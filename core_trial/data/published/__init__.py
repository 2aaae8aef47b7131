"""Published figures of the CORE trial and of surveys of crisis teams, each with its source and status.

Status is FOUND (read in the named source; for most papers the abstract only) or DERIVED (arithmetic on FOUND figures,
published nowhere). What is not here was not read, and is unknown to this package: in particular no mean, standard
deviation, rate or ICC by arm.

`headline`: effects of the trial. `survey_norms`: fidelity scores, staff and caseloads elsewhere. `design`: the trial,
its scale and its programme. `sip_teams`: six of the fifteen intervention teams, chosen for contrast, not at random.

In `sip_teams` a row has the fidelity score before and after the programme, `change` and the limits between which it
must lie, the targeted items of the scale, and which components of the programme took place. The printed table gives
five flags for six components in the rows marked `garbled`; they are in `raw_flags` in their order, and only those that
every reading assigns alike are in the columns of the components. The rows of teams 3 and 5 are lost.

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

__all__ = ["design", "headline", "sip_teams", "survey_norms"]

COMPONENTS = [
    "scoping_day",
    "learning_events",
    "coaching",
    "fidelity_reviews",
    "routine_meetings",
    "research_support",
]
TEAM_TYPES = dict.fromkeys(["baseline", "follow_up", "change", "change_low", "change_high"], "Int64")


def __getattr__(name: str) -> pd.DataFrame:
    if name not in __all__:
        raise AttributeError(f"published has no table {name}; it has {', '.join(__all__)}")
    table = _read(name)
    return _with_flags(table) if name == "sip_teams" else table


def __dir__() -> list[str]:
    return __all__


def _read(name: str) -> pd.DataFrame:
    """A table with the citation in the place of its key."""
    folder = Path(__file__).parent
    sources = pd.read_csv(folder / "sources.csv", index_col="key")["source"]
    text = {"value": "str"} if name == "design" else {}
    table = pd.read_csv(folder / f"{name}.csv", dtype=text)
    return table.assign(source=table["key"].map(sources)).drop(columns="key")


def _with_flags(teams: pd.DataFrame) -> pd.DataFrame:
    """Flags as booleans that may be missing, and lists as lists."""
    flags = {name: teams[name].map({"yes": True, "no": False}).astype("boolean") for name in [*COMPONENTS, "garbled"]}
    items = teams["items"].fillna("").map(lambda text: [int(item) for item in text.split()])
    return teams.astype(TEAM_TYPES).assign(**flags, items=items, raw_flags=teams["raw_flags"].fillna("").map(str.split))
