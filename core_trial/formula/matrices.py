"""The matrices of a mixed model, from a formula and a data frame; every rule of the data is checked here."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..columns import LARGEST, refuse_rows, require_columns
from ..engine.arrays import Array, Codes
from ..engine.linear.patterned import PATTERNS
from ..engine.linear.random import StructureName
from ..errors import DataError, DesignError, PlanError
from .coding import Columns, code_terms, is_number, levels
from .parse import Bar, MixedFormula, Terms


@dataclass(frozen=True)
class Grouping:
    """A grouping factor: its name, the labels of its levels, and the (n,) level of each row."""

    name: str
    labels: tuple[Hashable, ...]
    level: Codes


@dataclass(frozen=True)
class RandomColumns:
    """A bar term: (n, q) columns, their names, the factor whose levels they vary over, and their covariance."""

    columns: Array
    names: tuple[str, ...]
    grouping: Grouping
    structure: StructureName = "us"

    @property
    def factor(self) -> str:
        """What the columns of a structured term are the levels of: `C(month)`."""
        return self.names[0].partition("[")[0]


@dataclass(frozen=True)
class Matrices:
    """What an engine takes.

    Attributes
    ----------
    y : (n,) response
    x : (n, p) fixed-effect columns, named by `names`
    random : one for each bar term
    rows : (n,) the rows of the data that are used, from 0
    columns : what the formula mentions, in these rows
    notes : what was left out and why
    offset : (n,) what is added to the linear predictor, zero where the formula has none
    others : (n,) the second column of `cbind(events, others)`
    """

    y: Array
    x: Array
    names: tuple[str, ...]
    random: tuple[RandomColumns, ...]
    rows: Codes
    columns: Columns
    notes: tuple[str, ...]
    offset: Array | None = None
    others: Array | None = None
    source = ""

    @property
    def n_rows(self) -> int:
        return len(self.y)


def model_matrices(formula: MixedFormula, data: pd.DataFrame, also: Sequence[str] = ()) -> Matrices:
    """Evaluate `formula` on the rows of `data` with a value of each of its columns, and of the columns `also`.

    Raises
    ------
    PlanError : a column that is not in the data, an outcome that is not a number
    DataError : infinite values, a column twice, an outcome that does not vary, no complete rows
    DesignError : a grouping factor with a single level
    """
    columns, rows, notes = _complete(_columns((*formula.variables, *also), data))
    y = _numbers(formula, formula.response, columns, rows)
    others = None if formula.others is None else _numbers(formula, formula.others, columns, rows)
    offset = None if formula.offset is None else _finite(formula.offset, columns, rows)[0][:, 0]
    if others is None and np.all(y == y[0]):
        name = formula.response.text.removeprefix("0 + ")
        raise DataError(f"the outcome {name!r} is {y[0]:g} in every row: there is no variation to analyse")
    x, names = _finite(formula.fixed, columns, rows)
    groupings = {bar.group: find_levels(bar.group, columns) for bar in formula.bars}
    random = tuple(_random(bar, *_finite(bar.columns, columns, rows), groupings[bar.group]) for bar in formula.bars)
    return Matrices(y, x, names, random, rows, columns, notes, offset, others)


def _numbers(formula: MixedFormula, terms: Terms, columns: Columns, rows: Codes) -> Array:
    """(n,) the outcome."""
    for name in {str(term) for term in terms.formula}.intersection(terms.variables):
        if not is_number(columns[name]):
            raise PlanError(
                f"the outcome {name!r} is not a number; its type is {columns[name].dtype}: make it one, such as by"
                f" pandas.to_numeric, or name the event, as in I({name} == 'yes') ~"
            )
    y, outcome = _finite(terms, columns, rows)
    if len(outcome) != 1:
        raise PlanError(f"formula {formula.text!r}: the outcome must be one column, or one expression such as 'log(y)'")
    return y[:, 0]


def _columns(names: Sequence[str], data: pd.DataFrame) -> Columns:
    require_columns(data, names)
    columns = {name: data[name] for name in names}
    for column in columns.values():
        if column.dtype.kind == "f":
            size = np.abs(column.to_numpy(float, na_value=np.nan))
            refuse_rows(column, np.isinf(size), "is infinite", "correct it, or set it to missing")
            refuse_rows(column, size > LARGEST, f"is above {LARGEST:g} in size", "correct it, or set it to missing")
    return columns


def _complete(columns: Columns) -> tuple[Columns, Codes, tuple[str, ...]]:
    """Rows with a value of every column, which they are, and a note of those left out."""
    missing = {name: _missing(column) for name, column in columns.items()}
    counts = ", ".join(f"{name} ({mask.sum()})" for name, mask in missing.items() if mask.any())
    left_out = np.logical_or.reduce(list(missing.values()))
    rows = np.flatnonzero(~left_out)
    if not len(rows):
        raise DataError(f"no row is complete: values are missing of {counts}" if counts else "the data have no rows")
    if not counts:
        return columns, rows, ()
    note = f"{left_out.sum()} of {len(left_out)} rows left out, with no value of {counts}"
    return {name: column.iloc[rows] for name, column in columns.items()}, rows, (note,)


def _missing(column: pd.Series) -> NDArray[np.bool_]:
    return np.isnan(column.to_numpy()) if column.dtype == np.float64 else column.isna().to_numpy()


def _finite(terms: Terms, columns: Columns, rows: Codes) -> tuple[Array, tuple[str, ...]]:
    """Columns of the terms, and their names; DataError where a transformation leaves no number."""
    matrix, names = code_terms(terms, columns)
    if not np.isfinite(matrix.sum()) and not (finite := np.isfinite(matrix)).all():
        i, j = np.argwhere(~finite)[0]
        raise DataError(f"{names[j]!r} is {matrix[i, j]} in row {rows[i] + 1}: correct the value, or leave the row out")
    return matrix, names


def _random(bar: Bar, z: Array, names: tuple[str, ...], grouping: Grouping) -> RandomColumns:
    one_each = np.all((z == 0) | (z == 1)) and np.all(z.sum(axis=1) == 1)
    if bar.structure in PATTERNS and (not one_each or len(names) < 2):
        raise PlanError(
            f"{bar.structure}({bar.columns.text} | {bar.name}): the structure is for a column a level of one factor of"
            f" two levels or more; write it as '{bar.structure}(0 + C(month) | {bar.name})'"
        )
    return RandomColumns(z, names, grouping, bar.structure)


def find_levels(names: Sequence[str], columns: Columns) -> Grouping:
    """The combinations of the columns `names` that occur, sorted."""
    level, labels = levels(columns[names[0]])
    for name in names[1:]:
        inner, inner_labels = levels(columns[name])
        occurring, level = np.unique(level * len(inner_labels) + inner, return_inverse=True)
        pairs = zip(*np.divmod(occurring, len(inner_labels)), strict=True)
        labels = [f"{labels[a]}:{inner_labels[b]}" for a, b in pairs]
    name = ":".join(names)
    if len(labels) < 2:
        raise DesignError(f"the grouping factor {name!r} has only the level {labels[0]!r}; it needs at least two")
    return Grouping(name, tuple(labels), level)
