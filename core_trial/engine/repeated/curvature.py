"""Second derivatives of the covariance of repeated measures, as the adjustment of Kenward and Roger (2009) takes them.

With the blocks W of V^-1 and V_r of a subject, and Phi = (X'V^-1 X)^-1, the block of P V_r P is

    W V_r W - W V_r W x Phi x'W - W x Phi x'W V_r W + W x Phi P_r Phi x'W,    P_r = X'V^-1 V_r V^-1 X.
"""

from __future__ import annotations

import numpy as np

from ..arrays import Array
from ..inference import Curvature
from .deviance import Point
from .within import Within


def curvature(at: Point, subjects: Within) -> Curvature:
    """Of V by its parameters at `at`, the marginal covariance being that of independent `subjects`."""
    bend, theta = at.deviance.structure.bend, at.structured
    size, p = len(at.residual_covariance), len(at.fit.beta)
    fixed = np.empty((len(theta), len(theta), p, p))
    for i in range(p):
        for j in range(i + 1):
            pair = _both_ways(i, j, p)
            block = subjects.inverse @ subjects.stacks.weigh(pair) @ subjects.inverse
            fixed[..., i, j] = fixed[..., j, i] = bend(theta, subjects.patterns.scatter(block, size))
    traces = [bend(theta, subjects.patterns.scatter(block, size)) for block in _projected(at, subjects)]
    return Curvature(fixed, np.array(traces))


def _both_ways(i: int, j: int, p: int) -> Array:
    """(p + 1, p + 1) weights of the product of the columns i and j, and of j and i, each by half."""
    weights = np.zeros((p + 1, p + 1))
    weights[i, j] += 0.5
    weights[j, i] += 0.5
    return weights


def _projected(at: Point, subjects: Within) -> Array:
    """(r, P, M, M) sum over the subjects of a pattern of their blocks of P V_r P."""
    inverse, covariance = subjects.inverse, at.fit.covariance
    slopes = subjects.patterns.blocks(at.deviance.structure.slopes(at.structured))
    inside = inverse @ slopes @ inverse
    spread = subjects.stacks.weigh(np.pad(covariance, (0, 1))) @ inverse
    across = inside @ spread
    moved = [subjects.stacks.weigh(np.pad(covariance @ first @ covariance, (0, 1))) for first in at.first]
    repeated = subjects.patterns.subjects[:, None, None] * inside
    return np.asarray(repeated - across - across.swapaxes(-1, -2) + inverse @ np.array(moved) @ inverse)
