"""The rows of a forest plot: fits or a frame of effects, checked, each on the axis its measure needs, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Literal

import numpy as np
import pandas as pd

from ..columns import known, numeric, refuse_rows, require_columns
from ..errors import DataError, PlanError
from ..fit import Fit

Effects = Mapping[str, Fit] | Sequence[tuple[str, Fit]] | pd.DataFrame
Order = Literal["given", "estimate"] | Sequence[str]

REQUIRED = ("label", "estimate", "conf_low", "conf_high")

ROLES = {"primary": "Primary outcome", "secondary": "Secondary outcomes", "sensitivity": "Sensitivity analyses"}

_NUMBERS = ("estimate", "conf_low", "conf_high", "p_value", "weight")
_FLAGS = {"ratio": False, "summary": False, "prespecified": True}
_WORDS = {"group": "", "measure": "effect", "unit": "", "direction": ""}


def effect_rows(
    effects: Effects,
    *,
    term: str,
    group: str | None,
    panel: str | None,
    weights: str | None,
    order: Order,
    conf_level: float,
) -> pd.DataFrame:
    """A row an effect, in the order of the figure; columns as given, and those that were not given with their defaults.

    `panel` names the axis of a row: ratios share one a measure, differences one an outcome (or unit, or measure).
    """
    frame = effects.reset_index(drop=True) if isinstance(effects, pd.DataFrame) else _of_fits(effects, term, conf_level)
    require_columns(frame, [*REQUIRED, *(name for name in (group, panel, weights) if name)])
    if frame.empty:
        raise DataError("there are no effects to show: the frame has no rows")
    frame = frame.assign(label=known(frame["label"]).astype(str))
    rows = _completed(_headed(frame, group), weights)
    _check_numbers(rows)
    rows["panel"] = known(rows[panel or "panel"]).astype(str) if panel or "panel" in rows else _panels(rows)
    _check_panels(rows)
    return _ordered(rows, order)


def _of_fits(fits: Mapping[str, Fit] | Sequence[tuple[str, Fit]], term: str, conf_level: float) -> pd.DataFrame:
    if isinstance(fits, Fit):
        raise PlanError("a fit has no label: give label -> Fit, such as {'Mixed model': fit}")
    pairs = fits.items() if isinstance(fits, Mapping) else fits
    return pd.DataFrame([_of_fit(label, fit, term, conf_level) for label, fit in pairs], columns=[*REQUIRED, *_FIT])


_FIT = ("std_error", "df", "p_value", "measure", "ratio", "clusters", "n")


def _of_fit(label: str, fit: Fit, term: str, conf_level: float) -> dict[str, Any]:
    if term not in fit.terms:
        raise PlanError(f"{label}: the fit has no coefficient {term!r}; choose term= from {', '.join(fit.terms)}")
    ratio = fit.link != "identity"
    row = fit.tidy(conf_level=conf_level, exponentiate=ratio).set_index("term").loc[term]
    numbers = {"clusters": fit.summary.get("n_clusters"), "n": fit.summary.get("nobs")}
    return {**row, "label": label, "measure": fit.measure, "ratio": ratio, **numbers}


def _headed(frame: pd.DataFrame, group: str | None) -> pd.DataFrame:
    """With the column `group`: as asked; else the outcome over its several analyses, or the role over its outcomes."""
    if group or "group" in frame:
        return frame.assign(group=frame[group or "group"].astype("str").fillna(""))
    if "analysis" in frame and frame["label"].duplicated().any():
        names = frame["analysis"].astype(str)
        if "outcome" in frame:
            names = pd.Series([name.removeprefix(f"{of}.") for name, of in zip(names, frame["outcome"], strict=True)])
        return frame.assign(group=frame["label"], label=names)
    if "role" in frame:
        return frame.assign(group=frame["role"].map(ROLES).fillna(""))
    return frame


def _completed(frame: pd.DataFrame, weights: str | None) -> pd.DataFrame:
    rows = frame.copy()
    if weights:
        rows["weight"] = rows[weights]
    for name in _NUMBERS:
        rows[name] = numeric(rows[name]) if name in rows else np.nan
    for name, default in _WORDS.items():
        rows[name] = rows[name].astype("str").fillna(default) if name in rows else default
    if "ratio" not in rows:
        rows["ratio"] = rows["measure"].str.endswith("ratio")
    for name, absent in _FLAGS.items():
        rows[name] = _flag(rows[name], absent) if name in rows else absent
    return rows


def _flag(column: pd.Series, absent: bool) -> pd.Series:
    refuse_rows(column, ~(column.isna() | column.isin([True, False])), "is not true or false", "correct it")
    return column.astype("boolean").fillna(absent).astype(bool)


def _check_numbers(rows: pd.DataFrame) -> None:
    crossed = rows["conf_low"] > rows["conf_high"]
    refuse_rows(rows["conf_low"], crossed, "is above conf_high", "exchange the limits")
    for name in ("estimate", "conf_low"):
        below = rows["ratio"] & (rows[name] < 0)
        refuse_rows(rows[name], below, "is a ratio below 0", "give ratios, not their logarithms, or set ratio to false")
    refuse_rows(rows["weight"], rows["weight"] < 0, "is below 0", "a weight is the area of a marker")


def _panels(rows: pd.DataFrame) -> pd.Series:
    """Names of the axes. A row without an estimate goes where the others of its outcome are."""
    unit = rows["outcome"] if "outcome" in rows else rows["unit"]
    names = rows["measure"].where(rows["ratio"], rows["measure"] + ": " + unit.astype(str)).str.removesuffix(": ")
    if "outcome" not in rows:
        return names
    estimated = names.where(rows["estimate"].notna())
    return estimated.fillna(estimated.groupby(rows["outcome"]).transform("first")).fillna(names)


def _check_panels(rows: pd.DataFrame) -> None:
    estimated = rows[rows["estimate"].notna()]
    ratios = estimated.groupby("panel")["ratio"]
    mixed = ratios.any() & ~ratios.all()
    if mixed.any():
        raise PlanError(
            f"panel {mixed.idxmax()!r} mixes ratios and differences, which cannot share an axis; "
            "leave panel= out, or name a column that keeps them apart"
        )


def _ordered(rows: pd.DataFrame, order: Order) -> pd.DataFrame:
    """Panels, and groups within them, as they first appear; rows as asked, summaries after the rest of their group."""
    places = pd.DataFrame({"panel": pd.factorize(rows["panel"])[0], "group": pd.factorize(rows["group"])[0]})
    if not isinstance(order, str):
        places["rank"] = _ranks(rows["label"], order)
    elif order == "estimate":
        places["last"], places["rank"] = rows["summary"], rows["estimate"]
    elif order != "given":
        raise PlanError(f"order {order!r}: it is 'given', 'estimate' or a list of labels")
    return rows.loc[places.sort_values(list(places.columns), kind="stable").index].reset_index(drop=True)


def _ranks(labels: pd.Series, order: Sequence[str]) -> pd.Series:
    unknown = [label for label in order if label not in set(labels)]
    if unknown:
        near = get_close_matches(unknown[0], list(labels), n=1) or list(labels)
        raise PlanError(f"order: no row is labelled {unknown[0]!r}; did you mean {near[0]!r}?")
    return labels.map({label: place for place, label in enumerate(order)}).fillna(len(order))
