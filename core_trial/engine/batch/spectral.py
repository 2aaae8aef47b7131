"""Models with one variance ratio, in the coordinates where it only scales: as many numbers a data set as clusters.

X are the fixed columns that all data sets share, v those that differ: y, and fixed ones before it. With
M = I - X (X'X)^-1 X' and Z'M Z = Q diag(d) Q', the scores s = d^-1/2 Q'Z'M v are independent, and

    v'P v = v'M v - s's + s'diag(1 / (1 + gamma d)) s,    |V| |X'V^-1 X| = |X'X| prod_i (1 + gamma d_i)

(Patterson and Thompson, 1971, Biometrika 58:545; Kang et al., 2008, Genetics 178:1709).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, Codes
from .products import BatchProducts

PRESENT = 1e-10  # share of the largest eigenvalue that those which are not zero but for rounding have at least
GRID = np.concatenate([[0.0], np.geomspace(1e-3, 1e10, 45)])  # gamma times the mean eigenvalue
SAME = 1e-12  # relative change of gamma that is none
MAX_STEPS = 100
TINY = 1e-300  # in place of a sum of squares that rounding leaves negative


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues d (s,) and eigenvectors Q (J, s) of Z'M Z, eigenvalues of Z'Z (J,), and how many columns X has."""

    values: Array
    axes: Array
    unprojected: Array
    shared: int

    def scores(self, products: Array) -> Array:
        """(B, c, s) of columns whose products v'M Z are (B, c, J)."""
        return np.asarray(products @ (self.axes / np.sqrt(self.values)))


def spectrum(shared: BatchProducts) -> Spectrum:
    """Of a design with one random column in clusters, and `shared` products of its columns x."""
    zz, zx = shared.zz[0, :, 0, 0], shared.zw[0, :, 0]
    values, axes = np.linalg.eigh(np.diag(zz) - zx @ np.linalg.solve(shared.ww[0], zx.T))
    present = values > PRESENT * values[-1]
    return Spectrum(values[present], axes[:, present], zz, zx.shape[1])


@dataclass(frozen=True)
class RatioDeviance:
    """Deviance of B data sets as a function of gamma, but for constants.

    Attributes
    ----------
    eigenvalues : (s,) d
    determinant : d again, or by maximum likelihood the eigenvalues of Z'Z
    scores : (B, c, s) of the columns that differ between data sets, y the last
    rest : (B, c, c) v'M v - s's
    df : rows that the variance is estimated from
    reml : whether the determinant of the fixed columns among them belongs to the criterion
    """

    eigenvalues: Array
    determinant: Array
    scores: Array
    rest: Array
    df: float
    reml: bool

    def on_grid(self, gamma: Array) -> Array:
        """(B, g) at each of `gamma` (g,), by elimination of one column after the other."""
        shrink = 1 / (1 + np.outer(self.eigenvalues, gamma))
        products = (
            np.einsum("bis,bjs->ijbs", self.scores, self.scores) @ shrink + np.moveaxis(self.rest, 0, 2)[..., None]
        )
        value = np.log1p(np.outer(gamma, self.determinant)).sum(axis=1)
        for i in range(len(products) - 1):
            value = value + self.reml * np.log(products[i, i])
            products[i + 1 :, i + 1 :] -= products[i + 1 :, i, None] * products[i, None, i + 1 :] / products[i, i]
        return np.asarray(value + self.df * np.log(np.maximum(products[-1, -1], TINY)))

    def slopes(self, gamma: Array, which: Codes) -> tuple[Array, Array]:
        """First and second derivatives of the data sets `which` (b,), each at its own `gamma` (b,)."""
        shrink = 1 / (1 + gamma[:, None] * self.eigenvalues)
        weights = np.array([shrink, -self.eigenvalues * shrink**2, 2 * self.eigenvalues**2 * shrink**3])
        scores = self.scores[which]
        products = (scores * weights[:, :, None]) @ scores.mT
        products[0] += self.rest[which]
        each = self.determinant / (1 + gamma[:, None] * self.determinant)
        slopes = np.array([each.sum(axis=1), -np.sum(each**2, axis=1)]) + self.df * _log_determinant(products)
        if scores.shape[1] > 1:
            slopes -= (self.df - self.reml) * _log_determinant(products[..., :-1, :-1])
        return slopes[0], slopes[1]


def _log_determinant(products: Array) -> Array:
    """(2, b) derivatives of log |A|, from A and its derivatives (3, b, c, c)."""
    slopes = np.linalg.inv(products[0]) @ products[1:]
    traces: Array = np.einsum("dbii->db", slopes)
    traces[1] -= np.einsum("bij,bji->b", slopes[0], slopes[0])
    return traces


def minimise_ratio(deviance: RatioDeviance) -> tuple[Array, NDArray[np.bool_]]:
    """gamma (B,) at the lowest deviance, and whether there is one: from the best of a grid by safeguarded Newton."""
    grid = GRID / deviance.eigenvalues.mean()
    best = deviance.on_grid(grid).argmin(axis=1)
    gamma = grid[best]
    low, high = grid[np.maximum(best - 1, 0)], grid[np.minimum(best + 1, len(grid) - 1)]
    active = np.arange(len(gamma))
    for _ in range(MAX_STEPS):
        here = gamma[active]
        slope, curvature = deviance.slopes(here, active)
        low[active] = np.where(slope < 0, here, low[active])
        high[active] = np.where(slope < 0, high[active], here)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = here - slope / curvature
        inside = (curvature > 0) & (step >= low[active]) & (step <= high[active])
        gamma[active] = np.where(inside, step, (low[active] + high[active]) / 2)
        active = active[np.abs(gamma[active] - here) > SAME * here]
        if not len(active):
            break
    return gamma, best < len(grid) - 1
