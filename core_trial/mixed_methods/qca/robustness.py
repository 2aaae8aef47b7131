"""Robustness: what the solution becomes at other cut-offs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import pandas as pd

from .expectations import Expectations
from .solutions import Solution, minimize
from .table import TruthTable
from .terms import Kind


def robustness(
    table: TruthTable,
    solution: Kind = "conservative",
    *,
    consistency_cuts: Sequence[float] = (0.75, 0.8, 0.85, 0.9),
    frequency_cuts: Sequence[int] = (1, 2),
    pri_cuts: Sequence[float] | None = None,
    expectations: Expectations | None = None,
) -> pd.DataFrame:
    """Minimise again at every combination of cut-offs; see `minimize` for the errors.

    Parameters
    ----------
    table : the truth table at the cut-offs of the analysis
    solution, expectations : as in `minimize`
    consistency_cuts, frequency_cuts, pri_cuts : cut-offs to try; `pri_cuts` is by default that of the table

    Returns
    -------
    A row a model, for the outcome and for its negation: consistency_cut, frequency_cut, pri_cut, outcome, models (how
    many tie), model (missing where no configuration is sufficient), consistency, pri, coverage, and same: is it among
    the models at the cut-offs of `table`?

    Examples
    --------
    >>> import core_trial as ct
    >>> qca = ct.mixed_methods.qca
    >>> a, b, y = [0, 0, 0, 1, 1, 1, 1, 1], [0, 1, 1, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1, 1, 0]
    >>> teams = pd.DataFrame({"A": a, "B": b, "Y": y})
    >>> table = qca.truth_table(teams, "Y", ["A", "B"])
    >>> tried = qca.robustness(table, consistency_cuts=(0.6, 0.8), frequency_cuts=(1,))
    >>> tried.query("outcome == 'Y'")[["consistency_cut", "model", "same"]].values.tolist()
    [[0.6, 'A', False], [0.8, 'A*~B', True]]
    """
    usual = minimize(table, solution, expectations=expectations)
    cuts = product(consistency_cuts, frequency_cuts, (table.cuts.pri,) if pri_cuts is None else pri_cuts)
    rows = [
        {"consistency_cut": c, "frequency_cut": f, "pri_cut": p, **row}
        for c, f, p in cuts
        for row in _compare(
            minimize(table.at(consistency_cut=c, frequency_cut=f, pri_cut=p), solution, expectations=expectations),
            usual,
        )
    ]
    return pd.DataFrame(rows)


def _compare(tried: Solution, usual: Solution) -> list[dict[str, object]]:
    """Rows of the outcome and of its negation."""
    beside = _compare(tried.negated, usual.negated) if tried.negated and usual.negated else []
    return [*_models(tried, {frozenset(model.terms) for model in usual.models}), *beside]


def _models(tried: Solution, usual: set[frozenset[str]]) -> list[dict[str, object]]:
    head = {"outcome": tried.outcome, "models": len(tried.models)}
    if not tried.models:
        return [{**head, "model": None, "same": not usual}]
    return [
        {
            **head,
            "model": str(model),
            "consistency": model.consistency,
            "pri": model.pri,
            "coverage": model.coverage,
            "same": frozenset(model.terms) in usual,
        }
        for model in tried.models
    ]
