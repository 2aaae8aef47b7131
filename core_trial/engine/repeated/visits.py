"""Subjects and visits: where the rows of repeated measures belong, and how their residuals vary before any model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import DesignError
from ..arrays import Array, Codes
from ..response import Response
from .patterns import Patterns

SINGULAR = 1e-6  # eigenvalue of correlations that counts as zero
EXACT = 1e-12  # residual standard deviation of a visit, as a share of the outcome's spread, that only rounding leaves


@dataclass(frozen=True)
class Visits:
    """Where the n rows belong.

    Attributes
    ----------
    subject : (n,) 0 to S - 1, each with a row at least
    visit : (n,) 0 to m - 1; a subject has each once at most
    times : (m,) times of the visits, on which some covariances depend
    group : (S,) 0 to G - 1; each has a residual covariance of its own
    cluster : (S,) 0 to J - 1, or None for no random effect
    names : (G m,) the visits of the first group in words, then those of the next
    """

    subject: Codes
    visit: Codes
    times: Array
    group: Codes
    cluster: Codes | None
    names: Sequence[str]

    @property
    def level(self) -> Codes:
        """(n,) level of the residual covariance."""
        return self.group[self.subject] * len(self.times) + self.visit

    def by_group(self, matrix: Array) -> list[Array]:
        """The (m, m) blocks of the groups in a matrix over all levels."""
        m = len(self.times)
        return [matrix[i : i + m, i : i + m] for i in range(0, len(matrix), m)]


def typical_covariance(patterns: Patterns, visits: Visits) -> Array:
    """(L, L) mean product of the residuals at two visits, about the fixed effects by ordinary least squares."""
    n_levels = len(visits.names)
    counts = patterns.scatter(patterns.subjects[:, None, None] * patterns.pairs, n_levels)
    outcome = np.zeros(2 * (patterns.stacks.n_columns,))
    outcome[-1, -1] = 1
    sums = patterns.scatter(patterns.stacks.weigh(outcome), n_levels)
    return np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)


def check_variation(typical: Array, response: Response, visits: Visits) -> None:
    """DesignError for a visit at which the outcome does not vary about the fixed effects."""
    spread = 1 + float(np.linalg.norm(response.coefficient)) / response.scale
    still = np.flatnonzero(np.sqrt(np.diagonal(typical)) < EXACT * spread)
    if len(still):
        rows = np.bincount(visits.level, minlength=len(visits.names))[still[0]]
        raise DesignError(
            f"the outcome does not vary about the fixed effects at visit {visits.names[still[0]]}, which has {rows}"
            " rows: choose a covariance with one variance for all visits, such as 'ar1', or leave the visit out"
        )


def describe_singular(patterns: Patterns, covariance: Array, visits: Visits) -> str:
    """At which visits, if any, residuals of `covariance` (L, L) determine each other, and who was seen at them."""
    deviation = np.sqrt(np.diagonal(covariance))
    deviation = np.where(deviation > 0, deviation, 1.0)
    unit = np.eye(patterns.visits.shape[1])
    correlations = np.where(patterns.pairs, patterns.blocks(covariance / np.outer(deviation, deviation)), unit)
    least = np.linalg.eigvalsh(correlations)[:, 0]
    p = int(least.argmin())
    if least[p] > SINGULAR:
        return ""
    levels = patterns.visits[p][patterns.observed[p]]
    seen = [np.isin(levels, row[o]).all() for row, o in zip(patterns.visits, patterns.observed, strict=True)]
    names = ", ".join(visits.names[level] for level in levels)
    return f", singular at {names}, at all of which {patterns.subjects[seen].sum():.0f} subjects were seen"
