"""Mixed models of tables that need not fit in memory: a formula and a relation of DuckDB -> sums -> engine.

A column of a design is a number times what categories make of it, such as `age` and the indicator of an arm. So the
rows with equal categories (the levels of the grouping factors among them) enter by the sums of products of the numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from formulaic import SimpleFormula
from formulaic.parser.types import Factor, Term

from ..columns import require_columns
from ..data.sources.records import reading
from ..data.store.sql import quoted
from ..engine.arrays import Array, Codes
from ..engine.linear.lmm import LmmResult
from ..engine.linear.moments import Shifted, ShiftedTerm, fit_stand_ins, stand_ins
from ..engine.linear.patterned import PATTERNS
from ..engine.linear.random import RandomTerm
from ..errors import DataError, PlanError
from ..formula.coding import INTERCEPT, Columns, code_by_term, code_terms
from ..formula.matrices import Grouping, Matrices, RandomColumns, find_levels
from ..formula.parse import MixedFormula, Terms, factor_names
from .formula_sql import NUMBERS, number_sql
from .sources import Source, open_rows
from .sums import GroupSums, group_sums, missing_note, refuse_infinite

TEXTS = {"varchar", "enum"}
CATEGORY = re.compile(r"(?:C|factor)\((.*)\)", re.DOTALL)


class WithoutRows:
    """What a fit keeps where a table was streamed: fields for the rows are declared, and have no value."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise PlanError(
            "this needs the rows of the data, of which a fit to a streamed source keeps only sums of products: fit a"
            " data frame"
        )


@dataclass(frozen=True)
class StreamedGrouping(WithoutRows, Grouping):
    level: Codes = field(init=False, repr=False, compare=False)


@dataclass(frozen=True)
class StreamedColumns(WithoutRows, RandomColumns):
    columns: Array = field(init=False, repr=False, compare=False)


@dataclass(frozen=True)
class StreamedMatrices(WithoutRows, Matrices):
    """In place of `Matrices`: names, levels and notes, the number of rows, and where they come from."""

    y: Array = field(init=False, repr=False, compare=False)
    x: Array = field(init=False, repr=False, compare=False)
    rows: Codes = field(init=False, repr=False, compare=False)
    columns: Columns = field(init=False, repr=False, compare=False)
    offset: Array | None = field(init=False, repr=False, compare=False)
    others: Array | None = field(init=False, repr=False, compare=False)
    used: int
    source: str

    @property
    def n_rows(self) -> int:
        return self.used


@dataclass(frozen=True)
class Layout:
    """What of a formula DuckDB is asked for.

    Attributes
    ----------
    keys : the columns of the grouping factors and of categories
    numbers : SQL of the factors of terms that are numbers
    products : the products of numbers that occur in terms; the first, of none, is the constant 1
    """

    keys: tuple[str, ...]
    numbers: Mapping[str, str]
    products: tuple[frozenset[str], ...]

    @property
    def sql(self) -> dict[str, str]:
        """Of the products but the first."""
        return {":".join(sorted(p)): " * ".join(self.numbers[n] for n in sorted(p)) for p in self.products[1:]}

    def product(self, names: frozenset[str]) -> int:
        """The place of the product of those of the `names` that are numbers."""
        return self.products.index(names & self.numbers.keys())

    def looked_up(self, terms: Terms) -> Terms:
        """The terms with each number, computed by DuckDB, as a column of its own."""
        found = [
            Term(Factor(f.expr, eval_method="lookup") if f.expr in self.numbers else f for f in t.factors)
            for t in terms.formula
        ]
        names = [name for t in found for f in t.factors for name in factor_names(f.expr, f.eval_method.value)]
        return Terms(terms.text, SimpleFormula(found, _ordering="none"), tuple(dict.fromkeys(names)))


@dataclass(frozen=True)
class StandIns:
    """A few rows for each combination of categories, with the same sums of products: see `engine.linear.moments`."""

    layout: Layout
    sums: GroupSums

    @cached_property
    def rows(self) -> Array:
        """(G, m, m)"""
        return stand_ins(self.sums.moments)

    @property
    def count(self) -> Array:
        """(G m,) of the rows that they stand in for, with the first of each."""
        count = np.zeros(self.rows.shape[:2])
        count[:, 0] = self.sums.moments[:, 0, 0]
        return count.ravel()

    @cached_property
    def columns(self) -> Columns:
        """The categories as they are, the numbers 1."""
        ones = np.ones(len(self.sums.keys))
        numbers = {name: pd.Series(ones, name=name) for name in self.layout.numbers}
        return {**{name: self.sums.keys[name] for name in self.layout.keys}, **numbers}

    def design(self, terms: Terms, *, centre: bool | None = None) -> tuple[Shifted, tuple[str, ...]]:
        """Columns of the terms and their names, shifted if there is an intercept, or as `centre` says."""
        terms = self.layout.looked_up(terms)
        category, names = code_terms(terms, self.columns)
        _refuse(category, names)
        product = np.empty(len(names), int)
        for term in code_by_term(terms, self.columns)[1]:
            product[list(term.columns)] = self.layout.product(term.numbers)
        centre = names[0] == INTERCEPT if centre is None else centre
        shift = np.where(centre & np.all(category == 1, axis=0), self.sums.shift[product], 0.0)
        number = self.rows[:, :, product] + (self.sums.shift[product] - shift) * self.rows[:, :, :1]
        return Shifted((category[:, None] * number).reshape(-1, len(names)), shift), names

    def levels(self, names: Sequence[str]) -> Grouping:
        """Of the stand-ins."""
        grouping = find_levels(names, self.columns)
        return replace(grouping, level=np.repeat(grouping.level, self.rows.shape[1]))


def stream_lmm(formula: MixedFormula, source: Source, *, reml: bool) -> tuple[StreamedMatrices, LmmResult]:
    """Fit `formula` to the rows of `source`.

    Raises
    ------
    PlanError : as for a data frame, or a part of the formula that needs all rows at once
    DataError, DesignError, FitError : as for a data frame
    """
    with open_rows(source) as (relation, origin):
        types = _types(relation, formula)
        layout = _layout(formula, types)
        present = {name: _present(name, kind) for name, kind in types.items()}
        complete = " AND ".join(present.values())
        with reading(origin, "a table"):
            sums = group_sums(relation, layout.keys, list(layout.sql.values()), complete)
        notes = missing_note(relation, present, sums)
        if not np.isfinite(sums.moments).all():
            refuse_infinite(relation, layout.sql, complete)
    return _fit(formula, StandIns(layout, sums), notes, origin, reml)


def _fit(
    formula: MixedFormula, data: StandIns, notes: tuple[str, ...], origin: str, reml: bool
) -> tuple[StreamedMatrices, LmmResult]:
    x, names = data.design(formula.fixed)
    y, outcome = data.design(formula.response, centre=names[0] == INTERCEPT)
    if len(outcome) != 1:
        raise PlanError(f"formula {formula.text!r}: the outcome must be one column, or one expression such as 'log(y)'")
    _refuse_constant(outcome[0], data)
    terms, random = [], []
    for bar in formula.bars:
        grouping, (z, z_names) = data.levels(bar.group), data.design(bar.columns)
        if bar.structure in PATTERNS:
            raise PlanError(f"{bar.structure}(...) cannot be streamed: read the rows into a data frame first")
        columns = (z.columns, grouping.level, len(grouping.labels), grouping.name, bar.structure)
        terms.append(ShiftedTerm(RandomTerm(*columns), z.shift))
        streamed = StreamedGrouping(grouping.name, grouping.labels)
        random.append(StreamedColumns(names=z_names, grouping=streamed, structure=bar.structure))
    result = fit_stand_ins(y, x, terms, data.count, reml=reml)
    matrices = StreamedMatrices(names, tuple(random), notes, data.sums.rows - data.sums.incomplete, origin)
    return matrices, result


def _types(relation: duckdb.DuckDBPyRelation, formula: MixedFormula) -> dict[str, str]:
    """The types of the columns that the formula needs."""
    require_columns(pd.DataFrame(columns=relation.columns), formula.variables)
    found = {name: kind.id for name, kind in zip(relation.columns, relation.types, strict=True)}
    for name in formula.response.variables:
        if found[name] not in NUMBERS:
            raise PlanError(f"the outcome {name!r} is not a number; its type is {found[name].upper()}")
    for name in {v for terms in _parts(formula) for v in terms.variables}:
        if found[name] not in NUMBERS | TEXTS:
            raise PlanError(f"column {name!r} is neither a number nor a category; its type is {found[name].upper()}")
    return {name: found[name] for name in formula.variables}


def _present(name: str, kind: str) -> str:
    given = f"{quoted(name)} IS NOT NULL"
    return f"({given} AND NOT isnan({quoted(name)}))" if kind in {"float", "double"} else given


def _layout(formula: MixedFormula, types: Mapping[str, str]) -> Layout:
    terms = [term.factors for part in _parts(formula) for term in part.formula]
    variables = {f.expr: list(factor_names(f.expr, f.eval_method.value)) for factors in terms for f in factors}
    categories = [name for expr, names in variables.items() if _is_category(expr, types) for name in names]
    keys = tuple(dict.fromkeys([*(name for bar in formula.bars for name in bar.group), *categories]))
    numbers = {expr: number_sql(expr, types) for expr, names in variables.items() if not {*names} <= {*keys}}
    products = [frozenset(f.expr for f in factors if f.expr in numbers) for factors in terms]
    return Layout(keys, numbers, tuple(dict.fromkeys([frozenset(), *products])))


def _parts(formula: MixedFormula) -> list[Terms]:
    return [formula.response, formula.fixed, *(bar.columns for bar in formula.bars)]


def _is_category(expression: str, types: Mapping[str, str]) -> bool:
    """Whether a factor is a column of text, or one made a category by `C()`."""
    if expression in types:
        return types[expression] in TEXTS
    if not (call := CATEGORY.fullmatch(expression.strip())):
        return False
    if (of := call[1].split(",")[0].strip(" `")) not in types:
        raise PlanError(f"{expression!r} cannot be streamed: make {of!r} a column of the source")
    return True


def _refuse(category: Array, names: Sequence[str]) -> None:
    if not np.isfinite(category).all():
        place = np.argwhere(~np.isfinite(category))[0]
        raise DataError(
            f"{names[place[1]]!r} is {category[tuple(place)]} in some rows: correct or leave out the values"
        )


def _refuse_constant(outcome: str, data: StandIns) -> None:
    place = data.layout.product(frozenset({outcome}))
    if not data.rows[:, :, place].any():
        value = data.sums.shift[place]
        raise DataError(f"the outcome {outcome!r} is {value:g} in every row: there is no variation to analyse")
