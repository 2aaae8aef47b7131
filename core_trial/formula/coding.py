"""Columns of a design matrix from the terms of a formula: numbers as they are, factors by contrasts."""

from __future__ import annotations

import re
import warnings
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
from formulaic import ModelMatrix
from formulaic.errors import DataMismatchWarning, FormulaicError

from ..columns import hashable, refuse_rows
from ..engine.arrays import Array, Codes
from ..errors import DataError, DesignError, PlanError
from .parse import EXTRA_FUNCTIONS, Terms, without_needless_quotes

INTERCEPT = "(Intercept)"
Columns = Mapping[str, pd.Series]
NamedColumn = tuple[str, Array]


@dataclass(frozen=True)
class CodedTerm:
    """A term of a formula: the places of its columns, and the factors and numbers that it is the product of."""

    name: str
    columns: tuple[int, ...]
    factors: frozenset[str]
    numbers: frozenset[str]

    @property
    def order(self) -> int:
        return len(self.factors) + len(self.numbers)


def code_terms(terms: Terms, columns: Columns) -> tuple[Array, tuple[str, ...]]:
    """Columns (n, p) of the terms, and their names."""
    named = _plain(terms, columns)
    if named is None:
        return _by_formulaic(terms, columns)
    matrix = np.empty((len(named[0][1]), len(named)), order="F")
    for i, (_, column) in enumerate(named):
        matrix[:, i] = column
    return matrix, tuple(name for name, _ in named)


def code_new(terms: Terms, columns: Columns, new: Columns) -> Array:
    """Columns (m, p) of the terms in the rows `new`, coded as in the rows `columns`.

    DataError for a category that does not occur in `columns`.
    """
    spec = _model_matrix(terms, columns).model_spec
    for name in filter(lambda name: is_factor(columns[name]), terms.variables):
        labels = levels(columns[name])[1]
        remedy = f"choose from {', '.join(map(str, labels))}"
        refuse_rows(new[name], ~new[name].isin(labels), "has a category that the fit does not know", remedy)
    ready = pd.DataFrame({name: _as_fitted(new[name], columns[name]) for name in terms.variables}, index=_index(new))
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataMismatchWarning)
        try:
            return np.array(spec.get_model_matrix(ready, context=EXTRA_FUNCTIONS), float)
        except DataMismatchWarning as error:
            unknown = re.sub(r"np\.\w+\((.*?)\)", r"\1", str(error).partition("{")[2].partition("}")[0])
            raise DataError(f"the fit does not know the value {unknown} of a factor of {terms.text!r}") from error


def code_by_term(terms: Terms, columns: Columns, *, every_level: bool = False) -> tuple[Array, list[CodedTerm]]:
    """Columns (n, p) as of `code_terms`, or with one for every level of every factor, and the terms they belong to."""
    matrix = _model_matrix(terms, columns, ensure_full_rank=not every_level)
    spec = matrix.model_spec
    coded = []
    for term, places in spec.term_indices.items():
        expressions = {factor.expr for factor in term.factors} - {"1"}
        numbers = {name for name in expressions if spec.encoder_state[name][0].value == "numerical"}
        name = without_needless_quotes(str(term))
        coded.append(CodedTerm(name, tuple(places), frozenset(expressions - numbers), frozenset(numbers)))
    return np.asarray(matrix, float), coded


def levels(column: pd.Series) -> tuple[Codes, list[Hashable]]:
    """The level of each row (n,), and the labels of those that occur, sorted."""
    if not isinstance(column.dtype, pd.StringDtype):
        level, labels = pd.factorize(hashable(column), sort=True)
        return level, list(labels)
    level, found = pd.factorize(column.array)  # and sorted here, which is four times faster
    names = found.to_numpy(object)
    order = np.argsort(names)
    return np.argsort(order)[level], names[order].tolist()


def is_number(column: pd.Series) -> bool:
    return column.dtype.kind in "biuf"


def is_factor(column: pd.Series) -> bool:
    return isinstance(column.dtype, pd.CategoricalDtype) or bool(pd.api.types.is_string_dtype(column))


def _plain(terms: Terms, columns: Columns) -> list[NamedColumn] | None:
    """Named columns where terms are products of columns, each factor compared with its first level; else None.

    What most analyses are made of, without the cost of formulaic's general way to the same columns. A factor is coded
    so where the terms before hold what is left of its term without it, as in `arm * visit`.
    """
    coded: dict[str, list[NamedColumn]] = {}
    named: dict[frozenset[str], list[NamedColumn]] = {}
    for term in terms.formula:
        names = [factor.expr for factor in term.factors if factor.expr != "1"]
        if not all(name in columns and (is_number(columns[name]) or is_factor(columns[name])) for name in names):
            return None
        if not all(margin in named for margin in _margins(names, columns)):
            return None
        coded |= {name: _coded(name, columns[name]) for name in names if name not in coded}
        named[frozenset(names)] = _product([coded[name] for name in names], len(_index(columns)))
    return [column for group in named.values() for column in group]


def _margins(names: Sequence[str], columns: Columns) -> Iterator[frozenset[str]]:
    """The columns of a term without one or more of the factors among them."""
    factors = [name for name in names if not is_number(columns[name])]
    for left_out in range(1, len(factors) + 1):
        yield from (frozenset(names).difference(some) for some in combinations(factors, left_out))


def _coded(name: str, column: pd.Series) -> list[NamedColumn]:
    """A number as it is; a factor by a column for each level but the first."""
    if is_number(column):
        return [(name, column.to_numpy(float))]
    level, labels = levels(column)
    if len(labels) < 2:
        raise DesignError(f"factor {name!r} has only the level {labels[0]!r}: nothing to compare it with")
    return [(f"{name}[T.{label}]", level == i) for i, label in enumerate(labels) if i]


def _product(parts: Sequence[Sequence[NamedColumn]], n: int) -> list[NamedColumn]:
    """The products of a column of each part, those of the first part side by side; of no part, the intercept."""
    if not parts:
        return [(INTERCEPT, np.ones(n))]
    chosen = (pairs[::-1] for pairs in product(*reversed(parts)))
    return [(":".join(name for name, _ in pairs), np.prod([c for _, c in pairs], axis=0)) for pairs in chosen]


def _by_formulaic(terms: Terms, columns: Columns) -> tuple[Array, tuple[str, ...]]:
    matrix = _model_matrix(terms, columns)
    for term, _, coded in matrix.model_spec.structure:
        if not coded:
            raise DesignError(f"{term} has a single level: nothing to compare it with")
    names = (INTERCEPT if name == "Intercept" else name for name in matrix.model_spec.column_names)
    return np.asarray(matrix, float), tuple(map(without_needless_quotes, names))


def _model_matrix(terms: Terms, columns: Columns, **options: bool) -> ModelMatrix:
    ready = pd.DataFrame({name: _prepare(columns[name]) for name in terms.variables}, index=_index(columns))
    try:
        return terms.formula.get_model_matrix(
            ready, context=EXTRA_FUNCTIONS, output="numpy", na_action="ignore", **options
        )
    except (FormulaicError, TypeError, ValueError) as error:
        raise PlanError(f"formula part {terms.text!r} cannot be computed: {str(error).splitlines()[0]}") from error


def _index(columns: Columns) -> pd.RangeIndex:
    """Of as many rows as the columns have."""
    return pd.RangeIndex(len(next(iter(columns.values()))))


def _as_fitted(new: pd.Series, fitted: pd.Series) -> Any:
    """The values of new rows, of a factor with the levels that the fit knows: those of numbers look like numbers."""
    return pd.Categorical(new, categories=levels(fitted)[1]) if is_factor(fitted) else new.to_numpy()


def _prepare(column: pd.Series) -> pd.Series:
    """A column as formulaic takes it: NumPy's numbers, factors of the levels that occur."""
    if is_number(column):
        numpy: Any = getattr(column.dtype, "numpy_dtype", column.dtype)
        return pd.Series(column.to_numpy(numpy))
    if is_factor(column):
        level, labels = levels(column)
        return pd.Series(pd.Categorical.from_codes(level, pd.Index(labels)))
    raise PlanError(
        f"column {column.name!r} is neither a number nor a category; its type is {column.dtype}: make it one, such as"
        " by pandas.to_numeric or .astype('category')"
    )
