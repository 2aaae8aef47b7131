"""Clusters less parameters, and Satterthwaite's degrees of several contrasts."""

from __future__ import annotations

import numpy as np
import pytest

from core_trial.engine.inference import cluster_degrees, satterthwaite, satterthwaite_joint
from core_trial.engine.linear.lmm import fit_lmm
from core_trial.errors import DesignError

TEAM = np.repeat(np.arange(12), 6)
PERSON = np.repeat(np.arange(36), 2)
ONE = np.ones(72)


def test_columns_that_are_constant_in_clusters_are_counted():
    rng = np.random.default_rng(0)
    x = np.column_stack([ONE, TEAM % 2, rng.normal(size=12)[TEAM], rng.normal(size=72)])
    assert cluster_degrees(x, [TEAM]) == (0, 12 - 3)


@pytest.mark.parametrize("order", [0, 1])
def test_the_clusters_are_the_coarsest_with_a_covariate(order):
    levels = [TEAM, PERSON] if order == 0 else [PERSON, TEAM]
    by_team = np.column_stack([ONE, TEAM % 2])
    by_person = np.column_stack([ONE, PERSON % 2])
    assert cluster_degrees(by_team, levels) == (order, 12 - 2)
    assert cluster_degrees(by_person, levels) == (1 - order, 36 - 2)
    assert cluster_degrees(ONE[:, None], levels) == (order, 12 - 1)


def test_as_many_parameters_as_clusters_are_refused():
    with pytest.raises(DesignError, match="no degrees of freedom"):
        cluster_degrees(np.column_stack([ONE, TEAM % 2]), [TEAM % 2])


def test_joint_degrees_of_one_row_are_its_own(draw_problem, kind):
    result = fit_lmm(*(lambda p: (p.y, p.x, p.terms))(draw_problem(kind, 4)))
    row = np.array([0.0, 1.0, -0.3]) @ result.units
    joint = satterthwaite_joint(result.parts, row)
    assert joint == (pytest.approx(satterthwaite(result.parts, row)), 1.0)


def test_joint_degrees_lie_between_those_of_the_parts(draw_problem, kind):
    result = fit_lmm(*(lambda p: (p.y, p.x, p.terms))(draw_problem(kind, 2)))
    rows = np.eye(3)[1:] @ result.units
    _, axes = np.linalg.eigh(rows @ result.parts.covariance @ rows.T)
    parts = [satterthwaite(result.parts, row) for row in axes.T @ rows]
    assert min(parts) <= satterthwaite_joint(result.parts, rows).df <= max(parts)
