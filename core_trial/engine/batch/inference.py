"""Variances and degrees of freedom, for many fits at once.

The variance parameters are (gamma, log sigma2). With f = Z'V^-1 X Phi l, Phi = (X'V^-1 X)^-1, the variance of a
contrast l of the fixed effects is sigma2 v, v = l'Phi l, whose slopes over sigma2 are f'B_r f by gamma_r and v by
log sigma2; the sum in the covariance of Kenward and Roger (1997) has the terms f'B_r Z'P Z B_s f.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..arrays import Array
from ..inference import Information
from ..linear.information import UNKNOWN
from ..linear.random import RandomDesign
from .deviance import Slopes
from .equations import Equations

BatchDdf = Literal["normal", "satterthwaite", "kenward-roger"]


@dataclass(frozen=True)
class Variances:
    """Variances of contrasts, over sigma2, and their degrees of freedom, both (B, c)."""

    variance: Array
    df: Array


def contrast_variances(at: Equations, contrasts: Array, ddf: BatchDdf, parameters: Array) -> Variances:
    """Of `contrasts` (c, p), the covariance of (gamma, log sigma2) being `parameters` (B, r + 1, r + 1)."""
    variance = np.einsum("cp,bpq,cq->bc", contrasts, at.unscaled, contrasts, optimize=True)
    if ddf == "normal":
        return Variances(variance, np.full_like(variance, np.inf))
    weights = np.pad(at.solved[:, :, at.behind :] @ contrasts.T, ((0, 0), (0, 1), (0, 0)))
    first, second = at.quadratics(at.effects(weights))
    gradient = np.concatenate([first, variance[:, None]], axis=1)
    df = 2 * variance**2 / np.einsum("brc,brs,bsc->bc", gradient, parameters, gradient)
    if ddf == "kenward-roger":
        variance = variance + 2 * np.einsum("brs,brsc->bc", parameters[:, :-1, :-1], second)
    return Variances(variance, df)


def parameter_covariance(
    slopes: Slopes, df: Array, random: RandomDesign, theta: Array, information: Information
) -> Array:
    """(B, r + 1, r + 1) of (gamma, log sigma2).

    Observed information is that of (theta, log sigma2), theta belonging to the random columns that were given: on the
    boundary it matters whose it is.
    """
    structure, given = random.in_given_columns(theta)
    if information == "expected":
        ways = _with_corner(structure.tangent(given))
        within = ways.mT @ bordered(slopes.pairs, slopes.trace, df) @ ways
    else:
        ways = _with_corner(structure.jacobian(given))
        within = ways.mT @ bordered(slopes.hessian, slopes.quadratic, df) @ ways
        within[:, :-1, :-1] += structure.bend(given, slopes.gradient)
    return np.asarray(ways @ (2 * inverses(within)) @ ways.mT)


def bordered(inside: Array, border: Array, corner: Array) -> Array:
    """(B, r + 1, r + 1) symmetric, from (B, r, r), (B, r) and (B,)."""
    matrix = _with_corner(inside)
    matrix[:, :-1, -1] = matrix[:, -1, :-1] = border
    matrix[:, -1, -1] = corner
    return matrix


def _with_corner(inside: Array) -> Array:
    """(B, r + 1, s + 1) with `inside` (B, r, s) and a last diagonal element of one."""
    matrix = np.zeros((len(inside), inside.shape[1] + 1, inside.shape[2] + 1))
    matrix[:, :-1, :-1] = inside
    matrix[:, -1, -1] = 1.0
    return matrix


def inverses(information: Array) -> Array:
    """Inverses of information matrices, leaving out directions in which there is none."""
    size = np.sqrt(np.abs(np.diagonal(information, axis1=1, axis2=2)))
    size = np.where(size > 0, size, 1.0)
    both = size[:, None] * size[..., None]
    values, axes = np.linalg.eigh(information / both)
    weights = np.divide(1.0, values, out=np.zeros_like(values), where=values > UNKNOWN)
    return np.asarray((axes * weights[:, None]) @ axes.mT / both)
