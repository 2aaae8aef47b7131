"""Engagement of the teams and the change that went with it: `link` and `link_teams`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from ...columns import known, numeric, refuse_rows, require_columns
from ...data.trial import Trial
from ...errors import DataError, PlanError
from ...wording import percent
from ..engagement import Measure, derive_engagement
from .allocations import DRAWS, ENUMERATED, Resampling
from .associations import associate, reweigh
from .change import Changes, adjust_for_baseline, derive_changes
from .differences import compare

OUTCOMES = ("change", "adjusted_change")

METHOD = (
    "Exploratory, over {teams} teams whose engagement was not randomised. Kendall's tau-b, Spearman's correlation, "
    "Somers' d (change given engagement) and the slope of Theil and Sen, of the change and of the change adjusted for "
    "the baseline; differences of means between teams with and without a component. p values are two-sided and by "
    "permutation: exact over all arrangements where these are at most {enumerated:,} or Kendall's distribution is "
    "known, else from {draws:,} drawn, with the one observed counted. Intervals of slopes and differences "
    "({level}) hold the values that the permutation test does not reject; rank correlations get none. p values of "
    "the components are adjusted by the step-down permutation maximum (Westfall and Young). Lowest and highest: the "
    "estimate with each team left out in turn"
)


@dataclass(frozen=True)
class Link:
    """Engagement and change of teams.

    Attributes
    ----------
    teams : a row a team: its scores, `change expected_change adjusted_change`, `index`, each component, and
        `delivered_<component>`
    associations : a row an outcome, measure (the index, then each component) and statistic: `outcome measure label
        statistic teams estimate conf_low conf_high lowest highest p_value p_smallest p_adjusted arrangements exact
        p_error`. `p_smallest` is the least p value that any outcome could have given, `p_error` the Monte Carlo error
    differences : a row an outcome and component: `outcome measure label with_component without_component mean_with
        mean_without estimate ...`, as above, in points of the outcome
    weights : Kendall's tau-b of the index with each component left out of it: `outcome weighting teams kendall_tau_b
        p_value`
    regression : regression to the mean, as in `Changes`
    """

    teams: pd.DataFrame
    associations: pd.DataFrame
    differences: pd.DataFrame
    weights: pd.DataFrame
    regression: pd.DataFrame
    method: str
    notes: tuple[str, ...]

    def summary(self, outcome: str = "adjusted_change") -> pd.DataFrame:
        """A row a measure: `label teams kendall_tau_b lowest highest p_value p_adjusted slope conf_low conf_high`."""
        if outcome not in OUTCOMES:
            raise PlanError(f"there is no outcome {outcome!r}; it is one of {', '.join(OUTCOMES)}")
        rows = self.associations[self.associations["outcome"] == outcome].set_index("measure")
        tau, slope = (rows[rows["statistic"] == name] for name in ("kendall_tau_b", "theil_sen"))
        left = tau[["label", "teams", "estimate", "lowest", "highest", "p_value", "p_adjusted"]]
        right = slope[["estimate", "conf_low", "conf_high"]].rename(columns={"estimate": "slope"})
        return left.rename(columns={"estimate": "kendall_tau_b"}).join(right)


def link(
    trial: Trial,
    *,
    outcome: str = "fidelity",
    using: Measure = "rating",
    weights: Mapping[str, float] | None = None,
    most_missing: float = 0.0,
    conf_level: float = 0.95,
    enumerated: int = ENUMERATED,
    draws: int = DRAWS,
    seed: int = 2014,
) -> Link:
    """Whether intervention teams that engaged more with the programme changed more.

    Fifteen teams at most: what comes out is exploratory. Engagement was not randomised, so that an association may come
    from what made a team both engage and improve.

    Parameters
    ----------
    outcome : a numeric column of the panel measured at 0 and 12 months
    using : what is known of a component: `rating`, `delivered`, `sessions`, `dose` or `months_late`
    weights, most_missing : of the index, as in `derive_engagement`
    enumerated, draws, seed : all arrangements are taken up to `enumerated`, beyond it `draws` at random

    Raises
    ------
    DataError : the trial has no table `engagement`
    DesignError : no intervention team has a record of engagement, no team has the outcome at both times
    PlanError : an unknown outcome, measure or component

    Examples
    --------
    >>> import core_trial as ct, warnings
    >>> warnings.simplefilter("ignore", ct.TrialWarning)
    >>> linked = ct.mixed_methods.link(ct.simulate_trial())
    >>> linked.summary().loc["index", ["kendall_tau_b", "slope"]].round(2).tolist()
    [0.35, 10.53]
    """
    engagement = derive_engagement(trial, weights=weights, most_missing=most_missing)
    changes = derive_changes(trial, outcome, conf_level=conf_level)
    offered = changes.teams[changes.teams["arm"] == "intervention"].drop(columns="arm")
    delivered = engagement.by_team("delivered").add_prefix("delivered_")
    teams = offered.join(engagement.index.set_index("team")["index"], on="team")
    teams = teams.join(engagement.by_team(using), on="team").join(delivered, on="team").reset_index(drop=True)
    linked = _link(
        replace(changes, teams=teams),
        index="index",
        components=list(engagement.weights),
        delivered=[str(name) for name in delivered],
        conf_level=conf_level,
        resampling=Resampling(enumerated, draws, seed),
    )
    reweighted = reweigh(linked.teams, OUTCOMES, engagement.reweighted(), Resampling(enumerated, draws, seed))
    notes = (engagement.method, *engagement.notes, *linked.notes)
    return replace(linked, weights=reweighted, notes=notes)


def link_teams(
    teams: pd.DataFrame,
    *,
    index: str | None = None,
    components: Sequence[str] = (),
    delivered: Sequence[str] = (),
    conf_level: float = 0.95,
    enumerated: int = ENUMERATED,
    draws: int = DRAWS,
    seed: int = 2014,
) -> Link:
    """As `link`, from a table with a row a team.

    Parameters
    ----------
    teams : `team baseline follow_up`, and `change` where it is known without them; missing stays missing
    index : column of an index; its p value is not adjusted for the number of components
    components : columns that grade the engagement
    delivered : columns that say whether a component took place (true and false, 1 and 0)

    Raises
    ------
    PlanError : a column is not there
    DataError : a team twice, an engagement that is no number, `delivered` other than 0 and 1

    Examples
    --------
    The six published teams cannot carry a test:

    >>> import core_trial as ct
    >>> linked = ct.mixed_methods.link_teams(ct.published.sip_teams, delivered=["scoping_day"])
    >>> linked.notes[-1]
    'Scoping day: known with a change of 3 teams; nothing is estimated from fewer than 5'
    """
    require_columns(teams, ["team", "baseline", "follow_up", *([index] if index else []), *components, *delivered])
    measures = [*([index] if index else []), *components, *delivered]
    if teams.empty:
        raise DataError("the data have no rows: give one a team")
    refuse_rows(known(teams["team"]), teams["team"].duplicated(), "repeats a team", "give one row a team")
    numbers = pd.DataFrame({name: numeric(teams[name]) for name in measures}, index=teams.index)
    for name in delivered:
        yes_or_no = numbers[name].isin([0, 1]) | numbers[name].isna()
        refuse_rows(teams[name], ~yes_or_no, "is neither yes nor no", "code it true and false, or 1 and 0")
    scores = {name: numeric(teams[name]) for name in ("baseline", "follow_up", "change") if name in teams}
    changes = adjust_for_baseline(pd.DataFrame({"team": teams["team"], **scores}), conf_level=conf_level)
    joined = changes.teams.drop(columns="arm").join(numbers.reset_index(drop=True))
    return _link(
        replace(changes, teams=joined),
        index=index,
        components=list(components),
        delivered=list(delivered),
        conf_level=conf_level,
        resampling=Resampling(enumerated, draws, seed),
    )


def _link(
    changes: Changes,
    *,
    index: str | None,
    components: list[str],
    delivered: list[str],
    conf_level: float,
    resampling: Resampling,
) -> Link:
    teams = changes.teams
    graded = [
        associate(teams, outcome, index, components, conf_level=conf_level, resampling=resampling)
        for outcome in OUTCOMES
    ]
    compared = [
        compare(teams, outcome, delivered, conf_level=conf_level, resampling=resampling) for outcome in OUTCOMES
    ]
    method = METHOD.format(
        teams=int(teams["change"].notna().sum()),
        enumerated=resampling.enumerated,
        draws=resampling.draws,
        level=percent(conf_level),
    )
    notes = [note for each in (graded[0], compared[0]) for note in each.notes]
    return Link(
        teams=teams,
        associations=pd.concat([each.rows for each in graded], ignore_index=True),
        differences=pd.concat([each.rows for each in compared], ignore_index=True),
        weights=reweigh(teams, OUTCOMES, {}, resampling),
        regression=changes.regression,
        method=method,
        notes=(*changes.notes, *notes),
    )
