"""Association of two columns of few teams by ranks: Kendall, Somers, Spearman, and the slope of Theil and Sen.

All but Spearman's rest on S, the pairs of teams in which x and y differ the same way less those in which they differ
opposite ways (Kendall, Rank Correlation Methods, 5th ed. 1990; Somers 1962, Am Sociol Rev 27:799; Sen 1968, J Am Stat
Assoc 63:1379).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from .allocations import TOLERANCE, Arrangements, p_value, settled

Array = NDArray[np.float64]

STATISTICS = ("kendall_tau_b", "somers_d", "spearman", "theil_sen")


class PermutationTest(NamedTuple):
    """Its p value, the smallest it could have been, over how many arrangements, all of them or not, and its error."""

    p_value: float
    p_smallest: float
    arrangements: int
    exact: bool
    p_error: float


NO_TEST = PermutationTest(np.nan, np.nan, 0, False, np.nan)


@dataclass(frozen=True)
class Pairs:
    """Two columns (n,) that both vary, without missing values, seen as the pairs of their teams."""

    x: Array
    y: Array

    @classmethod
    def of(cls, x: Array, y: Array) -> Pairs:
        """The teams that have both values; what differs by rounding only is tied."""
        known = np.isfinite(x) & np.isfinite(y)
        return cls(settled(x[known]), settled(y[known]))

    @property
    def n(self) -> int:
        return len(self.x)

    @property
    def vary(self) -> bool:
        """Whether there is something to compare."""
        return self.n > 1 and bool(np.ptp(self.x) and np.ptp(self.y))

    @cached_property
    def score(self) -> float:
        """S."""
        return float(pair_signs(self.x) @ pair_signs(self.y))

    @property
    def estimates(self) -> dict[str, float]:
        """The association by each of `STATISTICS`; Somers' d takes y as what depends on x."""
        untied_x, untied_y = (np.count_nonzero(pair_signs(column)) for column in (self.x, self.y))
        spearman = np.corrcoef(stats.rankdata(self.x), stats.rankdata(self.y))[0, 1]
        values = self.score / np.sqrt(untied_x * untied_y), self.score / untied_x, spearman, np.median(self.slopes)
        return dict(zip(STATISTICS, map(float, values), strict=True))

    @cached_property
    def slopes(self) -> Array:
        """Differences of y over those of x, sorted, of the pairs that differ in x."""
        first, second = np.triu_indices(self.n, 1)
        run, rise = self.x[second] - self.x[first], self.y[second] - self.y[first]
        return np.sort(rise[run != 0] / run[run != 0])

    def slope_interval(self, conf_level: float) -> tuple[float, float]:
        """Slopes b for which Kendall's test does not reject that x and y - b x are unrelated; exact at any n."""
        outside = ScoreDistribution(tie_sizes(self.x)).rejected(1 - conf_level)
        if not outside:
            return -np.inf, np.inf
        return float(self.slopes[outside - 1]), float(self.slopes[-outside])


@dataclass(frozen=True)
class ScoreDistribution:
    """S over all arrangements, where one column has ties of these sizes (1 for a value of its own), the other none.

    The arrangements with d opposite pairs number the coefficient of q^d in the q-multinomial of the sizes: the product
    of 1 - q^i for i up to n, over those for i up to each size (MacMahon, Combinatory Analysis, 1916).
    """

    ties: Sequence[int]

    @cached_property
    def counts(self) -> list[int]:
        """Arrangements with 0, 1, 2, ... opposite pairs."""
        n = sum(self.ties)
        pairs = (n * n - sum(size * size for size in self.ties)) // 2
        counts = [1] + [0] * pairs
        for i in range(1, n + 1):
            for d in range(pairs, i - 1, -1):
                counts[d] -= counts[d - i]
        for i in (i for size in self.ties for i in range(1, size + 1)):
            for d in range(i, pairs + 1):
                counts[d] += counts[d - i]
        return counts

    @cached_property
    def p_values(self) -> list[float]:
        """Two-sided p value with 0, 1, 2, ... opposite pairs, up to half of them; S is symmetric about zero."""
        total, pairs = sum(self.counts), len(self.counts) - 1
        one_sided = accumulate(self.counts[: pairs // 2 + 1])
        return [min(2 * extreme / total, 1.0) for extreme in one_sided]

    def p_value(self, score: float) -> float:
        """Share of arrangements with S as far from zero as `score`."""
        return self.p_values[(len(self.counts) - 1 - round(abs(score))) // 2]

    def rejected(self, level: float) -> int:
        """How many of the numbers 0, 1, 2, ... of opposite pairs have a p value of at most `level`."""
        return bisect_right(self.p_values, level + TOLERANCE)


def exact_kendall(pairs: Pairs) -> PermutationTest | None:
    """Test of tau-b, Somers' d and the slope over all arrangements; None where x and y are both tied."""
    fewer, more = sorted((tie_sizes(pairs.x), tie_sizes(pairs.y)), key=len)
    if len(more) < pairs.n:
        return None
    null = ScoreDistribution(fewer)
    return PermutationTest(null.p_value(pairs.score), null.p_values[0], sum(null.counts), True, 0.0)


def kendall(pairs: Pairs, arranged: Arrangements) -> PermutationTest:
    """Test of tau-b, Somers' d and the slope, by arrangements of x."""
    return from_arrangements(scores(arranged.rows, pairs.y), pairs.score, arranged)


def spearman(pairs: Pairs, arranged: Arrangements) -> PermutationTest:
    """Test of Spearman's correlation, by arrangements of x."""
    y = stats.rankdata(pairs.y) - (pairs.n + 1) / 2
    levels, counts = np.unique(pairs.x, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    rows = ranks[np.searchsorted(levels, arranged.rows)]
    return from_arrangements(rows @ y, float(stats.rankdata(pairs.x) @ y), arranged)


def from_arrangements(statistics: Array, observed: float, arranged: Arrangements) -> PermutationTest:
    """Test of a statistic that is zero on average, from its value in each arrangement."""
    p = p_value(statistics, observed)
    smallest = p_value(statistics, np.abs(statistics).max())
    return PermutationTest(p, smallest, len(statistics), arranged.exact, arranged.p_error(p))


def scores(rows: Array, y: Array) -> Array:
    """(R,) S of each arrangement of x against y: one team with those after it at a time."""
    score = np.zeros(len(rows))
    for team in range(len(y) - 1):
        score += np.sign(rows[:, team + 1 :] - rows[:, [team]]) @ np.sign(y[team + 1 :] - y[team])
    return score


def pair_signs(column: Array) -> Array:
    """(n (n - 1) / 2,) sign of the later team's value less the earlier's, a pair each."""
    first, second = np.triu_indices(len(column), 1)
    return np.sign(column[second] - column[first])


def tie_sizes(column: Array) -> list[int]:
    """How many teams have each value."""
    return [int(count) for count in np.unique(column, return_counts=True)[1]]
