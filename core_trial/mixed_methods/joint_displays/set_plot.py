"""XY plot of a condition, or of a model of a qualitative comparative analysis, with its parameters of fit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ...columns import numeric, require_columns
from ...errors import DataError
from ...plots import Plot, xy_plot
from ...plots.xy_plot import Relation
from ..qca.measures import consistency, coverage, pri, relevance
from ..qca.membership import negation
from ..qca.models import Model


def set_plot(
    data: pd.DataFrame,
    condition: str | Model,
    outcome: str,
    *,
    relation: Relation = "sufficient",
    case: str = "team",
    names: Mapping[str, str] | None = None,
    x_label: str | None = None,
    y_label: str | None = None,
    title: str = "",
) -> Plot:
    """Memberships of cases in a condition or model against those in the outcome, see `core_trial.plots.xy_plot`.

    Parameters
    ----------
    data : a row a case, calibrated: `case` and the memberships
    condition : a column, its negation ("~COACH"), or a model of `qca.minimize` on the same rows
    outcome : a column, or its negation
    relation : "sufficient" prints consistency, PRI and coverage; "necessary" consistency, coverage and the relevance of
        necessity (RoN)

    Raises
    ------
    PlanError : a column, pseudonym or relation that there is not
    DataError : memberships that are missing or outside 0 to 1, or a model of other cases

    Examples
    --------
    >>> data = pd.DataFrame({"team": ["T1", "T2", "T3"], "COACH": [0.8, 0.3, 0.6], "RISE": [0.9, 0.4, 0.4]})
    >>> set_plot(data, "COACH", "RISE").figure.alt.split(". ")[1]
    'Consistency 0.88, PRI 0.78, Coverage 0.88'
    """
    x, y = _condition(data, condition), _membership(data, outcome)
    cases = pd.DataFrame({"case": data[case] if case in data else data.index.astype("str"), "x": x, "y": y})
    return xy_plot(
        cases,
        "x",
        "y",
        parameters=_parameters(cases, relation),
        relation=relation,
        case="case",
        names=names,
        x_label=x_label or str(condition),
        y_label=y_label or outcome,
        title=title,
    )


def _condition(data: pd.DataFrame, condition: str | Model) -> pd.Series:
    if isinstance(condition, str):
        return _membership(data, condition)
    if len(condition.membership) != len(data):
        raise DataError(f"the model has {len(condition.membership)} cases and the data {len(data)}: use the same rows")
    return pd.Series(condition.membership, data.index)


def _membership(data: pd.DataFrame, name: str) -> pd.Series:
    column = name.removeprefix("~")
    require_columns(data, [column])
    values = numeric(data[column].astype("Float64"))
    return 1 - values if name == negation(column) else values


def _parameters(cases: pd.DataFrame, relation: Relation) -> dict[str, float]:
    x, y = (cases[name].to_numpy(dtype=np.float64) for name in ("x", "y"))
    if relation == "necessary":
        fit = {"Consistency": coverage(x, y), "Coverage": consistency(x, y), "RoN": relevance(x, y)}
    else:
        fit = {"Consistency": consistency(x, y), "PRI": pri(x, y), "Coverage": coverage(x, y)}
    return {name: float(value) for name, value in fit.items()}
