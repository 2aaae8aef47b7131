"""Permutation inference of few teams against brute force, scipy, and grids of tests."""

from __future__ import annotations

from itertools import combinations, permutations, product

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import stats

from core_trial.mixed_methods.linking.allocations import Contrast, Resampling, invert, p_value, settled
from core_trial.mixed_methods.linking.maximum import adjust_differences, adjust_scores, step_down
from core_trial.mixed_methods.linking.ranks import Pairs, ScoreDistribution, exact_kendall, kendall, spearman

few = st.lists(st.integers(0, 3), min_size=5, max_size=7)
outcomes = st.lists(st.integers(-10, 40), min_size=7, max_size=7)


def pairs(x: list[int], y: list[int]) -> Pairs:
    both = Pairs.of(np.array(x, float), np.array(y[: len(x)], float))
    assume(both.vary)
    return both


def brute_force(both: Pairs, statistic) -> float:
    values = np.array([statistic(np.array(order), both.y) for order in permutations(both.x)])
    return float(np.mean(np.abs(values) >= abs(statistic(both.x, both.y)) - 1e-9))


def score(x: np.ndarray, y: np.ndarray) -> float:
    return float(sum(np.sign(x[i] - x[j]) * np.sign(y[i] - y[j]) for i, j in combinations(range(len(x)), 2)))


@settings(deadline=None, max_examples=10)
@given(few, outcomes)
def test_exact_p_values_are_those_of_all_orders(x: list[int], y: list[int]) -> None:
    both = pairs(x[:6], y)
    arranged = Resampling().arrange(both.x)
    assert arranged.exact
    assert kendall(both, arranged).p_value == pytest.approx(brute_force(both, score))
    ranked = brute_force(both, lambda x, y: np.corrcoef(stats.rankdata(x), stats.rankdata(y))[0, 1])
    assert spearman(both, arranged).p_value == pytest.approx(ranked)


@settings(deadline=None)
@given(few, outcomes)
def test_estimates_are_those_of_scipy(x: list[int], y: list[int]) -> None:
    both = pairs(x, y)
    estimates = both.estimates
    assert estimates["kendall_tau_b"] == pytest.approx(stats.kendalltau(both.x, both.y).statistic)
    assert estimates["somers_d"] == pytest.approx(stats.somersd(both.x, both.y).statistic)
    assert estimates["spearman"] == pytest.approx(stats.spearmanr(both.x, both.y).statistic)
    with np.errstate(invalid="ignore"):  # scipy's interval, not its slope, fails where nearly all values are tied
        assert estimates["theil_sen"] == pytest.approx(stats.theilslopes(both.y, both.x).slope)


@settings(deadline=None)
@given(few, st.permutations(range(7)))
def test_the_distribution_of_kendalls_score_is_that_of_all_arrangements(x: list[int], y: list[int]) -> None:
    both = pairs(x, y)
    enumerated, exact = kendall(both, Resampling().arrange(both.x)), exact_kendall(both)
    assert exact is not None
    assert exact == pytest.approx(enumerated)


@given(st.permutations(range(9)))
def test_without_ties_it_is_the_exact_test_of_scipy(y: list[int]) -> None:
    both = Pairs.of(np.arange(9.0), np.array(y, float))
    exact = exact_kendall(both)
    assert exact is not None
    assert exact.p_value == pytest.approx(stats.kendalltau(both.x, both.y, method="exact").pvalue)
    assert exact.arrangements == 362_880


def test_kendalls_distribution_counts_every_arrangement_of_fifteen_teams() -> None:
    assert sum(ScoreDistribution([1] * 15).counts) == 1_307_674_368_000
    assert ScoreDistribution([2, 1]).counts == [1, 1, 1]
    assert ScoreDistribution([4, 4]).p_value(16) == pytest.approx(2 / 70)


def test_both_columns_tied_have_no_closed_distribution() -> None:
    assert exact_kendall(Pairs.of(np.array([1.0, 1, 2]), np.array([1.0, 2, 2]))) is None


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 4), min_size=6, max_size=10), st.integers(0, 2**32 - 1))
def test_the_slope_interval_holds_what_kendalls_test_does_not_reject(x: list[int], seed: int) -> None:
    both = Pairs.of(np.array(x, float), np.random.default_rng(seed).normal(size=len(x)))
    assume(both.vary)
    low, high = both.slope_interval(0.9)
    middles = (both.slopes[1:] + both.slopes[:-1]) / 2
    candidates = [both.slopes[0] - 1, *middles, both.slopes[-1] + 1]
    null = ScoreDistribution([int(count) for count in np.unique(both.x, return_counts=True)[1]])
    kept = [b for b in candidates if null.p_value(Pairs(both.x, both.y - b * both.x).score) > 0.1 + 1e-9]
    assert all(low < b < high for b in kept)
    assert all(b < low or b > high for b in candidates if b not in kept)


def test_the_slope_interval_without_ties_is_that_of_scipy() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(2, 15))
    expected = stats.theilslopes(y, x, alpha=0.95)
    assert Pairs.of(x, y).slope_interval(0.95) == pytest.approx((expected.low_slope, expected.high_slope))


def test_so_few_teams_that_nothing_is_rejected_have_no_bounds() -> None:
    assert Pairs.of(np.array([1.0, 2, 3]), np.array([1.0, 3, 2])).slope_interval(0.95) == (-np.inf, np.inf)


def test_arrangements_are_all_different_and_keep_to_their_strata() -> None:
    offer, strata = np.array([1.0, 0, 0, 1, 1, 0, 0]), np.array([0, 0, 0, 1, 1, 1, 1])
    arranged = Resampling().arrange(offer, strata)
    rows = {tuple(row) for row in arranged.rows}
    expected = {a + b for a, b in product(set(permutations([1.0, 0, 0])), set(permutations([1.0, 1, 0, 0])))}
    assert arranged.exact
    assert rows == expected
    assert len(arranged.rows) == 18
    drawn = Resampling(enumerated=17, draws=500).arrange(offer, strata)
    assert not drawn.exact
    assert len(drawn.rows) == 501
    assert drawn.rows[0].tolist() == offer.tolist()
    assert {tuple(row) for row in drawn.rows} == expected


def test_drawn_arrangements_agree_with_all_of_them_within_their_error() -> None:
    x, y = np.array([0.0, 0, 1, 2, 3, 3, 1]), np.array([4.0, -2, 13, 11, 37, 9, 9])
    both = Pairs.of(x, y)
    exact = kendall(both, Resampling().arrange(x))
    drawn = kendall(both, Resampling(enumerated=0, draws=9_999).arrange(x))
    assert not drawn.exact
    assert 0 < drawn.p_error < 0.01
    assert abs(drawn.p_value - exact.p_value) < 4 * drawn.p_error
    assert (exact.exact, exact.p_error) == (True, 0)


def test_a_drawn_p_value_is_never_zero() -> None:
    x = np.arange(12.0)
    both = Pairs(x, np.repeat(np.arange(6.0), 2))
    assert kendall(both, Resampling(enumerated=0, draws=99).arrange(x)).p_value == pytest.approx(0.01)


def difference(rows: np.ndarray, y: np.ndarray) -> np.ndarray:
    return rows @ y / rows.sum(axis=1) - (1 - rows) @ y / (1 - rows).sum(axis=1)


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 5), st.integers(6, 9), st.integers(0, 2**32 - 1), st.sampled_from([0.8, 0.95]))
def test_the_interval_of_a_difference_is_what_a_grid_of_tests_does_not_reject(
    k: int, n: int, seed: int, level: float
) -> None:
    x, y = (np.arange(n) < k).astype(float), np.random.default_rng(seed).normal(size=n).round(1)
    rows = Resampling().arrange(x).rows
    estimate = difference(x[None], y)[0]
    low, high = invert((estimate, 1.0), difference(rows, y), difference(rows, x), level)

    def rejected(shift: float) -> bool:
        moved = y - shift * x
        return p_value(difference(rows, moved), difference(x[None], moved)[0]) <= 1 - level + 1e-9

    grid = np.linspace(-8, 8, 401) + 0.0123
    kept = [shift for shift in grid if not rejected(shift)]
    assert low <= min(kept)
    assert max(kept) <= high
    assert all(rejected(shift) for shift in grid if not low <= shift <= high)
    assert low <= estimate <= high


@settings(deadline=None, max_examples=60)
@example(2**32 - 2, 1.0)  # an arrangement whose dose is nearly the one observed: it stays near it far beyond the end
@given(st.integers(0, 2**32 - 1), st.floats(0, 3))
def test_the_interval_of_a_dose_effect_is_what_a_grid_of_tests_does_not_reject(seed: int, strength: float) -> None:
    rng = np.random.default_rng(seed)
    offer, strata = np.tile([1.0, 1, 0], 4), np.repeat(np.arange(4), 3)
    dose = strength * offer + rng.normal(size=12)
    outcome = 2 * dose + rng.normal(size=12)
    contrast = Contrast(np.column_stack([np.ones(12), rng.normal(size=12)]))
    rows = Resampling().arrange(offer, strata).rows
    y, d = contrast.of(rows, outcome), contrast.of(rows, dose)
    observed = contrast.of(offer[None], outcome)[0], contrast.of(offer[None], dose)[0]
    low, high = invert(observed, y, d, 0.9)

    def rejected(effect: float, ties: float = 1e-9) -> bool:
        size, reached = np.abs(y - effect * d), abs(observed[0] - effect * observed[1])
        return np.mean(size >= reached * (1 - ties)) <= 0.1

    grid = np.linspace(-30, 30, 601) + 0.0123
    assert all(rejected(effect) for effect in grid if not low <= effect <= high)
    first_stage = p_value(d, observed[1])
    assert np.isinf(high) == np.isinf(low) == (first_stage > 0.1)
    for end in (low, high):
        if np.isfinite(end):
            assert not rejected(end - 1e-6 * (end - observed[0] / observed[1]))
            assert rejected(end + 1e-4 * (end - observed[0] / observed[1]), ties=1e-12)


def test_the_ratio_of_contrasts_is_the_coefficient_of_a_regression() -> None:
    rng = np.random.default_rng(1)
    held, row, y = rng.normal(size=(10, 3)), (np.arange(10) < 4).astype(float), rng.normal(size=10)
    expected = np.linalg.lstsq(np.column_stack([held, row]), y, rcond=None)[0][-1]
    for columns in (held, np.column_stack([held, held[:, 0]])):
        contrast = Contrast(columns)
        assert contrast.of(row[None], y)[0] / contrast.of(row[None], row)[0] == pytest.approx(expected)


def test_values_that_differ_by_rounding_are_tied() -> None:
    values = np.array([0.1 + 0.2, 0.3, np.nan, 2 / 3, 1 - 1 / 3, 5.0])
    result = settled(values)
    assert result[0] == result[1]
    assert result[3] == result[4]
    assert len(np.unique(result[~np.isnan(result)])) == 3
    np.testing.assert_allclose(result, values)


def test_the_permutation_maximum_against_brute_force() -> None:
    rng = np.random.default_rng(8)
    measures, outcome = rng.integers(0, 4, (6, 3)).astype(float), rng.normal(size=6)
    measures[0, 2] = np.nan
    scores = np.array(
        [
            [score(measures[~np.isnan(m), j], y[~np.isnan(m)]) for j, m in enumerate(measures.T)]
            for y in map(np.array, permutations(outcome))
        ]
    )
    observed = np.array([score(m[~np.isnan(m)], outcome[~np.isnan(m)]) for m in measures.T])
    size, seen = (np.abs(each) / np.sqrt(np.mean(scores**2, axis=0)) for each in (scores, observed))
    order = np.argsort(-seen)
    steps = [np.mean(size[:, order[k:]].max(axis=1) >= seen[order[k]] - 1e-9) for k in range(3)]
    expected = np.empty(3)
    expected[order] = np.maximum.accumulate(steps)
    np.testing.assert_allclose(adjust_scores(measures, outcome, Resampling()), expected)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_adjusted_p_values_are_not_below_those_of_each_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    delivered, outcome = (rng.random((7, 4)) < 0.5).astype(float), rng.normal(size=7)
    assume(((delivered.sum(axis=0) > 0) & (delivered.sum(axis=0) < 7)).all())
    adjusted = adjust_differences(delivered, outcome, Resampling())
    for column, p in zip(delivered.T, adjusted, strict=True):
        rows = Resampling().arrange(column).rows
        assert p >= p_value(difference(rows, outcome), difference(column[None], outcome)[0]) - 1e-9
    np.testing.assert_allclose(
        adjust_differences(delivered[:, :1], outcome, Resampling())[0],
        p_value(
            difference(Resampling().arrange(delivered[:, 0]).rows, outcome), difference(delivered[:, :1].T, outcome)[0]
        ),
    )


def test_the_same_component_twice_costs_nothing() -> None:
    statistics = np.random.default_rng(0).normal(size=(999, 1))
    once = step_down(statistics, np.array([1.5]))
    np.testing.assert_array_equal(step_down(np.repeat(statistics, 3, axis=1), np.full(3, 1.5)), np.repeat(once, 3))
