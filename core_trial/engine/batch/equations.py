"""The mixed-model equations of many fits at once, the absorbed factor eliminated cluster by cluster.

With V1 = I + Z G1 Z' the marginal covariance of the absorbed factor, C = [U X] the columns behind it, K = C'V1^-1 C and
E = Z'V1^-1 C, the fixed effects are random ones of infinite variance (Henderson, 1975, Biometrics 31:423):

    N = {K + diag(G2^-1, 0)}^-1,    P = V^-1 - V^-1 X (X'V^-1 X)^-1 X'V^-1 = V1^-1 - V1^-1 C N C'V1^-1,
    Z'P Z = Z'V1^-1 Z - E N E',    |V| |X'V^-1 X| = |V1| |diag(I, 0) + diag(G2, I) K|.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ..arrays import Array
from ..linear.crossed import Basis
from ..linear.marginal import flat
from .products import BatchProducts


class Equations:
    """B data sets, each at its own `gamma` (B, r), the elements of the random-effect covariances over sigma2.

    Attributes
    ----------
    zz : (B, J, q, q) Z'V1^-1 Z
    zw : (B, J, q, k) Z'V1^-1 [C y]
    ww : (B, k, k) [C y]'V1^-1 [C y]
    spread : (B, c, c) diag(G2, I), c = m + p
    left : (B, c, c) diag(I, 0) + diag(G2, I) K
    solved : (B, c, c) N
    """

    def __init__(self, products: BatchProducts, basis: Basis, gamma: Array):
        self.rows, self.absorbed, self.behind = products.rows, basis.absorbed, products.behind
        r, m = len(self.absorbed), products.behind
        self.crossed = np.array([b.toarray() for b in basis.crossed]).reshape(len(basis.crossed), m, m)
        covariance = np.tensordot(gamma[:, :r], self.absorbed, 1)[:, None]
        inner = np.eye(self.absorbed.shape[1]) + products.zz @ covariance
        self.log_det_absorbed = log_determinants(inner).sum(axis=1)
        shrink = np.linalg.inv(inner)
        self.zz = shrink @ products.zz
        self.zw = shrink @ products.zw
        removed = flat(products.zw).mT @ flat(covariance @ self.zw)
        self.ww = products.ww - (removed + removed.mT) / 2
        self.spread = np.zeros_like(self.ww[:, :-1, :-1])
        self.spread[:, :m, :m] = np.tensordot(gamma[:, r:], self.crossed, 1)
        self.spread[:, m:, m:] = np.eye(self.spread.shape[1] - m)
        self.left = self.spread @ self.ww[:, :-1, :-1]
        self.left[:, :m, :m] += np.eye(m)
        self.solved = np.linalg.solve(self.left, self.spread)

    def log_det(self, reml: bool) -> Array:
        """(B,) log |V|, and by REML log |X'V^-1 X|."""
        left = self.left if reml else self.left[:, : self.behind, : self.behind]
        return np.asarray(self.log_det_absorbed + log_determinants(left))

    @cached_property
    def residual(self) -> Array:
        """(B, k, 1) weights that turn [C y] into y less its fixed and behind random effects."""
        solution = self.solved @ self.ww[:, :-1, -1:]
        return np.concatenate([-solution, np.ones((len(solution), 1, 1))], axis=1)

    @property
    def beta(self) -> Array:
        """(B, p) fixed effects."""
        return -self.residual[:, self.behind : -1, 0]

    @property
    def unscaled(self) -> Array:
        """(B, p, p) (X'V^-1 X)^-1."""
        return self.solved[:, self.behind :, self.behind :]

    @property
    def squares(self) -> Array:
        """(B,) y'P y."""
        return np.asarray((self.ww[:, -1:] @ self.residual)[:, 0, 0])

    def effects(self, weights: Array) -> Array:
        """(B, J q + m, s) Z'V1^-1 [C y] t for `weights` t (B, k, s); Z'P y with the weights of the residual."""
        return np.concatenate([flat(self.zw) @ weights, (self.ww @ weights)[:, : self.behind]], axis=1)

    def quadratics(self, effects: Array) -> tuple[Array, Array]:
        """v'B_r v (B, r, s) and v'B_r Z'P Z B_s v (B, r, r, s) of `effects` v (B, J q + m, s)."""
        left = self._apply_basis(effects)
        right = self._apply_projection(left)
        first = np.einsum("bis,bris->brs", effects, left)
        return first, np.einsum("bris,btis->brts", left, right)

    def _apply_basis(self, effects: Array) -> Array:
        """(B, r, J q + m, s) B_r v."""
        b, j, q, _ = self.zw.shape
        top = self.absorbed[:, None] @ effects[:, : j * q].reshape(b, 1, j, q, -1)
        left = np.zeros((b, len(self.absorbed) + len(self.crossed), *effects.shape[1:]))
        left[:, : len(self.absorbed), : j * q] = flat(top)
        left[:, len(self.absorbed) :, j * q :] = self.crossed @ effects[:, None, j * q :]
        return left

    def _apply_projection(self, left: Array) -> Array:
        """(B, r, J q + m, s) Z'P Z times `left`."""
        b, j, q, _ = self.zw.shape
        m, k = self.behind, self.ww[:, None, :-1, :-1]
        top, bottom = left[:, :, : j * q], left[:, :, j * q :]
        across = flat(self.zw)[:, None, :, :-1]
        onto = across.mT @ top
        reduced = -self.solved[:, None] @ (onto + k[..., :m] @ bottom)
        reduced[:, :, :m] += bottom
        within = flat(self.zz[:, None] @ top.reshape(b, -1, j, q, top.shape[-1]))
        return np.concatenate([within + across @ reduced, onto[:, :, :m] + k[..., :m, :] @ reduced], axis=2)


def log_determinants(matrices: Array) -> Array:
    """(...) of `matrices` (..., a, a); not a number where one is not positive, as at a gamma that V does not allow."""
    sign, log = np.linalg.slogdet(matrices)
    return np.where(sign > 0, log, np.nan)
