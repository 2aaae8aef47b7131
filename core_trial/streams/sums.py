"""Sums over the rows of a relation: counts, and products of numbers within each combination of categories.

DuckDB forms all of them in one scan. The numbers are taken less constants near their means, so that large offsets do
not cost digits; if the constants, means of the first rows, prove to lie far from the means of all, there is a second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from duckdb import DuckDBPyRelation

from ..data.store.sql import quoted
from ..engine.arrays import Array
from ..errors import DataError
from .formula_sql import number_literal

FIRST_ROWS = 1000
FAR = 100.0  # standard deviations of a number between a constant and its mean that cost four digits of sixteen


@dataclass(frozen=True)
class GroupSums:
    """Sums over the G combinations of the keys that occur.

    Attributes
    ----------
    keys : a column each
    moments : (G, m, m) sums of products of 1 and the m - 1 numbers less `shift`
    shift : (m,) the first is 0
    rows, incomplete : how many were read, and how many of them were left out because a column of theirs has no value
    """

    keys: pd.DataFrame
    moments: Array
    shift: Array
    rows: int
    incomplete: int

    @property
    def far(self) -> bool:
        """Whether the mean of a number is so far from its shift that digits are lost."""
        mean, square = self._means()
        return bool(np.any(np.abs(mean) > FAR * np.sqrt(np.maximum(square - mean**2, 0))))

    @property
    def mean(self) -> Array:
        """(m,) of the numbers."""
        return np.asarray(self.shift + np.append(0.0, self._means()[0]))

    def _means(self) -> tuple[Array, Array]:
        total = self.moments.sum(axis=0)
        return total[0, 1:] / total[0, 0], np.diagonal(total)[1:] / total[0, 0]


def group_sums(relation: DuckDBPyRelation, keys: Sequence[str], numbers: Sequence[str], complete: str) -> GroupSums:
    """Sums over the rows where the SQL condition `complete` holds; `numbers` are SQL, `keys` names of columns."""
    first = relation.filter(complete).limit(FIRST_ROWS).aggregate(", ".join(f"avg({sql})" for sql in numbers))
    shift = np.nan_to_num([0.0, *(value or 0.0 for value in first.fetchall()[0])], posinf=0, neginf=0)
    sums = _scan(relation, keys, numbers, complete, shift)
    if len(sums.keys) and sums.far:
        sums = _scan(relation, keys, numbers, complete, sums.mean)
    return sums


def _scan(
    relation: DuckDBPyRelation, keys: Sequence[str], numbers: Sequence[str], complete: str, shift: Array
) -> GroupSums:
    """In incomplete rows the first key is NULL, which it is in no other."""
    n_keys, m = len(keys), len(shift)
    named = [f"CASE WHEN {complete} THEN {quoted(keys[0])} END AS k0"]
    named += [f"{quoted(key)} AS k{i}" for i, key in enumerate(keys[1:], 1)]
    named += [
        f"{sql} - {number_literal(s)} AS u{i}" for i, (sql, s) in enumerate(zip(numbers, shift[1:], strict=True), 1)
    ]
    upper = np.triu_indices(m)
    products = ["count(*)"] + [f"fsum({f'u{i} * ' if i else ''}u{j})" for i, j in zip(*upper, strict=True) if j]
    groups = ", ".join(f"k{i}" for i in range(n_keys))
    table = relation.project(", ".join(named)).aggregate(f"{groups}, {', '.join(products)}", groups).df()
    left_out = table.iloc[:, 0].isna()
    used = table[~left_out]
    moments = np.empty((len(used), m, m))
    moments[:, *upper] = moments[:, *upper[::-1]] = used.iloc[:, n_keys:].to_numpy(float)
    counts = table.iloc[:, n_keys]
    return GroupSums(
        used.iloc[:, :n_keys].set_axis(list(keys), axis=1).reset_index(drop=True),
        moments,
        shift,
        int(counts.sum()),
        int(counts[left_out].sum()),
    )


def missing_note(relation: DuckDBPyRelation, present: Mapping[str, str], sums: GroupSums) -> tuple[str, ...]:
    """A note of the rows left out, by column; `present` are the conditions of a value. DataError if none are left."""
    if not sums.rows:
        raise DataError("the data have no rows")
    if not sums.incomplete:
        return ()
    missing = ", ".join(f"count(*) FILTER (NOT ({condition}))" for condition in present.values())
    counted = zip(present, relation.aggregate(missing).fetchall()[0], strict=True)
    counts = ", ".join(f"{name} ({n})" for name, n in counted if n)
    if sums.incomplete == sums.rows:
        raise DataError(f"no row is complete: values are missing of {counts}")
    return (f"{sums.incomplete} of {sums.rows} rows left out, with no value of {counts}",)


def refuse_infinite(relation: DuckDBPyRelation, numbers: Mapping[str, str], complete: str) -> None:
    """DataError for the first of the `numbers` (name to SQL) that is infinite, or no number, in a complete row."""
    wrong = ", ".join(f"count(*) FILTER (NOT isfinite({sql}))" for sql in numbers.values())
    counted = zip(numbers, relation.filter(complete).aggregate(wrong).fetchall()[0], strict=True)
    for name, n in counted:
        if n:
            raise DataError(
                f"{name!r} is infinite, or not a number, in {n} rows: correct the values, or leave them out"
            )
    raise DataError(f"the sums of products of {', '.join(numbers)} overflow: use larger units")
