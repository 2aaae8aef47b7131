"""The textbook's way to a mixed model: n by n matrices, written down as the formulas stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest

from core_trial.engine.linear.random import RandomTerm

ROWS, CLUSTERS, OTHERS = 60, 8, 6
SHARES = np.full(CLUSTERS, 2.0)


@dataclass
class Dense:
    """y ~ N(X beta, V), V = sum_r phi_r V_r, for given covariances of the random terms and residual variance."""

    y: np.ndarray
    x: np.ndarray
    terms: Sequence[RandomTerm]
    covariances: Sequence[np.ndarray]
    sigma2: float

    @cached_property
    def derivatives(self) -> list[np.ndarray]:
        """V_r for each distinct element of each covariance, row by row of its lower triangle; the residual's last."""
        matrices = []
        for term in self.terms:
            same = term.level[:, None] == term.level
            for j in range(term.z.shape[1]):
                for i in range(j + 1):
                    outer = np.outer(term.z[:, i], term.z[:, j])
                    matrices.append(same * (outer if i == j else outer + outer.T))
        return [*matrices, np.eye(len(self.y))]

    @cached_property
    def phi(self) -> np.ndarray:
        lower = [g[np.tril_indices(len(g))] for g in self.covariances]
        return np.concatenate([*lower, [self.sigma2]])

    @cached_property
    def v(self) -> np.ndarray:
        return sum(p * m for p, m in zip(self.phi, self.derivatives, strict=True))

    @cached_property
    def inverse(self) -> np.ndarray:
        return np.linalg.inv(self.v)

    @cached_property
    def covariance(self) -> np.ndarray:
        return np.linalg.inv(self.x.T @ self.inverse @ self.x)

    @cached_property
    def beta(self) -> np.ndarray:
        return self.covariance @ self.x.T @ self.inverse @ self.y

    @cached_property
    def residual(self) -> np.ndarray:
        return self.y - self.x @ self.beta

    @cached_property
    def projection(self) -> np.ndarray:
        vx = self.inverse @ self.x
        return self.inverse - vx @ self.covariance @ vx.T

    def log_likelihood(self, reml: bool) -> float:
        n, p = self.x.shape
        value = np.linalg.slogdet(self.v)[1] + self.residual @ self.inverse @ self.residual
        if reml:
            value += np.linalg.slogdet(self.x.T @ self.inverse @ self.x)[1]
        return -0.5 * (value + (n - p * reml) * np.log(2 * np.pi))

    def modes(self, which: int) -> np.ndarray:
        """G Z'V^-1 (y - X beta), a row a level."""
        term = self.terms[which]
        weighted = self.inverse @ self.residual
        total = np.zeros((term.n_levels, term.z.shape[1]))
        np.add.at(total, term.level, term.z * weighted[:, None])
        return total @ self.covariances[which]

    @cached_property
    def expected_information(self) -> np.ndarray:
        """tr(P V_r P V_s) / 2."""
        pv = [self.projection @ m for m in self.derivatives]
        return 0.5 * np.array([[np.sum(a * b.T) for b in pv] for a in pv])

    @cached_property
    def observed_information(self) -> np.ndarray:
        """y'P V_r P V_s P y - tr(P V_r P V_s) / 2."""
        py = self.projection @ self.y
        quadratic = [[py @ a @ self.projection @ b @ py for b in self.derivatives] for a in self.derivatives]
        return np.array(quadratic) - self.expected_information

    @cached_property
    def p(self) -> list[np.ndarray]:
        vx = self.inverse @ self.x
        return [-vx.T @ m @ vx for m in self.derivatives]

    def kenward_roger_covariance(self, information: np.ndarray) -> np.ndarray:
        """Kenward and Roger (1997), equation for the adjusted estimator."""
        w, vx, phi = np.linalg.inv(information), self.inverse @ self.x, self.covariance
        total = np.zeros_like(phi)
        for r, a in enumerate(self.derivatives):
            for s, b in enumerate(self.derivatives):
                q = vx.T @ a @ self.inverse @ b @ vx
                total += w[r, s] * (q - self.p[r] @ phi @ self.p[s])
        return phi + 2 * phi @ total @ phi

    def kenward_roger_f(self, contrast: np.ndarray, information: np.ndarray) -> tuple[float, float]:
        """Degrees of freedom and scale, Kenward and Roger (1997), section 3 as printed."""
        w, phi, ell = np.linalg.inv(information), self.covariance, len(contrast)
        theta = contrast.T @ np.linalg.inv(contrast @ phi @ contrast.T) @ contrast
        traced = [theta @ phi @ p @ phi for p in self.p]
        pairs = [(r, s) for r in range(len(w)) for s in range(len(w))]
        a1 = sum(w[r, s] * np.trace(traced[r]) * np.trace(traced[s]) for r, s in pairs)
        a2 = sum(w[r, s] * np.trace(traced[r] @ traced[s]) for r, s in pairs)
        b = (a1 + 6 * a2) / (2 * ell)
        g = ((ell + 1) * a1 - (ell + 4) * a2) / ((ell + 2) * a2)
        c1, c2, c3 = (c / (3 * ell + 2 * (1 - g)) for c in (g, ell - g, ell + 2 - g))
        mean = 1 / (1 - a2 / ell)
        variance = 2 / ell * (1 + c1 * b) / ((1 - c2 * b) ** 2 * (1 - c3 * b))
        rho = variance / (2 * mean**2)
        m = 4 + (ell + 2) / (ell * rho - 1)
        return m, m / (mean * (m - 2))


@pytest.fixture(scope="session")
def dense() -> type[Dense]:
    return Dense


def draw_terms(kind: str, rng: np.random.Generator) -> list[RandomTerm]:
    """Random terms of every sort over rows in clusters of unequal sizes."""
    cluster = np.concatenate([np.arange(CLUSTERS), rng.choice(CLUSTERS, ROWS - CLUSTERS, p=rng.dirichlet(SHARES))])
    other = np.concatenate([np.arange(OTHERS), rng.integers(0, OTHERS, ROWS - OTHERS)])
    half = np.unique(2 * cluster + rng.integers(0, 2, ROWS), return_inverse=True)[1]
    one, slope = np.ones((ROWS, 1)), np.column_stack([np.ones(ROWS), rng.normal(1, 1, ROWS)])
    by_cluster = RandomTerm(one, cluster, CLUSTERS, "cluster")
    slopes = RandomTerm(slope, cluster, CLUSTERS, "cluster")
    return {
        "intercept": [by_cluster],
        "slope": [slopes],
        "uncorrelated": [by_cluster, RandomTerm(slope[:, 1:], cluster, CLUSTERS, "cluster")],
        "nested": [by_cluster, RandomTerm(one, half, half.max() + 1, "half")],
        "crossed": [by_cluster, RandomTerm(one, other, OTHERS, "other")],
        "crossed slopes": [slopes, RandomTerm(slope[:, ::-1], other, OTHERS, "other")],
    }[kind]


@dataclass
class Problem:
    y: np.ndarray
    x: np.ndarray
    terms: list[RandomTerm]


@pytest.fixture(scope="session", params=["intercept", "slope", "uncorrelated", "nested", "crossed", "crossed slopes"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def draw_problem():
    def draw(kind: str, seed: int) -> Problem:
        rng = np.random.default_rng(seed)
        terms = draw_terms(kind, rng)
        arm = (terms[0].level % 2).astype(float)
        x = np.column_stack([np.ones(ROWS), arm, rng.normal(size=ROWS)])
        y = x @ [10, 1, 0.5] + rng.normal(size=ROWS)
        for term in terms:
            effects = rng.normal(size=(term.n_levels, term.z.shape[1]))
            y = y + np.sum(term.z * effects[term.level], axis=1)
        return Problem(y, x, terms)

    return draw
