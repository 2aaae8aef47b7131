"""The columns of a model by pattern of visits: linear maps of the visits, and sums of products over subjects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from ..arrays import Array


@dataclass(frozen=True)
class Stacks:
    """`blocks` are (m, n, k) for each of P patterns: its m visits, n subjects (or combinations of these) and k columns.

    Weights (P, M, M) of visits may have more of them than a pattern, which are left aside.
    """

    blocks: Sequence[Array]

    @property
    def n_columns(self) -> int:
        return int(self.blocks[0].shape[2])

    @cached_property
    def _rows(self) -> Array:
        """(N, k) the blocks under each other, visit by visit."""
        return np.concatenate([block.reshape(-1, self.n_columns) for block in self.blocks])

    @cached_property
    def _slices(self) -> list[slice]:
        ends = np.cumsum([0] + [m * n for m, n, _ in (block.shape for block in self.blocks)])
        return [slice(a, b) for a, b in pairwise(ends.tolist())]

    def _by_visit(self, rows: Array) -> Iterator[Array]:
        """(m, n k) for each pattern, of rows (N, k)."""
        for block, s in zip(self.blocks, self._slices, strict=True):
            yield rows[s].reshape(len(block), -1)

    def transform(self, maps: Array) -> Array:
        """(r, N, k) the rows that linear maps of the visits (r, P, M, M) make of the blocks."""
        r, k = len(maps), self.n_columns
        rows = np.empty((r, len(self._rows), k))
        for p, (s, block) in enumerate(zip(self._slices, self._by_visit(self._rows), strict=True)):
            m = len(block)
            rows[:, s] = (maps[:, p, :m, :m].reshape(-1, m) @ block).reshape(r, -1, k)
        return rows

    def weigh(self, weights: Array) -> Array:
        """(P, M, M) sum over subjects of w_a' `weights` w_b at visits a and b, for symmetric weights (k, k)."""
        size = max(map(len, self.blocks))
        sums = np.zeros((len(self.blocks), size, size))
        right = self._by_visit(self._rows @ weights)
        for total, a, b in zip(sums, self._by_visit(self._rows), right, strict=True):
            total[: len(a), : len(a)] = a @ b.T
        return sums

    def beside(self, others: Sequence[Array]) -> Stacks:
        """With more subjects (m, n, k) of each pattern."""
        return Stacks([np.concatenate(pair, axis=1) for pair in zip(self.blocks, others, strict=True)])


def condense(values: Array) -> Array:
    """No more rows than the m k columns of values (n, m, k) need for the same cross-products."""
    n, m, k = values.shape
    if n <= m * k:
        return values
    return np.asarray(np.linalg.qr(values.reshape(n, m * k), mode="r")).reshape(-1, m, k)
