"""What the teams received of the programme and how far they took it up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from ..columns import quoted_list
from ..data import published
from ..data.checks import describe
from ..data.dictionary.check import parse_table
from ..data.dictionary.read import read_dictionary
from ..data.trial import Trial
from ..errors import DataError, DesignError, PlanError

HIGHEST = 3
"""Rating of a component that a team took up fully; 0 is not at all."""

HOURS = 3.75
"""Hours of a coaching session: half a working day of 7.5 hours."""

COLUMNS = [
    *("team", "component", "delivered", "month", "months_late", "sessions", "planned_sessions", "dose", "hours"),
    *("rating", "raters", "rating_range"),
]

Measure = Literal["rating", "delivered", "sessions", "dose", "months_late"]
MEASURES: tuple[Measure, ...] = ("rating", "delivered", "sessions", "dose", "months_late")


@dataclass(frozen=True)
class Engagement:
    """Engagement of teams with the components of the programme.

    Attributes
    ----------
    components : a row a team and component, in the order of the dictionary: `team component delivered month
        months_late sessions planned_sessions dose hours rating raters rating_range`. `delivered` is what most raters
        say, missing where they are split; the numbers are means over the raters who gave one. `months_late` counts from
        the first month planned (scoping day 1, learning events 5, fidelity review 6), `dose` is sessions over those
        planned, `hours` those of coaching, `rating_range` the highest rating less the lowest. What nobody recorded is
        missing, and so is what the programme did not plan
    index : a row a team: `team index index_low index_high rated delivered hours`. `index` is the weighted mean of the
        ratings, 0 to 3; `index_low` and `index_high` are what it would be with every missing rating at 0 and at 3.
        `rated` and `delivered` count components
    weights : of the components, adding up to 1
    most_missing : share of the weight that may be missing of a team that still has an index
    """

    components: pd.DataFrame
    index: pd.DataFrame
    weights: Mapping[str, float]
    most_missing: float
    method: str
    notes: tuple[str, ...]

    def by_team(self, measure: Measure = "rating") -> pd.DataFrame:
        """A row a team, a column a component: one of `rating delivered sessions dose months_late`, float64."""
        if measure not in MEASURES:
            raise PlanError(f"there is no measure {measure!r}; engagement is measured by {', '.join(MEASURES)}")
        return _wide(self.components, measure)

    def sensitivity(self, *, draws: int = 1000, seed: int = 2014) -> pd.DataFrame:
        """How the index depends on the weights, a row a weighting: `weighting teams kendall_tau_b rank_change`.

        Each component is left out in turn; then come weights at random, every set as likely as another, of which the
        row shows the least agreement. `kendall_tau_b` is that with the index as stated, `rank_change` the most places
        by which a team moves.
        """
        stated = self.index.set_index("team")["index"]
        rows = [_agreement(name, stated, index) for name, index in self.reweighted().items()]
        columns = ["weighting", "teams", "kendall_tau_b", "rank_change"]
        shares = np.random.default_rng(seed).dirichlet(np.ones(len(self.weights)), draws)
        indices = (self._index(dict(zip(self.weights, share, strict=True))) for share in shares)
        random = pd.DataFrame([_agreement("", stated, index) for index in indices], columns=columns)
        least = random.agg({"teams": "min", "kendall_tau_b": "min", "rank_change": "max"})
        return pd.DataFrame([*rows, (f"least of {draws:,} at random", *least)], columns=columns).astype({"teams": int})

    def reweighted(self) -> dict[str, pd.Series]:
        """The index by team with each component left out in turn, under `without <component>`."""
        others = {name: {**self.weights, name: 0.0} for name, weight in self.weights.items() if weight}
        return {f"without {name}": self._index(weights) for name, weights in others.items() if any(weights.values())}

    def _index(self, weights: Mapping[str, float]) -> pd.Series:
        return weigh(self.by_team(), weights, self.most_missing)["index"]


def derive_engagement(
    source: Trial | pd.DataFrame,
    *,
    weights: Mapping[str, float] | None = None,
    most_missing: float = 0.0,
    hours_per_session: float = HOURS,
) -> Engagement:
    """Engagement of the teams that were offered the programme, from the table `engagement`.

    Parameters
    ----------
    source : a trial, of which the intervention teams are taken; or the records themselves, of which all teams are
    weights : component -> weight, not negative; they are scaled to add up to 1 and those not named get none. None: all
        eight weigh the same
    most_missing : share of the weight, from 0 to less than 1, that may lack a rating before the index is missing too;
        the weights of the other components are scaled up. By default an index needs all of them
    hours_per_session : of coaching; the programme paid facilitators for half a day a week

    Raises
    ------
    DataError : a rating outside 0 to 3, a component that the dictionary does not have (the nearest is named), two
        ratings by one rater; `failures` lists the rows
    DesignError : no intervention team has a record
    PlanError : weights that are negative, all zero or of an unknown component

    Examples
    --------
    >>> import core_trial as ct, pandas as pd
    >>> records = pd.DataFrame(
    ...     {"team": ["A", "A", "B"], "component": ["scoping_day", "coaching", "scoping_day"], "rating": [3, 1, 2],
    ...      "rater": "facilitator", "delivered": "yes", "month": [1, 2, 3]}
    ... )
    >>> engagement = ct.mixed_methods.derive_engagement(records, weights={"scoping_day": 1, "coaching": 1})
    >>> engagement.index[["team", "index", "index_low", "index_high"]].to_numpy().tolist()
    [['A', 2.0, 2.0, 2.0], ['B', nan, 1.0, 2.5]]
    """
    if not 0 <= most_missing < 1:
        raise PlanError(f"most_missing is {most_missing}: give a share from 0 to less than 1")
    shares = _shares(weights)
    records, teams, notes = _records(source)
    components = _components(records, teams, hours_per_session)
    index = weigh(_wide(components, "rating"), shares, most_missing)
    return Engagement(
        components=components,
        index=index.join(_counts(components)).reset_index(),
        weights=shares,
        most_missing=most_missing,
        method=_method(shares, weights is None, most_missing),
        notes=(*notes, *_rater_notes(records, components), *_index_notes(index)),
    )


def weigh(ratings: pd.DataFrame, weights: Mapping[str, float], most_missing: float) -> pd.DataFrame:
    """`index index_low index_high` by team, from ratings with a row a team and a column a component."""
    weight = np.array([weights[name] for name in ratings.columns]) / sum(weights.values())
    known = ratings.notna().to_numpy() @ weight
    total = ratings.fillna(0.0).to_numpy() @ weight
    enough = known >= 1 - most_missing - 1e-9
    index = np.divide(total, known, out=np.full(len(ratings), np.nan), where=enough & (known > 0))
    columns = {"index": index, "index_low": total, "index_high": total + HIGHEST * (1 - known)}
    return pd.DataFrame(columns, index=ratings.index).round(12)


def _shares(weights: Mapping[str, float] | None) -> dict[str, float]:
    names = list(published.components["component"])
    given = dict.fromkeys(names, 1.0) if weights is None else weights
    for name, weight in given.items():
        if name not in names:
            near = get_close_matches(str(name), names, n=1)
            raise PlanError(f"no component {name!r}; {f'did you mean {near[0]!r}?' if near else ', '.join(names)}")
        if not (np.isfinite(weight) and weight >= 0):
            raise PlanError(f"the weight of {name} is {weight}: give 0 or more")
    if not sum(given.values()):
        raise PlanError("all weights are zero: give one component at least a weight above 0")
    return {name: given.get(name, 0.0) / sum(given.values()) for name in names}


def _records(source: Trial | pd.DataFrame) -> tuple[pd.DataFrame, list[str], list[str]]:
    """The records of the teams that count, these teams, and what was left out."""
    if isinstance(source, pd.DataFrame):
        parsed = parse_table(source, read_dictionary().tables["engagement"])
        if len(parsed.failures):
            raise DataError(describe(parsed.failures), parsed.failures)
        return parsed.frame, sorted(parsed.frame["team"].unique()), []
    records, allocation = source.table("engagement"), source.table("allocation")
    teams = sorted(allocation.loc[allocation["arm"] == "intervention", "team"])
    offered = records["team"].isin(teams)
    if not offered.any():
        raise DesignError("no intervention team has a record of engagement: fill in the table engagement")
    notes = _left_out(records.loc[~offered, "team"].unique(), "control team", "left out")
    silent = [team for team in teams if team not in set(records["team"])]
    return records[offered], teams, notes + _left_out(silent, "intervention team", "without a record of engagement")


def _left_out(teams: np.ndarray | list[str], noun: str, what: str) -> list[str]:
    if not len(teams):
        return []
    return [f"{len(teams)} {noun}{'s' if len(teams) > 1 else ''} {what}: {quoted_list(sorted(teams), None)}"]


def _components(records: pd.DataFrame, teams: list[str], hours_per_session: float) -> pd.DataFrame:
    """One row for each team and component, raters taken together."""
    plan = published.components.set_index("component")
    groups = records.assign(delivered=records["delivered"].map({"yes": 1.0, "no": 0.0})).groupby(["team", "component"])
    grid = pd.MultiIndex.from_product([teams, plan.index], names=["team", "component"])
    table = groups[["delivered", "month", "sessions", "rating"]].mean().reindex(grid).astype("float64")
    table["raters"] = groups["rating"].count().reindex(grid, fill_value=0)
    table["rating_range"] = (groups["rating"].max() - groups["rating"].min()).reindex(grid).astype("Float64")
    table = table.reset_index()
    of = table["component"]
    planned = plan["planned_sessions"][of].to_numpy("float64", na_value=np.nan)
    first = plan["planned_months"].map(lambda months: min((month for month in months if month), default=np.nan))
    split = table["delivered"] == 0.5
    return table.assign(
        delivered=table["delivered"].mask(split).gt(0.5).astype("boolean").mask(split | table["delivered"].isna()),
        months_late=table["month"] - first[of].to_numpy(),
        planned_sessions=planned,
        dose=table["sessions"] / planned,
        hours=(table["sessions"] * hours_per_session).where(of == "coaching"),
    )[COLUMNS]


def _wide(components: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """A row a team and a column a component, from the full grid of both."""
    teams, names = components["team"].unique(), components["component"].unique()
    values = components[measure].to_numpy("float64", na_value=np.nan).reshape(len(teams), len(names))
    return pd.DataFrame(values, index=pd.Index(teams, name="team"), columns=names)


def _counts(components: pd.DataFrame) -> pd.DataFrame:
    teams = components.groupby("team")
    counts = {"rated": teams["rating"].count(), "delivered": teams["delivered"].sum().astype("Int64")}
    return pd.DataFrame({**counts, "hours": teams["hours"].sum(min_count=1)})


def _method(shares: Mapping[str, float], equal: bool, most_missing: float) -> str:
    given = ", ".join(f"{name} {share:.3g}" for name, share in shares.items() if share)
    missing = f"at most {most_missing:.0%} of the weight unrated" if most_missing else "every weighted component rated"
    return (
        f"Engagement index: mean over components of the mean rating of the raters, 0 to {HIGHEST}, weights "
        f"{f'equal ({len(shares)} components)' if equal else given}; {missing}"
    )


def _rater_notes(records: pd.DataFrame, components: pd.DataFrame) -> list[str]:
    raters = sorted(records.loc[records["rating"].notna(), "rater"].unique())
    if len(raters) < 2:
        return ["one rater only: agreement between raters is not defined"]
    alone, apart = int((components["raters"] == 1).sum()), int((components["rating_range"] >= 2).sum())
    says = (
        records.dropna(subset="delivered").query("delivered != 'unknown'").groupby(["team", "component"])["delivered"]
    )
    split = int((says.min() != says.max()).sum())
    counts = {
        "rest on one rater": alone,
        "have ratings two points or more apart": apart,
        "have raters who disagree whether the component was delivered": split,
    }
    pairs = f"{len(components)} pairs of team and component"
    return [f"{count} of {pairs} {what}" for what, count in counts.items() if count]


def _index_notes(index: pd.DataFrame) -> list[str]:
    without = index.index[index["index"].isna()]
    notes = _left_out(list(without), "team", "without an index, for missing ratings")
    known = index["index"].dropna()
    if len(known) > 1 and np.ptp(known) == 0:
        notes.append(f"the index is {known.iloc[0]:g} of every team: it has no variation to relate to anything")
    return notes


def _agreement(name: str, stated: pd.Series, other: pd.Series) -> tuple[str, int, float, float]:
    both = pd.DataFrame({"stated": stated, "other": other}).dropna()
    if both.nunique().min() < 2:
        return name, len(both), np.nan, np.nan
    moved = (both["stated"].rank() - both["other"].rank()).abs().max()
    return name, len(both), float(stats.kendalltau(both["stated"], both["other"]).statistic), float(moved)
