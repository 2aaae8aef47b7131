"""Traces that the derivatives of a (restricted) log-likelihood are made of, for many fits at once."""

from __future__ import annotations

import numpy as np

from ..arrays import Array
from ..linear.marginal import flat
from .equations import Equations


def traces(at: Equations, reml: bool) -> tuple[Array, Array]:
    """tr P V_r (B, r) and tr P V_r P V_s (B, r, r); by maximum likelihood V^-1 stands for P."""
    solved = at.solved if reml else _without_fixed(at)
    left = at.absorbed[:, None] @ at.zw[:, None, ..., :-1]  # B_r E
    middle = flat(at.zw[:, None, ..., :-1]).mT @ flat(left)  # E'B_r E
    k = at.ww[:, :-1, :-1]
    across = (np.eye(k.shape[1]) - solved @ k)[:, None, :, : at.behind]
    behind = at.crossed @ (k[:, : at.behind] @ across[:, 0])[:, None]  # B_s U'P U
    trace, pairs = _absorbed(at, solved, left, middle)
    mixed = np.einsum("smn,brnm->brs", at.crossed, across.mT @ middle @ across)
    last = np.einsum("brmn,bsnm->brs", behind, behind)
    trace = np.concatenate([trace, np.einsum("brmm->br", behind)], axis=1)
    return trace, np.block([[pairs, mixed], [mixed.mT, last]])


def _without_fixed(at: Equations) -> Array:
    """N of a model without fixed effects, zero in their place."""
    m = at.behind
    solved = np.zeros_like(at.solved)
    solved[:, :m, :m] = np.linalg.solve(at.left[:, :m, :m], at.spread[:, :m, :m])
    return solved


def _absorbed(at: Equations, solved: Array, left: Array, middle: Array) -> tuple[Array, Array]:
    """Both traces for the covariances of the absorbed factor."""
    b, r, j, q, c = left.shape
    inner = at.absorbed[:, None] @ at.zz[:, None]
    removed = solved[:, None] @ middle
    side = left.transpose(0, 2, 3, 1, 4).reshape(b, j, q, r * c)
    both = (flat(side).mT @ flat(at.zz @ side)).reshape(b, r, c, r, c)  # E'B_r D B_s E
    mixed = np.einsum("bcd,brdsc->brs", solved, both)
    trace = np.einsum("brjaa->br", inner) - np.einsum("brcc->br", removed)
    pairs = inner.reshape(b, r, -1) @ inner.mT.reshape(b, r, -1).mT
    pairs += removed.reshape(b, r, -1) @ removed.mT.reshape(b, r, -1).mT
    return trace, pairs - mixed - mixed.mT
