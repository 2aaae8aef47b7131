"""Profile-likelihood intervals of generalised mixed models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from ..engine.arrays import Array
from ..engine.generalised.restricted import contrast_rows, profile_interval

if TYPE_CHECKING:
    from .fit import GlmmFit


def profile_table(fit: GlmmFit, conf_level: float) -> pd.DataFrame:
    """A row a coefficient: the values that a likelihood-ratio test with the fit's degrees of freedom keeps."""
    rows = []
    for name, contrast, estimate in zip(fit.terms, np.eye(len(fit.terms)), fit.estimate, strict=True):
        rise = float(special.stdtrit(fit.degrees(contrast), 0.5 + conf_level / 2)) ** 2
        psi_rows, shift = contrast_rows(fit.result, contrast[None], np.zeros(1))
        low, high = profile_interval(fit.result, psi_rows[0], rise)
        rows.append((name, estimate, low - shift[0], high - shift[0]))
    return pd.DataFrame(rows, columns=["term", "estimate", "conf_low", "conf_high"])


def variance_table(fit: GlmmFit, conf_level: float) -> pd.DataFrame:
    """See `GlmmFit.variance_intervals`."""
    rise = float(special.chdtri(1, 1 - conf_level))
    rows = [*_deviations(fit, rise), *_dispersions(fit, rise)]
    return pd.DataFrame(rows, columns=["group", "term", "quantity", "estimate", "conf_low", "conf_high"])


def _unit(fit: GlmmFit, place: int) -> Array:
    return np.asarray(np.eye(len(fit.result.minimum.theta))[place])


def _deviations(fit: GlmmFit, rise: float) -> Iterator[tuple[object, ...]]:
    """Those of terms of one effect, whose parameter is the deviation in internal units, of either sign."""
    problem = fit.result.problem
    sizes = [part.parameters for part in problem.random.structure.parts]
    places = problem.random.as_given(np.cumsum([problem.n_fixed, *sizes])[:-1].tolist())
    frames = problem.random.as_given(problem.random.frames)
    for group, random, place, frame in zip(fit.groups, fit.matrices.random, places, frames, strict=True):
        if len(random.names) > 1:
            continue
        sign = np.copysign(1.0, fit.result.minimum.theta[place])
        low, high = profile_interval(fit.result, sign * _unit(fit, place), rise, least=0.0)
        unit = abs(float(frame[0, 0]))
        estimate = unit * abs(fit.result.minimum.theta[place])
        yield group, random.names[0], "standard deviation", estimate, unit * low, unit * high


def _dispersions(fit: GlmmFit, rise: float) -> Iterator[tuple[object, ...]]:
    first = fit.result.problem.n_parameters - len(fit.result.problem.family.parameters)
    for i, parameter in enumerate(fit.result.problem.family.parameters):
        low, high = profile_interval(fit.result, _unit(fit, first + i), rise)
        yield "", "", parameter.name, fit.result.others[parameter.name], parameter.of(low), parameter.of(high)
