"""Every small-sample method side by side, on one fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from ..engine.inference import Information
from ..errors import DesignError, PlanError
from ..fit import TIDY, Fit
from .degrees import Ddf, SmallSample

Method = tuple[Ddf, Information | None]
Inference = Callable[[Ddf, Information | None], SmallSample]
METHODS: tuple[Method, ...] = (
    ("kenward-roger", "expected"),
    ("kenward-roger", "observed"),
    ("kenward-roger-2009", "expected"),
    ("satterthwaite", "observed"),
    ("satterthwaite", "expected"),
    ("between-within", None),
    ("clusters", None),
    ("residual", None),
    ("normal", None),
)


def compare(fit: Fit, inference: Inference, chosen: Method, term: str | None, level: float) -> pd.DataFrame:
    """A row a method and coefficient: `ddf information`, the columns of `tidy()`, then `chosen note`.

    `level` is that of the intervals. Of a method that does not apply, `note` says why, and the numbers are NaN.
    """
    if term is not None and term not in fit.terms:
        raise PlanError(f"no coefficient {term!r}; the fit has {', '.join(fit.terms)}")
    tables = [_tidied(fit, inference, method, level).assign(chosen=method == chosen) for method in METHODS]
    table = pd.concat(tables, ignore_index=True)[["ddf", "information", *TIDY, "chosen", "note"]]
    return table if term is None else table[table["term"] == term].reset_index(drop=True)


def _tidied(fit: Fit, inference: Inference, method: Method, level: float) -> pd.DataFrame:
    try:
        found = inference(*method)
    except (PlanError, DesignError) as error:
        table, note = pd.DataFrame({"term": fit.terms}).reindex(columns=TIDY), str(error)
    else:
        other = replace(fit, covariance=found.covariance, degrees=found.degrees, joint=found.joint)
        table, note = other.tidy(conf_level=level), ""
    return table.assign(ddf=method[0], information=method[1] or "", note=note)
