"""Standardised effect sizes of mixed models (Hedges, 2007, J Educ Behav Stat 32:341)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from scipy import special

from ..engine.arrays import Array
from ..engine.linear.extremes import Quantity, quantity_estimate
from ..engine.linear.region import Components, Region
from ..errors import PlanError
from ..fit import Fit

if TYPE_CHECKING:
    from .fit import LmmFit

Standard = Literal["total", "within"]


def effect_size(fit: LmmFit, contrast: Array, standard: Standard, conf_level: float) -> dict[str, float]:
    """`estimate std_error df conf_low conf_high sd` of a contrast (p,); see `LmmFit.effect_size`."""
    if standard not in get_args(Standard):
        raise PlanError(f"standard {standard!r} is unknown; choose from {', '.join(get_args(Standard))}")
    spread = Quantity(_total(fit) if standard == "total" else lambda at: at.sigma2)
    return standardised(fit, contrast, quantity_estimate(Region(fit.result), spread), conf_level)


def standardised(fit: Fit, contrast: Array, spread: tuple[float, float], conf_level: float) -> dict[str, float]:
    """A contrast (p,) over the root of a variance, which is given with its standard error: Hedges's g."""
    variance, error = spread
    freedom = 2 * (variance / error) ** 2
    correction = float(np.exp(special.gammaln(freedom / 2) - special.gammaln((freedom - 1) / 2)) / np.sqrt(freedom / 2))
    d = float(contrast @ fit.estimate) / np.sqrt(variance)
    std_error = correction * np.sqrt(contrast @ fit.covariance @ contrast / variance + d**2 / (2 * freedom))
    df = fit.degrees(contrast)
    half = special.stdtrit(df, 0.5 + conf_level / 2) * std_error
    g = correction * d
    values = (g, std_error, df, g - half, g + half, np.sqrt(variance))
    return dict(zip(("estimate", "std_error", "df", "conf_low", "conf_high", "sd"), values, strict=True))


def _total(fit: LmmFit) -> Callable[[Components], float]:
    """The variance of a row about its mean, averaged over the rows: sigma2 + sum_t tr G_t Z_t'Z_t / n."""
    n = len(next(iter(fit.model_frame.columns.values())))
    squares = [random.columns.T @ random.columns / n for random in fit.matrices.random]
    return lambda at: at.sigma2 + float(sum(np.sum(g * s) for g, s in zip(at.covariances, squares, strict=True)))
