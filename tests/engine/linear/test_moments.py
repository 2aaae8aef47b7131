"""Rows that stand in for others with the same sums of products."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_trial.engine.linear.lmm import fit_lmm
from core_trial.engine.linear.moments import Shifted, ShiftedTerm, fit_stand_ins, stand_ins
from core_trial.engine.linear.random import RandomTerm
from core_trial.errors import DesignError


def sums(v, group, n_groups):
    return np.stack([v[group == g].T @ v[group == g] for g in range(n_groups)])


@given(st.integers(1, 40), st.integers(1, 5), st.sampled_from([1e-9, 1.0, 1e9]), st.integers(0, 99))
def test_stand_ins_have_the_sums_of_products_of_the_rows(n, m, unit, seed):
    v = np.column_stack([np.ones(n), unit * np.random.default_rng(seed).normal(size=(n, m))])
    few = stand_ins(sums(v, np.zeros(n), 1))
    assert few.shape == (1, m + 1, m + 1)
    products = v.T @ v
    size = np.sqrt(np.diagonal(products))
    np.testing.assert_allclose(few[0].T @ few[0] / np.outer(size, size), products / np.outer(size, size), atol=1e-12)
    np.testing.assert_array_equal(few[0, 1:, 0], 0)


def slopes(rng, n=600, n_groups=12):
    group = np.append(np.arange(n_groups), rng.integers(0, n_groups, n - n_groups))
    v = np.column_stack([np.ones(n), rng.normal(size=(n, 3))])
    effect = rng.normal(size=(n_groups, 2))
    v[:, 3] += v[:, 1] + effect[group, 0] + v[:, 2] * effect[group, 1]
    return v, group


@pytest.mark.parametrize("reml", [True, False])
def test_stand_ins_fit_as_the_rows_do_whatever_the_shift(reml):
    shift = np.array([0, 2.0, -1, 5])
    v, group = slopes(np.random.default_rng(3))
    rows = fit_lmm(v[:, 3], v[:, :3], [RandomTerm(v[:, [0, 2]], group, 12, "team")], reml=reml)
    few = stand_ins(sums(v - shift, group, 12))
    flat, level = few.reshape(-1, 4), np.repeat(np.arange(12), 4)
    count = np.zeros(len(flat))
    count[::4] = np.bincount(group)
    term = ShiftedTerm(RandomTerm(flat[:, [0, 2]], level, 12, "team"), shift[[0, 2]])
    fit = fit_stand_ins(Shifted(flat[:, 3:], shift[3:]), Shifted(flat[:, :3], shift[:3]), [term], count, reml=reml)
    np.testing.assert_allclose(fit.estimate, rows.estimate, rtol=1e-10)
    np.testing.assert_allclose(fit.covariance, rows.covariance, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(fit.covariances[0], rows.covariances[0], rtol=1e-10)
    np.testing.assert_allclose(fit.modes[0], rows.modes[0], rtol=1e-9, atol=1e-12)
    assert fit.log_likelihood == pytest.approx(rows.log_likelihood, rel=1e-12)
    assert fit.deviance.products.n_rows == len(v)


def test_as_many_coefficients_as_rows_are_refused():
    v = np.column_stack([np.ones(4), [0.0, 0, 1, 1], [1.0, 2, 3, 5]])
    few = stand_ins(sums(v[:, [0, 1, 2]], np.arange(4), 4)).reshape(-1, 3)
    level = np.repeat(np.arange(4), 3)
    x = np.column_stack([few[:, :2], few[:, 0] * (level == 1), few[:, 0] * (level == 2)])
    count = (np.arange(12) % 3 == 0).astype(float)
    term = ShiftedTerm(RandomTerm(few[:, :1], level, 4, "team"), np.zeros(1))
    with pytest.raises(DesignError, match="fit the outcome exactly"):
        fit_stand_ins(Shifted(few[:, 2:], np.zeros(1)), Shifted(x, np.zeros(4)), [term], count)
