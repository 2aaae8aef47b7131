"""Repeated measures by pattern and by cluster against the textbook's n by n matrices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_trial.engine.inference import kenward_roger, kenward_roger_covariance, satterthwaite
from core_trial.engine.repeated.deviance import Deviance
from core_trial.engine.repeated.mmrm import fit_mmrm
from core_trial.engine.repeated.patterns import collect_patterns
from core_trial.engine.repeated.structures import KINDS, start_groups
from core_trial.engine.repeated.visits import Visits
from core_trial.errors import DesignError, FitError

TIMES = np.array([0.0, 3.0, 6.0, 12.0])


class Cohort:
    """Subjects in clusters over four visits, some missing, in rows of any order."""

    def __init__(self, seed=1, subjects=24, clusters=None, groups=1, seen=0.75):
        rng = np.random.default_rng(seed)
        m = len(TIMES)
        group = np.arange(subjects) % groups
        cluster = None if clusters is None else np.sort(np.arange(subjects) % clusters)
        observed = rng.random((subjects, m)) < seen
        observed[np.arange(subjects), rng.integers(0, m, subjects)] = True
        observed[:groups] = True
        order = rng.permutation(int(observed.sum()))
        subject, visit = (a[order] for a in np.nonzero(observed))
        self.x = np.column_stack([np.ones(len(visit)), visit, subject % 2, rng.normal(size=len(visit))])
        effects = rng.normal(size=(subjects, 1)) + rng.normal(size=(subjects, m)).cumsum(axis=1)
        if cluster is not None:
            effects = effects + rng.normal(size=clusters)[cluster, None]
        self.y = self.x @ [20, 1, 0.5, 1] + effects[subject, visit]
        names = [str(level) for level in range(groups * m)]
        self.visits = Visits(subject, visit, TIMES, group, cluster, names)

    def deviance(self, name, reml=True):
        """The deviance of the columns as they are, and parameters near a start."""
        visits, groups = self.visits, self.visits.group.max() + 1
        patterns = collect_patterns(visits.subject, visits.level, np.column_stack([self.x, self.y]), visits.cluster)
        structure, theta = start_groups(name, TIMES, [4 * np.eye(4) + np.ones((4, 4))] * groups)
        theta = theta if visits.cluster is None else np.append(theta, 0.7)
        theta = theta + 0.05 * np.random.default_rng(3).normal(size=len(theta))
        return Deviance(patterns, structure, len(self.y), reml), theta

    def dense(self, dense, structure, theta):
        """The textbook's model, with V, its slopes V_r and its second derivatives by differences of these."""
        visits = self.visits
        same = visits.subject[:, None] == visits.subject
        levels = np.ix_(visits.level, visits.level)
        together = None if visits.cluster is None else np.equal.outer(*[visits.cluster[visits.subject]] * 2)

        def spread(matrix):
            return same * matrix[levels]

        def slopes(theta):
            if together is None:
                return np.array([spread(d) for d in structure.slopes(theta)])
            return np.array([*map(spread, structure.slopes(theta[:-1])), 2 * theta[-1] * together])

        model = dense(self.y, self.x, [], [], 0.0)
        model.v = spread(structure.covariance(theta if together is None else theta[:-1]))
        model.v = model.v if together is None else model.v + theta[-1] ** 2 * together
        model.derivatives = list(slopes(theta))
        steps = 1e-6 * np.eye(len(theta))
        model.bent = np.array([(slopes(theta + h) - slopes(theta - h)) / 2e-6 for h in steps])
        return model


def observed_information(model, reml=True):
    """Half the second derivative of the deviance, V_rs and all."""
    p = model.projection
    used = p if reml else model.inverse
    traces = np.array([[np.trace(used @ a @ used @ b) for b in model.derivatives] for a in model.derivatives])
    py = p @ model.y
    quadratic = np.array([[py @ a @ p @ b @ py for b in model.derivatives] for a in model.derivatives])
    curved = np.array([[np.sum(used * b) - py @ b @ py for b in row] for row in model.bent])
    return quadratic + 0.5 * (curved - traces)


DESIGNS = {"subjects": {}, "clusters": {"clusters": 5}, "groups": {"groups": 2}, "both": {"clusters": 5, "groups": 2}}
every_design = pytest.mark.parametrize("design", DESIGNS)
every_structure = pytest.mark.parametrize("name", KINDS)


@every_structure
@every_design
@pytest.mark.parametrize("reml", [True, False])
def test_likelihood_and_its_derivatives(dense, name, design, reml):
    cohort = Cohort(**DESIGNS[design])
    deviance, theta = cohort.deviance(name, reml)
    at, model = deviance(theta), cohort.dense(dense, deviance.structure, theta)
    assert at.value == pytest.approx(-2 * model.log_likelihood(reml), rel=1e-12)
    np.testing.assert_allclose(at.fit.beta, model.beta, rtol=1e-9)
    projection = model.projection if reml else model.inverse
    py = model.projection @ model.y
    gradient = [np.sum(projection * d) - py @ d @ py for d in model.derivatives]
    np.testing.assert_allclose(at.gradient, gradient, atol=1e-9 * np.abs(gradient).max())
    hessian = 2 * observed_information(model, reml)
    np.testing.assert_allclose(at.hessian, hessian, atol=1e-7 * np.abs(hessian).max())


@every_structure
@every_design
def test_small_sample_inference(dense, name, design):
    """Kenward-Roger and Satterthwaite at the estimates, with n by n matrices."""
    cohort = Cohort(seed=4, subjects=40, **DESIGNS[design])
    result = fit_mmrm(cohort.y, cohort.x, cohort.visits, name)
    structure, scale = result.at.deviance.structure, result.response.scale
    model = cohort.dense(dense, structure, result.minimum.theta)
    model.v = scale**2 * model.v
    model.derivatives = [scale**2 * d for d in model.derivatives]
    model.bent = scale**2 * model.bent
    np.testing.assert_allclose(result.estimate, model.beta, rtol=1e-8)
    np.testing.assert_allclose(result.covariance, model.covariance, rtol=1e-7, atol=1e-12)
    assert result.log_likelihood == pytest.approx(model.log_likelihood(reml=True), rel=1e-11)
    information = {"expected": model.expected_information, "observed": observed_information(model)}
    for kind, dense_information in information.items():
        ours = result.units @ kenward_roger_covariance(result.parts, kind) @ result.units.T
        np.testing.assert_allclose(ours, model.kenward_roger_covariance(dense_information), rtol=1e-5, atol=1e-9)
        contrast = np.array([[0, 1.0, 0, 0], [0, 0, 1, -1]])
        reference = kenward_roger(result.parts, contrast @ result.units, kind)
        np.testing.assert_allclose(reference, model.kenward_roger_f(contrast, dense_information), rtol=1e-5)
        one = satterthwaite(result.parts, result.units.T @ contrast[1], kind)
        assert one == pytest.approx(model.kenward_roger_f(contrast[1:], dense_information)[0], rel=1e-5)


@every_structure
@every_design
def test_the_estimates_are_a_minimum(name, design):
    cohort = Cohort(seed=5, subjects=60, **DESIGNS[design])
    result = fit_mmrm(cohort.y, cohort.x, cohort.visits, name)
    assert np.linalg.eigvalsh(result.at.hessian)[0] > 0
    assert np.abs(np.linalg.solve(result.at.hessian, result.at.gradient)).max() < 1e-6


@given(
    seed=st.integers(0, 10_000),
    subjects=st.integers(8, 60),
    seen=st.floats(0.3, 1.0),
    clusters=st.sampled_from([None, 2, 4]),
    groups=st.integers(1, 2),
    name=st.sampled_from(list(KINDS)),
)
@settings(max_examples=40, deadline=None)
def test_any_pattern_of_missing_visits(dense, seed, subjects, seen, clusters, groups, name):
    cohort = Cohort(seed, subjects, clusters, groups, seen)
    deviance, theta = cohort.deviance(name)
    at, model = deviance(theta), cohort.dense(dense, deviance.structure, theta)
    assert at.value == pytest.approx(-2 * model.log_likelihood(reml=True), rel=1e-10)
    hessian = 2 * observed_information(model)
    np.testing.assert_allclose(at.hessian, hessian, atol=1e-6 * np.abs(hessian).max())


def test_patterns_are_those_that_occur():
    subject, level = np.array([2, 0, 0, 1, 2, 3]), np.array([0, 1, 0, 1, 1, 1])
    w = np.arange(12.0).reshape(6, 2)
    patterns = collect_patterns(subject, level, w)
    np.testing.assert_array_equal(np.where(patterns.observed, patterns.visits, -1), [[0, 1], [1, -1]])
    np.testing.assert_array_equal(patterns.subjects, [2, 2])
    both, last = patterns.stacks.blocks
    np.testing.assert_array_equal(both, [[w[2], w[0]], [w[1], w[4]]])
    np.testing.assert_array_equal(last, [[w[3], w[5]]])


@pytest.mark.parametrize("clusters", [None, 5])
def test_the_cost_of_a_step_is_that_of_the_patterns(clusters):
    """A thousand copies of the subjects give the engine rows that do not grow with them, and the same sums."""
    cohort = Cohort(seed=6, clusters=clusters)
    visits, w = cohort.visits, np.column_stack([cohort.x, cohort.y])
    once = collect_patterns(visits.subject, visits.level, w, visits.cluster)
    copies = np.concatenate([visits.subject + i * (visits.subject.max() + 1) for i in range(1000)])
    cluster = None if clusters is None else np.tile(visits.cluster, 1000)
    many = collect_patterns(copies, np.tile(visits.level, 1000), np.tile(w, (1000, 1)), cluster)
    columns, of_clusters = w.shape[1], 0 if clusters is None else clusters
    assert all(n <= m * columns + of_clusters for m, n, _ in (block.shape for block in many.stacks.blocks))
    weights = np.random.default_rng(1).normal(size=(columns, columns))
    weights = weights + weights.T
    np.testing.assert_allclose(many.stacks.weigh(weights), 1000 * once.stacks.weigh(weights), rtol=1e-10)


def test_a_visit_without_variation():
    cohort = Cohort(seed=7)
    last = cohort.visits.visit == 3
    x = np.column_stack([cohort.x, last])
    y = np.where(last, x[:, :4] @ [1, 1, 1, 1], cohort.y)
    x = np.where(last[:, None], [1.0, 3, 0, 0, 1], x)
    y[last] = 5.0
    with pytest.raises(DesignError, match="does not vary about the fixed effects at visit 3"):
        fit_mmrm(y, x, cohort.visits, "ar1h")
    assert np.isfinite(fit_mmrm(y, x, cohort.visits, "ar1").log_likelihood)


def test_clusters_that_cannot_be_told_apart():
    cohort = Cohort(seed=9, clusters=24)
    with pytest.raises(DesignError, match="clusters of a single subject"):
        fit_mmrm(cohort.y, cohort.x, cohort.visits, "us")
    cohort = Cohort(seed=9, subjects=40, clusters=4)
    x = np.column_stack([cohort.x, np.eye(4)[cohort.visits.cluster[cohort.visits.subject]]])
    with pytest.raises(DesignError, match="fixed effects that differ between all clusters"):
        fit_mmrm(cohort.y, x, cohort.visits, "ar1")


def test_visits_that_nobody_shares():
    """Half of the subjects have the first two visits, half the last two; the likelihood is that of two models."""
    cohort = Cohort(seed=10, subjects=60, seen=1.0)
    visits, y, x = cohort.visits, cohort.y, cohort.x
    kept = (visits.subject % 2 == 0) == (visits.visit < 2)
    half = Visits(visits.subject[kept], visits.visit[kept], TIMES, visits.group, None, visits.names)
    covariance = fit_mmrm(y[kept], x[kept], half, "us").residual_covariances[0]
    np.testing.assert_array_equal(np.isnan(covariance), np.kron([[0, 1], [1, 0]], np.ones((2, 2))))


def test_an_unbounded_likelihood_does_not_converge():
    """As many coefficients as subjects, so that residuals over the visits are exactly dependent."""
    rng = np.random.default_rng(8)
    subject, visit = np.repeat(np.arange(4), 3), np.tile(np.arange(3), 4)
    x = np.eye(3)[visit] * 1.0
    x = np.column_stack([x, x * (subject % 2)[:, None]])
    visits = Visits(subject, visit, TIMES[:3], np.zeros(4, int), None, list("abc"))
    with pytest.raises(FitError, match="choose a simpler covariance"):
        fit_mmrm(rng.normal(size=12), x, visits, "us")
