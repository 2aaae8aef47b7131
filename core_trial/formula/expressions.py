"""Values of an expression of a formula, whose faults are named by the rows of the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..columns import refuse_rows
from ..engine.arrays import Array, Codes
from .matrices import Matrices
from .parse import Terms


@dataclass(frozen=True)
class Expression:
    """Values (n,) of an expression in the `rows` of the data that are used, as errors name them."""

    name: str
    values: Array
    rows: Codes

    def refuse(self, broken: NDArray[np.bool_], rule: str, remedy: str) -> None:
        """DataError that names the rows of the data in which the values are `broken` (n,)."""
        if not broken.any():
            return
        everywhere, values = np.zeros(self.rows.max() + 1, bool), np.full(self.rows.max() + 1, np.nan)
        everywhere[self.rows], values[self.rows] = broken, self.values
        refuse_rows(pd.Series(values, name=self.name), everywhere, rule, remedy)


def expression(terms: Terms, values: Array, matrices: Matrices) -> Expression:
    """The `values` that `terms` without an intercept, such as an outcome or an offset, have in the rows of matrices."""
    return Expression(terms.text.removeprefix("0 + "), values, matrices.rows)
