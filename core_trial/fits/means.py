"""Estimated marginal means: means of a model over a grid of its variables (Searle, Speed and Milliken, 1980).

Each function returns what its rows are, and the weights of the coefficients that give them.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import product
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd

from ..engine.arrays import Array
from ..errors import PlanError
from ..formula.coding import is_number
from ..formula.frame import ModelFrame

Weights = Literal["equal", "proportional"]
At = Mapping[str, Any]
MANY = 20  # different values of a number from which its marginal means are not meant


class Combinations(NamedTuple):
    """What the rows are, and the weights (rows, p) of the coefficients; NaN where the data do not determine them."""

    labels: pd.DataFrame
    weights: Array


def means(frame: ModelFrame, by: Sequence[str], at: At, weights: Weights) -> Combinations:
    """A row for each combination of the values of the variables `by`."""
    if weights not in get_args(Weights):
        raise PlanError(f"weights {weights!r} is unknown; choose from {', '.join(get_args(Weights))}")
    values = _grid_values(frame, by, at)
    grid = pd.DataFrame(list(product(*values.values())), columns=list(values))
    cells = int(np.prod([len(values[name]) for name in by], dtype=int))
    design = frame.design({name: grid[name] for name in values})
    share = _shares(frame, {name: v for name, v in values.items() if name not in by}, weights)
    taken = share > 0
    blocks = design.reshape(cells, len(share), -1)[:, taken]
    labels = grid[list(by)].iloc[:: len(share)].reset_index(drop=True)
    return Combinations(labels, np.einsum("cgp,g->cp", blocks, share[taken]))


def differences(frame: ModelFrame, of: str, by: Sequence[str], at: At, weights: Weights) -> Combinations:
    """Each value of `of` less each earlier one, within each combination of `by`: a column `term` says which."""
    labels, rows = means(frame, [*by, of], at, weights)
    k = len(dict.fromkeys(labels[of]))
    if k < 2:
        raise PlanError(f"{of!r} has a single value: nothing to compare")
    blocks = k * np.arange(len(labels) // k)[:, None]
    low, high = ((blocks + place).ravel() for place in np.triu_indices(k, 1))
    names = [f"{labels[of][j]} - {labels[of][i]}" for i, j in zip(low, high, strict=True)]
    which = labels[list(by)].iloc[low].reset_index(drop=True)
    return Combinations(which.assign(term=names), rows[high] - rows[low])


def _grid_values(frame: ModelFrame, by: Sequence[str], at: At) -> dict[str, list[Hashable]]:
    """The values of each variable on the grid, those of `by` first."""
    variables = frame.terms.variables
    unknown = [name for name in (*by, *at) if name not in variables]
    if unknown:
        raise PlanError(f"{unknown[0]!r} is no variable of the fixed effects; they are {', '.join(variables)}")
    if not by or len(set(by)) < len(by):
        raise PlanError(f"name each variable once, of {', '.join(variables)}")
    others = [name for name in variables if name not in by]
    return {name: _given(frame, name, at[name]) if name in at else _own(frame, name, by) for name in (*by, *others)}


def _given(frame: ModelFrame, name: str, values: Any) -> list[Hashable]:
    given = [values] if isinstance(values, str) or np.ndim(values) == 0 else list(values)
    known = frame.values(name)
    wrong = [v for v in given if v not in known] if frame.is_categorical(name) else []
    if wrong or not given:
        raise PlanError(f"{name!r} has no value {wrong[0] if wrong else ''}; it has {', '.join(map(str, known))}")
    return given


def _own(frame: ModelFrame, name: str, by: Sequence[str]) -> list[Hashable]:
    """Every value of a category, of a number with two, and of what is asked for; or else the mean."""
    values = frame.values(name)
    if frame.is_categorical(name) or len(values) <= 2:
        return values
    if name not in by:
        return [float(frame.columns[name].mean())]
    if len(values) > MANY:
        raise PlanError(f"{name!r} has {len(values)} values: say at which, as in at={{{name!r}: [0, 12]}}")
    return values


def _shares(frame: ModelFrame, values: Mapping[str, list[Hashable]], weights: Weights) -> Array:
    """(g,) weights of the combinations that are averaged over, of sum 1."""
    combined = list(product(*values.values()))
    several = [name for name in values if len(values[name]) > 1]
    if weights == "equal" or not several:
        return np.full(len(combined), 1 / len(combined))
    rows = zip(*(_plain(frame.columns[name]) for name in several), strict=True)
    counts = pd.Series(list(rows)).value_counts()
    places = [list(values).index(name) for name in several]
    count = np.array([counts.get(tuple(cell[i] for i in places), 0) for cell in combined], float)
    return np.asarray(count / count.sum())


def _plain(column: pd.Series) -> list[Any]:
    return column.to_numpy(float).tolist() if is_number(column) else column.astype(object).tolist()
