"""The minima of many deviances, from where `engine.linear.search` would look for each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array
from ..linear.search import LEAST, SMALLEST, STARTS
from .deviance import BatchDeviance
from .inference import bordered, inverses
from .newton import minimise_each
from .spectral import RatioDeviance, Spectrum, minimise_ratio

Found = tuple[Array, NDArray[np.bool_]]
"""theta (B, r), and whether it is a minimum (B,)."""


def search(deviance: BatchDeviance, spectrum: Spectrum | None) -> Found:
    """Directly where there is one variance ratio and so a `spectrum`, or else step by step."""
    return search_ratio(deviance, spectrum) if spectrum else search_each(deviance)


def search_each(deviance: BatchDeviance) -> Found:
    """By Newton's method from moment estimates, or else from the first of `STARTS` that leads to a minimum.

    Where there may be several minima, the lowest from all of these.
    """
    structure = deviance.random.structure
    theta = np.zeros((len(deviance.products), structure.size))
    lowest = np.full(len(theta), np.inf)
    gamma = _moments(deviance)
    for start, least in ((gamma, LEAST), *((0 * gamma, sd) for sd in STARTS)):
        left = np.flatnonzero(np.isinf(lowest) | structure.curved)
        if not len(left):
            break
        found, value = minimise_each(deviance.of(left), structure.nearest(start[left], least))
        better = value < lowest[left]
        theta[left[better]], lowest[left[better]] = found[better], value[better]
    return theta, np.isfinite(lowest)


def _moments(deviance: BatchDeviance) -> Array:
    """gamma (B, r) by minimum norm quadratic unbiased estimation about no random effects (Rao, 1971; MINQUE0)."""
    everyone = np.arange(len(deviance.products))
    none = deviance.equations(np.zeros((len(everyone), deviance.random.structure.elements)), everyone)
    slopes, df = deviance.slopes(none), deviance.df(none)
    squares = np.column_stack([slopes.quadratic, np.broadcast_to(df, len(everyone))])
    variances = (inverses(bordered(slopes.pairs, slopes.trace, df)) @ squares[..., None])[..., 0]
    return np.asarray(variances[:, :-1] / np.maximum(variances[:, -1:], SMALLEST))


def search_ratio(deviance: BatchDeviance, spectrum: Spectrum) -> Found:
    """The lowest deviance of a model with one variance ratio; `spectrum` is that of the columns that all share."""
    products, shared, reml = deviance.products, spectrum.shared, deviance.reml
    scores = spectrum.scores(products.zw[:, :, 0, shared:].mT)
    gamma, found = minimise_ratio(
        RatioDeviance(
            eigenvalues=spectrum.values,
            determinant=spectrum.values if reml else spectrum.unprojected,
            scores=scores,
            rest=products.ww[:, shared:, shared:] - scores @ scores.mT,
            df=products.rows[0] - reml * (products.ww.shape[1] - 1),
            reml=reml,
        )
    )
    return np.sqrt(gamma)[:, None], found
