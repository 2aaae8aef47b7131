"""Minus twice the log-likelihood of a generalised mixed model with one grouping factor, and its exact gradient.

With the mode u^ of h (see `modes.py`), H = h''(u^) = L L' and C = L^-T, of each cluster

    -2 log int f(y | u) phi(u) du  ~  -2 log sum_k w_k exp(x_k'x_k / 2 - h(u^ + C x_k)) + log |H|

(adaptive Gauss-Hermite quadrature; Pinheiro and Bates, 1995, J Comput Graph Stat 4:12). One node, x = 0, is Laplace's
approximation. The gradient is that of this sum itself, the motion of u^ and C with the parameters included.
Axes are points (M), nodes (K), effects (q), then rows (n) or clusters (J).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..arrays import Array
from .blocks import inner, log_determinant, lower_half, solve, times, transposed
from .density import Density
from .modes import Modes, Place
from .quadrature import Nodes


@dataclass(frozen=True)
class LaplaceIntegral:
    """The deviance at M points by Laplace's approximation, and its gradient.

    Attributes
    ----------
    modes : of the effects at the points
    """

    modes: Modes

    @property
    def place(self) -> Place:
        return self.modes.place

    @cached_property
    def each(self) -> Array:
        """(M, J) the deviance of each cluster."""
        return 2 * self.place.penalised(self.modes.density, self.modes.u) + log_determinant(self.modes.root)

    @property
    def value(self) -> Array:
        """(M,)"""
        return np.asarray(self.each.sum(axis=1))

    @cached_property
    def _score(self) -> Array:
        """(M, n) score of eta, the mean over nodes."""
        return self.modes.density.score

    @cached_property
    def _score_effects(self) -> Array:
        """(M, q, n) mean of the score times u."""
        return np.asarray(self._score[:, None] * self.place.data.spread(self.modes.u))

    def _other_scores(self) -> list[Array]:
        """(M, n) mean of the score of each other parameter of the family."""
        return [other.value for other in self.modes.density.others]

    @cached_property
    def _inverse(self) -> Array:
        """(M, q, q, J) B: dH has the effect tr(B dH) on the deviance, through log |H| and through C."""
        return times(self.modes.root, transposed(self.modes.root))

    @cached_property
    def _bent(self) -> Array:
        """(M, n) zeta'B zeta for each row."""
        zeta = self.place.zeta
        return inner(zeta, self.place.data.times_rows(self._inverse, zeta))

    def _by_mode(self) -> Array:
        """(M, q, J) derivative of the deviance by u^."""
        return self.place.data.total(self.place.zeta * (self.modes.density.bend * self._bent)[:, None])

    @cached_property
    def _pull(self) -> Array:
        """(M, q, J) v = H^-1 dD/du^: a change of h'(u^) moves the deviance by -v times as much."""
        return solve(self.modes.root, self._by_mode())

    @cached_property
    def _pulled(self) -> Array:
        """(M, n) zeta'v."""
        return inner(self.place.zeta, self.place.data.spread(self._pull))

    @cached_property
    def _moved(self) -> Array:
        """(M, n) what eta does through the mode: W' zeta'B zeta - W zeta'v."""
        return np.asarray(self.modes.density.bend * self._bent - self.modes.density.weight * self._pulled)

    def _by_eta(self) -> Array:
        """(M, n) derivative of the deviance by a fixed change of eta."""
        return np.asarray(self._moved - 2 * self._score)

    def _by_factor(self) -> Array:
        """(M, q, q, J) derivative of the deviance by the elements of Lambda."""
        data, at = self.place.data, self.modes.density
        weighted = data.times_rows(self._inverse, self.place.zeta * at.weight[:, None])
        own = data.total(data.z * self._moved[:, None])[:, :, None] * self.modes.u[:, None]
        pulled = data.total(data.z * at.score[:, None])[:, :, None] * self._pull[:, None]
        return np.asarray(2 * data.gram(data.z, weighted - self._score_effects) + own + pulled)

    def _by_others(self) -> Array:
        """(M, parameters, n) by the other parameters of the family."""
        scores = zip(self.modes.density.others, self._other_scores(), strict=True)
        rows = [at.weight * self._bent + self._pulled * at.score - 2 * score for at, score in scores]
        return np.stack(rows, axis=1) if rows else np.zeros((len(self._bent), 0, self._bent.shape[1]))

    @cached_property
    def gradient(self) -> Array:
        """(M, k)"""
        data, theta = self.place.data, self._by_factor().sum(axis=-1)
        units = data.units
        theta = theta.reshape(len(theta), -1) @ units.reshape(len(units), -1).T
        return np.concatenate([self._by_eta() @ data.x.T, theta, self._by_others().sum(axis=-1)], axis=1)

    def cluster_gradients(self) -> Array:
        """(M, k, J) the share of each cluster in the gradient."""
        data = self.place.data
        theta = np.einsum("mabj,rab->mrj", self._by_factor(), data.units)
        beta = data.total(self._by_eta()[:, None] * data.x)
        return np.concatenate([beta, theta, data.total(self._by_others())], axis=1)


@dataclass(frozen=True)
class AdaptiveIntegral(LaplaceIntegral):
    """The same by adaptive quadrature with `nodes`."""

    nodes: Nodes

    @cached_property
    def _effects(self) -> Array:
        """(M, K, q, J) u at the nodes."""
        return np.asarray(self.modes.u[:, None] + np.einsum("mabj,kb->mkaj", self.modes.root, self.nodes.node))

    @cached_property
    def _density(self) -> Density:
        """(M, K, n) at the nodes."""
        place, data = self.place, self.place.data
        eta = place.fixed[:, None] + inner(place.zeta[:, None], data.spread(self._effects))
        return data.problem.family.at(eta, place.parameters.beside(2), data.rows)

    @cached_property
    def _terms(self) -> tuple[Array, Array]:
        """Logarithm of the largest term of each sum, (M, J), and all of them as shares of it, (M, K, J)."""
        prior = self.nodes.log_weight[:, None] - inner(self._effects, self._effects) / 2
        terms = self.place.data.total(self._density.value) + prior
        top = terms.max(axis=1)
        return top, np.exp(terms - top[:, None])

    @cached_property
    def each(self) -> Array:
        top, shares = self._terms
        return np.asarray(log_determinant(self.modes.root) - 2 * (top + np.log(shares.sum(axis=1))))

    @cached_property
    def _shares(self) -> Array:
        """(M, K, J) of the terms in the sum."""
        _, shares = self._terms
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    @cached_property
    def _weighted(self) -> Array:
        """(M, K, n) the score at each node, times the node's share."""
        return np.asarray(self._density.score * self.place.data.spread(self._shares))

    @cached_property
    def _score(self) -> Array:
        return np.asarray(self._weighted.sum(axis=1))

    @cached_property
    def _score_effects(self) -> Array:
        return np.asarray(np.einsum("mkn,mkan->man", self._weighted, self.place.data.spread(self._effects)))

    def _other_scores(self) -> list[Array]:
        shares = self.place.data.spread(self._shares)
        return [np.einsum("mkn,mkn->mn", shares, other.value) for other in self._density.others]

    @cached_property
    def _off_mode(self) -> Array:
        """(M, K, q, J) h'(u) at each node, times the node's share."""
        score = self.place.data.total(self.place.zeta[:, None] * self._weighted[:, :, None])
        return np.asarray(self._shares[:, :, None] * self._effects - score)

    @cached_property
    def _inverse(self) -> Array:
        root = self.modes.root
        slope = times(np.einsum("ka,mkbj->mabj", self.nodes.node, self._off_mode), root)
        moved = times(times(root, transposed(lower_half(slope))), transposed(root))
        return times(root, transposed(root)) - moved - transposed(moved)

    def _by_mode(self) -> Array:
        return np.asarray(super()._by_mode() + 2 * self._off_mode.sum(axis=1))
