"""Separation is found exactly where the likelihood has no maximum, and its columns are named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_trial.engine.robust.separation import find_separation, is_suspect

ARM = np.repeat([0.0, 1.0], 4)
AGE = np.array([31, 45, 52, 38, 40, 47, 36, 50.0])


def design(*columns):
    return np.column_stack([np.ones(len(columns[0])), *columns])


def binary(y):
    return np.asarray(y) == 0, np.asarray(y) == 1


def test_an_arm_without_events_is_quasi_complete():
    found = find_separation(design(AGE, ARM), *binary([1, 0, 1, 0, 0, 0, 0, 0]))
    assert found is not None
    assert not found.complete
    assert found.columns.tolist() == [2]
    assert found.rows.tolist() == [4, 5, 6, 7]


def test_an_arm_that_is_the_outcome_is_complete():
    found = find_separation(design(AGE, ARM), *binary(ARM))
    assert found is not None
    assert found.complete
    assert found.columns.tolist() == [2]


def test_a_cut_of_a_number_is_complete():
    found = find_separation(design(ARM, AGE), *binary(AGE > 43))
    assert found is not None
    assert found.complete
    assert found.columns.tolist() == [2]


def test_overlap_is_no_separation():
    assert find_separation(design(AGE, ARM), *binary([1, 0, 1, 0, 0, 1, 1, 0])) is None


def test_a_cell_of_an_interaction_without_events():
    late = np.tile([0.0, 1.0], 4)
    found = find_separation(design(ARM, late, ARM * late), *binary([0, 1, 1, 0, 0, 0, 1, 0]))
    assert found is not None
    assert found.rows.tolist() == [5, 7]


def test_outcomes_that_are_all_lowest_name_the_intercept():
    found = find_separation(design(ARM), *binary(np.zeros(8)))
    assert found is not None
    assert found.columns.tolist() == [0]


def test_counts_need_rows_without_events_only():
    counts = np.array([3, 0, 2, 1, 0, 0, 0, 0])
    none = np.zeros(8, bool)
    found = find_separation(design(ARM), counts == 0, none)
    assert found is not None
    assert found.columns.tolist() == [1]
    assert find_separation(design(ARM), counts == 9, none) is None
    assert find_separation(design(AGE), counts == 0, none) is None


def test_fitted_means_at_their_bounds_are_suspect():
    y, trials = np.array([0.0, 2.0, 5.0]), np.full(3, 5.0)
    assert not is_suspect(y, np.array([0.1, 2.0, 4.9]), trials)
    assert is_suspect(y, np.array([1e-8, 2.0, 4.9]), trials)
    assert is_suspect(y, np.array([0.1, 2.0, 5 - 1e-9]), trials)
    assert not is_suspect(y, np.array([0.1, 2.0, 5 - 1e-9]))


@given(st.integers(0, 2**32 - 1), st.integers(5, 25))
def test_a_direction_separates_and_without_one_the_likelihood_has_a_maximum(seed, n):
    rng = np.random.default_rng(seed)
    x = design(rng.integers(-2, 3, n).astype(float) * 1e3, rng.integers(0, 2, n).astype(float))
    y = np.append([0, 1], rng.integers(0, 2, n - 2))
    found = find_separation(x, *binary(y))
    if found is None:
        assert np.abs(logistic(x / [1, 1e3, 1], y)).max() < 60
        return
    moves = np.where(y == 1, 1, -1) * (x @ found.weights)
    assert moves.min() > -1e-6
    assert moves.max() > 1e-6
    assert found.complete == bool(moves.min() > 1e-6)


def logistic(x, y):
    """Newton's method with a pseudo-inverse: it stops where there is a maximum."""
    beta = np.zeros(x.shape[1])
    for _ in range(60):
        mean = 1 / (1 + np.exp(-np.clip(x @ beta, -50, 50)))
        beta = beta + np.linalg.pinv((x * (mean * (1 - mean))[:, None]).T @ x) @ x.T @ (y - mean)
    return beta


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_units_do_not_matter(scale):
    found = find_separation(design(AGE * scale, ARM), *binary(AGE > 43))
    assert found is not None
    assert found.columns.tolist() == [1]
