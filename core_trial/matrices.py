"""The matrices of a mixed model, from a formula and a data frame; every rule of the data is checked here."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from formulaic.errors import FormulaicError

from .columns import refuse_rows, require_columns
from .engine.arrays import Array, Codes
from .errors import DataError, DesignError, PlanError
from .formula import EXTRA_FUNCTIONS, MixedFormula, Terms

INTERCEPT = "(Intercept)"


@dataclass(frozen=True)
class Grouping:
    """A grouping factor: its name, the labels of its levels, and the (n,) level of each row."""

    name: str
    labels: tuple[Hashable, ...]
    level: Codes


@dataclass(frozen=True)
class RandomColumns:
    """A bar term: (n, q) columns, their names, and the factor whose levels they vary over."""

    columns: Array
    names: tuple[str, ...]
    grouping: Grouping


@dataclass(frozen=True)
class Matrices:
    """What an engine takes.

    Attributes
    ----------
    y : (n,) response
    x : (n, p) fixed-effect columns, named by `names`
    random : one for each bar term
    notes : what was left out and why
    """

    y: Array
    x: Array
    names: tuple[str, ...]
    random: tuple[RandomColumns, ...]
    notes: tuple[str, ...]


def model_matrices(formula: MixedFormula, data: pd.DataFrame) -> Matrices:
    """Evaluate `formula` on the complete rows of `data`.

    Raises
    ------
    PlanError : a column that is not in the data, an outcome that is not a number
    DataError : infinite values, a column twice, an outcome that does not vary, no complete rows
    DesignError : a grouping factor with a single level
    """
    frame, notes = _complete_rows(_columns(formula, data))
    y = _response(formula, frame)
    x, names = design(formula.fixed, frame)
    groupings = {bar.group: _grouping(bar.group, frame) for bar in formula.bars}
    random = tuple(RandomColumns(*design(bar.columns, frame), groupings[bar.group]) for bar in formula.bars)
    return Matrices(y, x, names, random, notes)


def _columns(formula: MixedFormula, data: pd.DataFrame) -> pd.DataFrame:
    """The columns that the formula mentions, their rows counted from 0."""
    require_columns(data, formula.variables)
    columns = data[list(formula.variables)]
    if not columns.columns.is_unique:
        twice = columns.columns[columns.columns.duplicated()][0]
        raise DataError(f"the data have more than one column {twice!r}; rename or drop the others")
    return columns.set_axis(range(len(data)))


def _complete_rows(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Rows without missing values, with a note of those left out; infinite values are refused."""
    missing = {name: column.isna().to_numpy() for name, column in frame.items()}
    for name in frame.columns:
        if frame[name].dtype.kind == "f":
            infinite = np.isinf(frame[name].to_numpy(float, na_value=np.nan))
            refuse_rows(frame[name], infinite, "is infinite", "correct it, or set it to missing")
    counts = ", ".join(f"{name} ({mask.sum()})" for name, mask in missing.items() if mask.any())
    left_out = np.logical_or.reduce(list(missing.values()))
    if left_out.all():
        raise DataError(f"no row is complete: values are missing of {counts}" if counts else "the data have no rows")
    if not counts:
        return frame, ()
    return frame[~left_out], (f"{left_out.sum()} of {len(frame)} rows left out, with no value of {counts}",)


def _response(formula: MixedFormula, frame: pd.DataFrame) -> Array:
    for variable in formula.response.variables:
        if not _is_number(frame[variable]):
            raise PlanError(f"the outcome {variable!r} is not a number; its type is {frame[variable].dtype}")
    columns, names = design(formula.response, frame)
    if len(names) != 1:
        raise PlanError(f"formula {formula.text!r}: the outcome must be one column, or one expression such as 'log(y)'")
    y = columns[:, 0]
    if not np.isfinite(y).all():
        i = int(np.argmin(np.isfinite(y)))
        raise DataError(f"the outcome {names[0]!r} is {y[i]} in row {frame.index[i] + 1}; transform it in another way")
    if np.all(y == y[0]):
        raise DataError(f"the outcome {names[0]!r} is {y[0]:g} in every row: there is no variation to analyse")
    return y


def _grouping(names: Sequence[str], frame: pd.DataFrame) -> Grouping:
    """The combinations of the columns `names` that occur, sorted."""
    level, labels = _levels(frame[names[0]])
    for name in names[1:]:
        inner, inner_labels = _levels(frame[name])
        occurring, level = np.unique(level * len(inner_labels) + inner, return_inverse=True)
        pairs = zip(*np.divmod(occurring, len(inner_labels)), strict=True)
        labels = [f"{labels[a]}:{inner_labels[b]}" for a, b in pairs]
    name = ":".join(names)
    if len(labels) < 2:
        raise DesignError(
            f"the grouping factor {name!r} has a single level, {labels[0]}; a random term needs at least two"
        )
    return Grouping(name, tuple(labels), level)


def _levels(column: pd.Series) -> tuple[Codes, list[Hashable]]:
    """Level of each row, and the labels of those that occur, sorted."""
    level, labels = pd.factorize(column, sort=True)
    return level, list(labels)


def design(terms: Terms, frame: pd.DataFrame) -> tuple[Array, tuple[str, ...]]:
    """Columns (n, p) of a formula's terms, and their names."""
    plain = _plain(terms, frame)
    if plain is None:
        return _by_formulaic(terms, frame)
    return np.column_stack([column for _, column in plain]), tuple(name for name, _ in plain)


def _plain(terms: Terms, frame: pd.DataFrame) -> list[tuple[str, Array]] | None:
    """Named columns where each term is a product of numbers, or one factor beside an intercept; else None.

    What most analyses are made of, without the cost of formulaic's general way to the same columns.
    """
    columns: list[tuple[str, Array]] = []
    for term in terms.formula:
        names = [factor.expr for factor in term.factors]
        if names == ["1"]:
            columns.append((INTERCEPT, np.ones(len(frame))))
        elif any(factor.eval_method.value != "lookup" for factor in term.factors):
            return None
        elif all(_is_number(frame[name]) for name in names):
            columns.append((":".join(names), np.prod([_number(frame[name]) for name in names], axis=0)))
        elif len(names) == 1 and columns and columns[0][0] == INTERCEPT and _is_factor(frame[names[0]]):
            columns.extend(_treatment(frame[names[0]]))
        else:
            return None
    return columns


def _treatment(column: pd.Series) -> list[tuple[str, Array]]:
    """A column for each level but the first."""
    level, labels = _levels(column)
    return [(f"{column.name}[T.{label}]", (level == i).astype(float)) for i, label in enumerate(labels) if i]


def _by_formulaic(terms: Terms, frame: pd.DataFrame) -> tuple[Array, tuple[str, ...]]:
    ready = frame[list(terms.variables)].apply(_prepare)
    try:
        matrix = terms.formula.get_model_matrix(ready, context=EXTRA_FUNCTIONS, output="numpy", na_action="ignore")
    except (FormulaicError, TypeError, ValueError) as error:
        raise PlanError(f"formula part {terms.text!r} cannot be computed: {str(error).splitlines()[0]}") from error
    names = (INTERCEPT if name == "Intercept" else name for name in matrix.model_spec.column_names)
    return np.asarray(matrix, float), tuple(names)


def _prepare(column: pd.Series) -> pd.Series:
    """A column as formulaic takes it: numbers as floats, factors without the levels that do not occur."""
    if _is_number(column):
        return pd.Series(_number(column), index=column.index)
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.remove_unused_categories()
    if _is_factor(column):
        return column
    raise PlanError(f"column {column.name!r} is neither a number nor a category (its type is {column.dtype})")


def _is_number(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column.dtype))


def _is_factor(column: pd.Series) -> bool:
    return isinstance(column.dtype, pd.CategoricalDtype) or bool(pd.api.types.is_string_dtype(column))


def _number(column: pd.Series) -> Array:
    return column.to_numpy(float)
