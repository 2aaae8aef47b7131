"""The factors behind the absorbed one: Woodbury's identity a second time, with what the first left over.

Nested and crossed factors need no algorithm of their own. With m random effects u of covariance G behind,
S = U'V1^-1 U, E = Z'V1^-1 U and V1 the marginal covariance of the absorbed factor,

    V = V1 + U G U',    V^-1 = V1^-1 - V1^-1 U N U'V1^-1,    H = U'V^-1 U = (I + S G)^-1 S,    N = G - G H G.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from ..arrays import Array
from .crossprod import Crossed, CrossProducts
from .marginal import Derivatives, Marginal, OneFactor, block_diagonal, flat, log_determinant

DENSE = 1_000_000  # elements of a table of rows by effects that are handled at once


@dataclass(frozen=True)
class Basis:
    """The matrices B_r, V_r = Z B_r Z': first those of the absorbed factor, then those of the factors behind it.

    Attributes
    ----------
    absorbed : (r1, q, q)
    crossed : r2 sparse (m, m) matrices
    """

    absorbed: Array
    crossed: Sequence[csr_array] = ()


def marginal(products: CrossProducts, basis: Basis, gamma: Array) -> Marginal:
    """V^-1 at `gamma` (r,); raises LinAlgError where V is not positive definite."""
    r = len(basis.absorbed)
    one = OneFactor(products, basis.absorbed, gamma[:r])
    return one if products.crossed is None else ManyFactors(one, products.crossed, basis.crossed, gamma[r:])


class ManyFactors:
    """V of every factor; the random effects are stacked, those of the absorbed factor (J q) before the m others."""

    def __init__(self, one: OneFactor, crossed: Crossed, basis: Sequence[csr_array], gamma: Array):
        self.one, self.basis = one, basis
        self.zu = csr_array(block_diagonal(one.shrink) @ crossed.zu)  # E
        spread = block_diagonal(np.broadcast_to(one.covariance, one.zz.shape)) @ self.zu
        self.uu = crossed.uu - (crossed.zu.T @ spread).toarray()  # S
        uw = crossed.uw - crossed.zu.T @ flat(one.covariance @ one.zw)
        covariance = sum((g * b for g, b in zip(gamma, basis, strict=True)), start=csr_array(self.uu.shape))  # G
        inner = np.eye(len(self.uu)) + self.uu @ covariance
        self.log_det = one.log_det + log_determinant(inner)
        self.inverse = np.linalg.solve(inner, self.uu)  # H
        self.across = np.eye(len(self.uu)) - covariance @ self.inverse  # I - G H
        self.removed = self.across @ covariance  # N
        behind = np.linalg.solve(inner, uw)
        spread_behind = covariance @ behind
        self.zw = np.vstack([flat(one.zw) - self.zu @ spread_behind, behind])
        self.ww = one.ww - uw.T @ spread_behind

    def effects(self, weights: Array) -> Array:
        return self.zw @ weights

    def derivatives(self, weights: Array) -> Derivatives:
        effects = self.effects(weights)
        left = self._apply_basis(effects)
        right = np.stack([self._apply_inverse(block) for block in left])
        return Derivatives(effects.T @ left, left[:, None].swapaxes(2, 3) @ right, *self._traces())

    def quadratic(self, rows: csr_array) -> Array:
        chunk = max(1, DENSE // len(self.uu))
        return np.concatenate([self._quadratic(rows[i : i + chunk]) for i in range(0, rows.shape[0], chunk)])

    def _quadratic(self, rows: csr_array) -> Array:
        n_top = self.one.zz.shape[0] * self.one.zz.shape[1]
        top, bottom = rows[:, :n_top], rows[:, n_top:].toarray()
        across = (top @ self.zu).toarray()
        inside = self.across @ bottom.T - self.removed @ across.T / 2
        behind = np.sum(2 * across * inside.T + bottom @ self.inverse * bottom, axis=1)
        return np.asarray(self.one.quadratic(top) + behind)

    def _apply_basis(self, effects: Array) -> Array:
        """(r, J q + m, c): B_r times the stacked random effects."""
        n_clusters, q, _ = self.one.zz.shape
        top = self.one.basis[:, None] @ effects[: n_clusters * q].reshape(n_clusters, q, -1)
        left = np.zeros((len(top) + len(self.basis), *effects.shape))
        left[: len(top), : n_clusters * q] = flat(top)
        for row, b in zip(left[len(top) :], self.basis, strict=True):
            row[n_clusters * q :] = b @ effects[n_clusters * q :]
        return left

    def _apply_inverse(self, stacked: Array) -> Array:
        """Z'V^-1 Z times the stacked random effects, Z holding the columns of every factor."""
        n_clusters, q, _ = self.one.zz.shape
        top, bottom = stacked[: n_clusters * q], stacked[n_clusters * q :]
        reduced = bottom - self.removed @ (self.zu.T @ top + self.uu @ bottom)
        within = flat(self.one.zz @ top.reshape(n_clusters, q, -1))
        return np.vstack([within + self.zu @ reduced, self.zu.T @ top + self.uu @ reduced])

    def _traces(self) -> tuple[Array, Array]:
        """Traces by the sides r and s stand on: Z'V^-1 Z is D - E N E' and E (I - G H) above, H below."""
        r1 = len(self.one.basis)
        sides = [0] * r1 + [1] * len(self.basis)
        sandwich = [[-self.removed, self.across], [self.across.T, self.inverse]]
        middle = [self._reduce(b) for b in self.one.basis] + list(self.basis)
        trace = np.array([np.sum(sandwich[s][s] * a) for s, a in zip(sides, middle, strict=True)])
        half = [[a @ sandwich[s][t] for t in sides] for s, a in zip(sides, middle, strict=True)]
        r = range(len(sides))
        traces = np.array([[np.sum(half[i][j] * half[j][i].T) for j in r] for i in r])
        within, within_pairs = self.one.traces()
        trace[:r1] += within
        traces[:r1, :r1] += within_pairs - self._mixed_traces()
        return trace, traces

    def _mixed_traces(self) -> Array:
        """(r1, r1) tr N E'(B_r D B_s + B_s D B_r)E."""
        pairs = self.one.basis[:, None, None] @ self.one.zz @ self.one.basis[None, :, None]
        return np.array([[np.sum(self.removed * self._reduce(b + b.swapaxes(1, 2))) for b in row] for row in pairs])

    def _reduce(self, blocks: Array) -> Array:
        """E'B E for B block-diagonal, its `blocks` (q, q) or (J, q, q)."""
        spread = block_diagonal(np.broadcast_to(blocks, self.one.zz.shape)) @ self.zu
        return np.asarray((self.zu.T @ spread).toarray())
