"""From minima of the deviance to estimates on the scale of the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import block_diag

from ..arrays import Array
from ..inference import Information
from ..linear.patterned import endless
from ..linear.random import RandomDesign
from ..linear.search import EXACT
from .design import BatchDesign, Units
from .deviance import BatchDeviance
from .fits import BatchFits
from .inference import BatchDdf, contrast_variances, parameter_covariance
from .search import Found


@dataclass(frozen=True)
class Question:
    """What is wanted of every fit.

    Attributes
    ----------
    contrasts : (c, p) of the coefficients; none for each coefficient by itself
    ddf : degrees of freedom; those of Kenward and Roger adjust the standard errors too
    information : from which the covariance of the variance parameters is taken
    """

    contrasts: Array | None = None
    ddf: BatchDdf = "normal"
    information: Information = "observed"

    def rows(self, coefficients: int) -> Array:
        """(c, p) for p `coefficients`."""
        return np.eye(coefficients) if self.contrasts is None else self.contrasts


EACH = Question()


@dataclass(frozen=True)
class Scale:
    """The scale of the data: contrasts are `base` (B, c) + `scale` (B,) times the engine's `contrasts` (c, p).

    `log_det` is log |T'T| of the transformation T of the fixed columns.
    """

    contrasts: Array
    base: Array
    scale: Array
    log_det: float


def data_scale(design: BatchDesign, units: Units, contrasts: Array) -> Scale:
    """The scale of responses in `units`."""
    fixed = design.fixed
    inner = contrasts @ fixed.transform
    base = units.coefficient @ inner.T
    if fixed.intercept:
        base += np.outer(units.offset, contrasts[:, 0] / fixed.intercept)
    return Scale(inner, base, units.scale, design.log_det)


def summarise(deviance: BatchDeviance, found: Found, question: Question, scale: Scale) -> BatchFits:
    """The fits at the minima `found`."""
    theta, converged = found
    random = deviance.random
    gamma = random.structure.gamma(theta)
    at = deviance.equations(gamma, np.arange(len(theta)))
    slopes, df, sigma2 = deviance.slopes(at), deviance.df(at), deviance.sigma2(at)
    parameters = parameter_covariance(slopes, df, random, theta, question.information)
    expected = parameter_covariance(slopes, df, random, theta, "expected")
    variances = contrast_variances(at, scale.contrasts, question.ddf, parameters)
    units = (scale.scale**2 * sigma2)[:, None]
    values, change = _variances(random, gamma)
    return BatchFits(
        estimate=scale.base + scale.scale[:, None] * (at.beta @ scale.contrasts.T),
        std_error=np.sqrt(units * variances.variance),
        df=variances.df,
        variances=units * values,
        variances_covariance=units[..., None] ** 2 * (change @ expected @ change.mT),
        log_likelihood=-0.5 * (deviance.value(at) + 2 * df * np.log(scale.scale) - deviance.reml * scale.log_det),
        singular=np.any(random.structure.on_boundary(theta), axis=0),
        converged=converged & (sigma2 > EXACT) & ~endless(random.structure, theta, slopes.gradient),
    )


def _variances(random: RandomDesign, gamma: Array) -> tuple[Array, Array]:
    """The variances of `BatchFits` over sigma2 (B, v), and their slopes by (gamma, log sigma2) (B, v, r + 1)."""
    places = _places(random)
    elements = np.vstack([places, np.zeros(places.shape[1])])
    values = gamma @ elements.T
    values[:, -1] = 1.0
    slopes = np.concatenate([np.broadcast_to(elements, (len(gamma), *elements.shape)), values[..., None]], axis=2)
    return values, slopes


def _places(random: RandomDesign) -> Array:
    """(v - 1, r) variances and covariances of the random columns that were given, as functions of gamma."""
    parts = zip(random.structure.parts, random.frames, strict=True)
    blocks = [_elements(frame @ part.basis @ frame.T).T for part, frame in parts]
    rows = np.split(block_diag(*blocks), np.cumsum([len(block) for block in blocks])[:-1])
    return np.vstack(random.as_given(rows))


def _elements(matrices: Array) -> Array:
    """(r, v) the diagonals of symmetric `matrices` (r, q, q), then what is above them."""
    above = np.triu_indices(matrices.shape[1], 1)
    return np.hstack([np.diagonal(matrices, axis1=1, axis2=2), matrices[:, *above]])
