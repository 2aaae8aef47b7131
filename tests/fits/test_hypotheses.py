"""Hypotheses read from names, equations and matrices."""

from __future__ import annotations

import numpy as np
import pytest

from core_trial.errors import PlanError
from core_trial.fits.hypotheses import read_hypothesis

TERMS = ["(Intercept)", "arm[T.b]", "x", "arm[T.b]:x", "I(t == 6)", "max"]


@pytest.mark.parametrize(
    ("text", "rows", "values"),
    [
        ("x", [[0, 0, 1, 0, 0, 0]], [0]),
        ("x = 1.5", [[0, 0, 1, 0, 0, 0]], [1.5]),
        ("arm[T.b] = arm[T.b]:x", [[0, 1, 0, -1, 0, 0]], [0]),
        ("(Intercept) + 2 * x / 4 - max = -1", [[1, 0, 0.5, 0, 0, -1]], [-1]),
        ("I(t == 6), `arm[T.b]:x` = 3", [[0, 0, 0, 0, 1, 0], [0, 0, 0, 1, 0, 0]], [0, 3]),
        (["x", "max = 2"], [[0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1]], [0, 2]),
        (np.eye(6)[2], [[0, 0, 1, 0, 0, 0]], [0]),
        ([[0, 0, 1, 0, 0, 0], [0, 1, 0, 0, 0, -1]], [[0, 0, 1, 0, 0, 0], [0, 1, 0, 0, 0, -1]], [0, 0]),
    ],
)
def test_each_spelling_is_read(text, rows, values):
    hypothesis = read_hypothesis(text, TERMS)
    np.testing.assert_array_equal(hypothesis.rows, rows)
    np.testing.assert_array_equal(hypothesis.values, values)


def test_redundant_rows_are_left_out():
    hypothesis = read_hypothesis(["x = 1", "max = 2", "x + max = 3"], TERMS)
    assert hypothesis.rows.shape == (2, 6)
    solution = np.linalg.lstsq(hypothesis.rows, hypothesis.values)[0]
    np.testing.assert_allclose(solution, [0, 0, 1, 0, 0, 2], atol=1e-12)


@pytest.mark.parametrize(
    ("hypothesis", "message"),
    [
        ("y", "not linear in the coefficients .*arm"),
        ("x * max", "not linear"),
        ("x +", "not linear"),
        ("", "not linear|about no coefficient"),
        ("x - x", "about no coefficient"),
        (["x = 1", "2 * x = 3"], "contradicts itself"),
        (np.zeros((1, 6)), "about no coefficient"),
        (np.ones((1, 3)), "6 numbers a row"),
        (np.full((1, 6), np.nan), "6 numbers a row"),
    ],
)
def test_what_is_no_hypothesis_is_refused(hypothesis, message):
    with pytest.raises(PlanError, match=message):
        read_hypothesis(hypothesis, TERMS)
