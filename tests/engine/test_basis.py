"""Orthogonal columns, whatever the offsets and units of the design."""

from __future__ import annotations

import numpy as np
import pytest

from core_trial.engine.basis import orthogonal_basis

RNG = np.random.default_rng(7)
N = 60


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e9])
@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_columns_are_orthogonal_and_of_unit_size(offset, unit):
    design = np.column_stack([np.ones(N), unit * (offset + RNG.normal(size=N)), RNG.normal(size=N)])
    basis = orthogonal_basis(design)
    np.testing.assert_allclose(basis.columns.T @ basis.columns, N * np.eye(3), atol=1e-9 * N)
    np.testing.assert_array_equal(basis.kept, [0, 1, 2])


def test_transform_leads_from_the_design_to_the_columns():
    design = np.column_stack([np.full(N, 2.0), 5 + RNG.normal(size=(N, 3))])
    basis = orthogonal_basis(design)
    assert basis.intercept == 2
    np.testing.assert_allclose(design[:, basis.kept] @ basis.transform, basis.columns, atol=1e-12)


@pytest.mark.parametrize("intercept", [True, False])
def test_later_columns_that_depend_on_earlier_ones_are_left_out(intercept):
    a, b = RNG.normal(size=(2, N))
    first = np.ones(N) if intercept else RNG.normal(size=N)
    design = np.column_stack([first, a, 3 * a - 2 * first, b, a + b, first, np.zeros(N)])
    np.testing.assert_array_equal(orthogonal_basis(design).kept, [0, 1, 3])


def test_nearly_dependent_columns_are_kept():
    a, b = RNG.normal(size=(2, N))
    basis = orthogonal_basis(np.column_stack([np.ones(N), a, a + 1e-5 * b]))
    np.testing.assert_array_equal(basis.kept, [0, 1, 2])
    np.testing.assert_allclose(basis.columns.T @ basis.columns, N * np.eye(3), atol=1e-8 * N)


def test_more_columns_than_rows():
    assert len(orthogonal_basis(RNG.normal(size=(4, 9))).kept) == 4
