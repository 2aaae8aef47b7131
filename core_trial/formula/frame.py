"""The rows that a model was fitted to, kept so that other rows can be given the same columns."""

from __future__ import annotations

import ast
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..engine.arrays import Array, Codes
from .coding import Columns, code_new, code_terms, is_factor, levels
from .parse import Bar, Terms

ESTIMABLE = 1e-8  # share of a row that may lie outside the rows that were fitted, from rounding
CATEGORICAL = ("C", "factor")


@dataclass(frozen=True)
class ModelFrame:
    """The formula of a fit, and the columns that it mentions.

    Attributes
    ----------
    terms : of the fixed effects
    columns : in the rows that were fitted
    kept : (p,) those columns of the design that have a coefficient
    bars : the random terms of the formula
    """

    terms: Terms
    columns: Columns
    kept: Codes
    bars: tuple[Bar, ...] = ()

    def design(self, new: Columns) -> Array:
        """(m, p) columns of `new` rows; a row whose mean the fit does not determine is NaN.

        Raises
        ------
        DataError : a category that the fit does not know
        """
        design = code_new(self.terms, self.columns, new)
        kept, dropped = design[:, self.kept], np.delete(design, self.kept, axis=1)
        outside = np.abs(dropped - kept @ self._dependence) > ESTIMABLE * (1 + np.abs(dropped))
        kept[outside.any(axis=1)] = np.nan
        return kept

    def values(self, variable: str) -> list[Hashable]:
        """The values of `variable` that occur, sorted."""
        return levels(self.columns[variable])[1]

    def is_categorical(self, variable: str) -> bool:
        """Whether it is a factor, made one by `C()`, or compared with values, as in `I(month == 6)`."""
        return is_factor(self.columns[variable]) or variable in self._categorical

    @cached_property
    def _dependence(self) -> Array:
        """(p, p0 - p) what makes the columns without a coefficient from those that have one."""
        design, _ = code_terms(self.terms, self.columns)
        if len(self.kept) == design.shape[1]:
            return np.zeros((len(self.kept), 0))
        dropped = np.delete(design, self.kept, axis=1)
        return np.asarray(np.linalg.lstsq(design[:, self.kept], dropped, rcond=None)[0])

    @cached_property
    def _categorical(self) -> frozenset[str]:
        factors = {factor.expr for term in self.terms.formula for factor in term.factors}
        return frozenset(name for factor in factors for name in _categories(factor))


def _categories(expression: str) -> Iterator[str]:
    """The names in an expression that stand in `C()` or in a comparison."""
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except SyntaxError:  # a name that is none to Python, and so no expression
        return
    for node in ast.walk(tree):
        coded = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CATEGORICAL
        if coded or isinstance(node, ast.Compare):
            yield from (name.id for name in ast.walk(node) if isinstance(name, ast.Name))
