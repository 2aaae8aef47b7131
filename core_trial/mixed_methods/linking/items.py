"""Items of the fidelity scale that a team set out to improve, against those it did not: `link_items`."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import pandas as pd

from ...columns import known, numeric, quoted_list, refuse_rows, require_columns
from ...data.dictionary.model import fidelity_items
from ...data.trial import Trial
from ...errors import DesignError, TrialWarning
from ...mixed.fit import LmmFit
from ...mixed.model import lmm
from ..team_regression import check_level
from .allocations import TOLERANCE, Contrast, Resampling, invert, p_value

DRAWS = 4_999
EFFECTS = ("analysis", "estimate", "std_error", "df", "p_value", "conf_low", "conf_high", "p_error")

METHOD = (
    "Change of the score of an item in 12 months, targeted items against the others of the same team. Linear mixed "
    "models with crossed random intercepts of team and item and Kenward-Roger inference, without and with the item's "
    "score at baseline, since low items are chosen and rise anyway; then a permutation of residuals within teams, with "
    "baseline, team and item held fixed ({draws:,} orders; Freedman and Lane 1983, J Bus Econ Stat 1:292), and the "
    "interval that it does not reject. Exploratory: teams chose their targets"
)


@dataclass(frozen=True)
class ItemLink:
    """Targeted items against others.

    Attributes
    ----------
    effects : how much more targeted items rose, in points of an item (1 to 5), a row an analysis: `analysis estimate
        std_error df p_value conf_low conf_high p_error`
    teams : a row a team: `team targeted other baseline_targeted baseline_other change_targeted change_other
        difference`; counts of items scored at both times, and means over them
    subscales : the same, a row a subscale of the scale, over its pairs of team and item
    items : a row a team and item: `team item subscale targeted baseline change`
    fit : the mixed model with the baseline
    """

    effects: pd.DataFrame
    teams: pd.DataFrame
    subscales: pd.DataFrame
    items: pd.DataFrame
    fit: LmmFit
    method: str
    notes: tuple[str, ...]


def link_items(
    trial: Trial, targets: pd.DataFrame, *, conf_level: float = 0.95, draws: int = DRAWS, seed: int = 2014
) -> ItemLink:
    """Whether the items that a team named in its improvement plan rose more than those it did not.

    Parameters
    ----------
    targets : `team item`, a row for each item that the plan of an intervention team names. Teams without a row are
        left out: what they targeted is not known

    Raises
    ------
    DataError : a team that is not an intervention team of the trial, an item that is not of the scale, the same row
        twice; the trial has no table `fidelity_items`
    DesignError : fewer than two teams have both targeted and other items with scores at 0 and 12 months

    Examples
    --------
    >>> import core_trial as ct, pandas as pd, warnings
    >>> warnings.simplefilter("ignore", ct.TrialWarning)
    >>> targets = pd.DataFrame({"team": ["T01", "T01", "T02", "T02", "T07"], "item": [8, 11, 2, 7, 30]})
    >>> linked = ct.mixed_methods.link_items(ct.simulate_trial(), targets)
    >>> linked.teams[["team", "targeted", "other"]].to_numpy().tolist()
    [['T01', 2, 37], ['T02', 1, 36], ['T07', 1, 38]]
    """
    check_level(conf_level)
    plans = _plans(trial, targets)
    items = _items(trial, plans)
    teams = _compared(items, "team")
    if teams["difference"].notna().sum() < 2:
        raise DesignError("two teams at least need targeted and other items with scores at 0 and 12 months")
    fits = [_fit(f"change ~ targeted{held} + (1 | team) + (1 | item)", items) for held in ("", " + baseline")]
    names = ("mixed model", "mixed model, baseline score held")
    rows = [_of_fit(name, fit, conf_level) for name, fit in zip(names, fits, strict=True)]
    rows.append(_permuted(items, conf_level, Resampling(0, draws, seed)))
    return ItemLink(
        effects=pd.DataFrame(rows, columns=list(EFFECTS)),
        teams=teams,
        subscales=_compared(items, "subscale"),
        items=items,
        fit=fits[1],
        method=METHOD.format(draws=draws),
        notes=(*_notes(trial, items, len(plans)), *_untold(rows[-1]), *fits[1].notes),
    )


def _plans(trial: Trial, targets: pd.DataFrame) -> pd.DataFrame:
    """`targets` checked: `team item`."""
    require_columns(targets, ["team", "item"])
    allocation = trial.table("allocation")
    offered = allocation.loc[allocation["arm"] == "intervention", "team"]
    team, item = known(targets["team"]).astype(str), known(numeric(targets["item"]))
    strangers = ~team.isin(offered)
    near = [get_close_matches(name, list(offered), n=1) for name in team[strangers].unique()]
    remedy = f"the nearest is {near[0][0]}" if near and near[0] else f"they are {', '.join(offered)}"
    refuse_rows(team, strangers, "is no intervention team of the trial", remedy)
    scale = fidelity_items(trial.dictionary)["item"]
    refuse_rows(item, ~item.isin(scale), "is no item of the scale", f"items are {scale.min()} to {scale.max()}")
    plans = pd.DataFrame({"team": team, "item": item.astype("int64")})
    refuse_rows(item, plans.duplicated(), "repeats an item of the team", "name each item of a team once")
    return plans


def _items(trial: Trial, plans: pd.DataFrame) -> pd.DataFrame:
    """The items of the teams with a plan that are scored at both times."""
    scores = trial.table("fidelity_items").astype({"item": "int64", "score": "float64"})
    scores = scores[scores["team"].isin(plans["team"])]
    before, after = (scores[scores["timepoint"] == time].set_index(["team", "item"])["score"] for time in (0, 12))
    items = pd.DataFrame({"baseline": before, "change": after - before}).dropna().reset_index()
    targeted = items.merge(plans, how="left", indicator=True)["_merge"] == "both"
    subscale = fidelity_items(trial.dictionary).set_index("item")["subscale"]
    items = items.assign(targeted=targeted.astype("int64"), subscale=items["item"].map(subscale))
    return items[["team", "item", "subscale", "targeted", "baseline", "change"]]


def _compared(items: pd.DataFrame, by: str) -> pd.DataFrame:
    """Counts and means of targeted and other items within each value of `by`."""
    table = pd.DataFrame({by: items[by].drop_duplicates()}).set_index(by)
    arms = {name: items[items["targeted"] == code].groupby(by) for code, name in ((1, "targeted"), (0, "other"))}
    for name, group in arms.items():
        table[name] = group.size().reindex(table.index, fill_value=0)
    for column in ("baseline", "change"):
        for name, group in arms.items():
            table[f"{column}_{name}"] = group[column].mean()
    return table.assign(difference=table["change_targeted"] - table["change_other"]).reset_index()


def _fit(formula: str, items: pd.DataFrame) -> LmmFit:
    """The mixed model; that a variance is on its boundary stays in its notes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrialWarning)
        return lmm(formula, items)


def _of_fit(name: str, fit: LmmFit, conf_level: float) -> dict[str, object]:
    row = fit.tidy(conf_level=conf_level).set_index("term").loc["targeted"]
    return {"analysis": name, **row[list(EFFECTS[1:-1])]}


def _permuted(items: pd.DataFrame, conf_level: float, resampling: Resampling) -> dict[str, object]:
    """The adjusted difference, with the residuals of the items of a team in every order (Freedman and Lane)."""
    name = "permutation within teams, baseline score held"
    team, item = (pd.get_dummies(items[column], dtype=float).to_numpy() for column in ("team", "item"))
    held = Contrast(np.column_stack([team, item, items["baseline"]]))
    change, targeted = (held.free(items[column].to_numpy("float64")) for column in ("change", "targeted"))
    observed = float(change @ targeted), float(targeted @ targeted)
    if observed[1] < TOLERANCE * len(items):
        return {"analysis": name}
    arranged = resampling.arrange(np.arange(len(items), dtype=float), pd.factorize(items["team"])[0])
    order = arranged.rows.astype(np.intp)
    each, dose = change[order] @ targeted, targeted[order] @ targeted
    low, high = invert(observed, each, dose, conf_level)
    p = p_value(each, observed[0])
    ends = {"p_value": p, "conf_low": low, "conf_high": high, "p_error": arranged.p_error(p)}
    return {"analysis": name, "estimate": observed[0] / observed[1], **ends}


def _untold(permuted: dict[str, object]) -> list[str]:
    same = "all teams targeted the same items: the permutation test, which holds items fixed, has nothing to permute"
    return [] if "estimate" in permuted else [same]


def _notes(trial: Trial, items: pd.DataFrame, n_targets: int) -> list[str]:
    allocation, scale = trial.table("allocation"), len(fidelity_items(trial.dictionary))
    offered = set(allocation.loc[allocation["arm"] == "intervention", "team"])
    silent, teams = sorted(offered - set(items["team"])), items["team"].nunique()
    notes = [f"{len(items)} of {teams * scale} items of {teams} teams are scored at 0 and 12 months"]
    if unscored := n_targets - items["targeted"].sum():
        notes.append(f"{unscored} of {n_targets} targeted items are not scored at both times and left out")
    return notes + ([f"left out, without targets or scores: {quoted_list(silent, None)}"] if silent else [])
