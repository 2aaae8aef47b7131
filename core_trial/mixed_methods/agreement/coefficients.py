"""Chance-corrected agreement, from sums over units that a bootstrap can weigh.

With A the agreement of categories c and k (1 if they are the same; less, with weights, if they are near), p_a is the
mean over units of the agreement of pairs of their ratings, and a coefficient is (p_a - p_e) / (1 - p_e); they differ in
p_e, the agreement by chance. Sources: Gwet 2014, Handbook of Inter-Rater Reliability, 4th edition, chapters 2 to 5;
Krippendorff 2011, Computing Krippendorff's Alpha-Reliability; Brennan and Prediger 1981, Educ Psychol Meas 41:687.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Weights = Literal["unweighted", "linear", "quadratic"]
Level = Literal["nominal", "ordinal", "interval", "ratio"]

MISSING = -1


class Sums(NamedTuple):
    """Sums over units, of q categories and R raters; the leading axes are those of whatever is summed or weighed.

    paired : (...) units with at least two ratings
    pairs : (..., q, q) shares of their ordered pairs of ratings in each two categories
    coincidences : (..., q, q) the same times the ratings of the unit
    rated : (...) units with any rating
    shares : (..., q) shares of their ratings in each category
    by_rater : (..., R, q) ratings of each rater; of two raters, in paired units only
    """

    paired: Array
    pairs: Array
    coincidences: Array
    rated: Array
    shares: Array
    by_rater: Array

    def weighed(self, weights: Array) -> Sums:
        """Sums with each of the U units counted as the (B, U) weights say."""
        return Sums(*(np.tensordot(weights, part, axes=1) for part in self))

    def __or__(self, other: Sums) -> Sums:
        """Sums over the units of both."""
        return Sums(*(one + two for one, two in zip(self, other, strict=True)))


def tally(ratings: NDArray[np.integer[Any]], q: int) -> Sums:
    """The share of each unit in the sums: `ratings` is (U, R), a category from 0 to q - 1 or `MISSING`."""
    single = (ratings[:, :, None] == np.arange(q)).astype(float)
    counts = single.sum(axis=1)
    n = counts.sum(axis=1)
    paired = n >= 2
    ordered = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(q)
    coincidences = ordered * (paired / np.maximum(n - 1, 1))[:, None, None]
    kept = paired if ratings.shape[1] == 2 else np.ones_like(paired)
    return Sums(
        paired=paired.astype(float),
        pairs=coincidences / np.maximum(n, 1)[:, None, None],
        coincidences=coincidences,
        rated=(n > 0).astype(float),
        shares=counts / np.maximum(n, 1)[:, None],
        by_rater=single * kept[:, None, None],
    )


def agreement_weights(scores: Array, weights: Weights) -> Array:
    """(q, q) agreement of each two categories: 1 - (|difference| / range) ** 1 or 2, or whether they are the same."""
    if weights == "unweighted" or len(scores) < 2:
        return np.eye(len(scores))
    distance = abs(scores[:, None] - scores) / (scores.max() - scores.min())
    return np.asarray(1 - distance ** {"linear": 1, "quadratic": 2}[weights])


def observed(sums: Sums, agree: Array) -> Array:
    """p_a."""
    return _ratio((agree * sums.pairs).sum((-1, -2)), sums.paired)


def brennan_prediger(sums: Sums, agree: Array) -> Array:
    """Chance gives every category alike: p_e = sum A / q^2."""
    return _corrected(observed(sums, agree), np.full(sums.paired.shape, agree.mean()))


def gwet(sums: Sums, agree: Array) -> Array:
    """AC1, and AC2 with weights: p_e = sum A / (q (q - 1)) sum_k pi_k (1 - pi_k), pi the mean shares of categories."""
    q, share = len(agree), _shares(sums)
    expected = agree.sum() / max(q * (q - 1), 1) * (share * (1 - share)).sum(-1)
    return _corrected(observed(sums, agree), expected)


def fleiss(sums: Sums, agree: Array) -> Array:
    """p_e = sum_ck A_ck pi_c pi_k (Fleiss 1971, Psychol Bull 76:378)."""
    share = _shares(sums)
    return _corrected(observed(sums, agree), np.einsum("...c,ck,...k->...", share, agree, share))


def cohen(sums: Sums, agree: Array) -> Array:
    """p_e = sum_ck A_ck p_gc p_hk, p_g the shares of rater g; over all pairs of raters if there are more than two.

    Cohen 1968, Psychol Bull 70:213; Conger 1980, Psychol Bull 88:322.
    """
    shares = _ratio(sums.by_rater, sums.by_rater.sum(-1, keepdims=True))
    raters = shares.shape[-2]
    total = shares.sum(-2)
    everyone = np.einsum("...c,ck,...k->...", total, agree, total)
    themselves = np.einsum("...gc,ck,...gk->...", shares, agree, shares)
    return _corrected(observed(sums, agree), (everyone - themselves) / max(raters * (raters - 1), 1))


def krippendorff(sums: Sums, scores: Array, level: Level) -> Array:
    """1 - D_o / D_e, with the squared differences of the level of measurement; units with one rating say nothing."""
    found = sums.coincidences
    margins = found.sum(-1)
    n = margins.sum(-1)
    differences = _squared_differences(margins, scores, level)
    disagreement = (found * differences).sum((-1, -2))
    expected = np.einsum("...c,...ck,...k->...", margins, differences, margins)
    return 1 - _ratio((n - 1) * disagreement, expected)


def _squared_differences(margins: Array, scores: Array, level: Level) -> Array:
    """(..., q, q). Ordinal: the ratings between the two categories, half of their own counted."""
    if level == "nominal":
        return 1 - np.eye(len(scores))
    position = np.cumsum(margins, axis=-1) - margins / 2 if level == "ordinal" else scores
    difference = position[..., :, None] - position[..., None, :]
    if level != "ratio":
        return np.asarray(difference**2)
    return np.nan_to_num(_ratio(difference, position[..., :, None] + position[..., None, :]) ** 2)


def _shares(sums: Sums) -> Array:
    return _ratio(sums.shares, sums.rated[..., None])


def _corrected(agreed: Array, expected: Array) -> Array:
    return _ratio(agreed - expected, 1 - expected)


def _ratio(numerator: Array, denominator: Array) -> Array:
    """nan where nothing is divided by."""
    empty = np.isclose(denominator, 0, atol=1e-12)
    return np.where(empty, np.nan, numerator / np.where(empty, 1, denominator))


def coefficients(raters: int, weights: Weights) -> dict[str, Callable[[Sums, Array], Array]]:
    """What there is to report of so many raters, by name."""
    return {
        "percent agreement": observed,
        "Cohen kappa" if raters <= 2 else "Conger kappa": cohen,
        "Fleiss kappa": fleiss,
        "Gwet AC1" if weights == "unweighted" else "Gwet AC2": gwet,
        "Brennan-Prediger": brennan_prediger,
    }
