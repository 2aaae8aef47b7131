"""Intervals of what is made of the variances of a mixed model: deviations, correlations, shares of the variance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import combinations
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from scipy import special

from ..engine.arrays import Codes
from ..engine.extremes import Quantity, contrast_interval, quantity_estimate, quantity_interval
from ..engine.lmm import LmmResult, refit_lmm
from ..engine.region import Components
from ..errors import PlanError
from ..formula.coding import INTERCEPT

if TYPE_CHECKING:
    from .fit import LmmFit

Interval = Literal["profile", "wald"]
ONE_VARIANCE = ("cs", "ar1")  # structures of periods that have one
COLUMNS = ("group", "term", "other", "quantity", "estimate", "conf_low", "conf_high", "boundary")


class Wanted(NamedTuple):
    """A quantity with its names.

    Attributes
    ----------
    places : the random terms that it is made of
    over : what it is divided by; where this may be zero, nothing is known of the quantity
    shown : what turns it and its limits into what is reported
    """

    names: tuple[str, str, str, str]
    quantity: Quantity
    places: tuple[int, ...]
    over: tuple[Quantity, ...] = ()
    shown: Callable[[float], float] = float


def deviations(fit: LmmFit) -> Iterator[Wanted]:
    """Standard deviations and correlations of the random effects, then the residual standard deviation.

    Of a variance that may be negative, the variance.
    """
    for place, (group, random) in enumerate(zip(fit.groups, fit.matrices.random, strict=True)):
        if _any_sign(fit, place):
            names = (group, INTERCEPT, INTERCEPT, "variance")
            yield Wanted(names, Quantity(_element(place, 0, 0)), (place,))
            continue
        variances = [Quantity(_element(place, i, i), 0) for i in range(len(random.names))]
        for name, variance in zip(random.names, variances, strict=True):
            yield Wanted((group, name, name, "sd"), variance, (place,), shown=np.sqrt)
        for i, j in combinations(range(len(random.names)), 2):
            names = (group, random.names[i], random.names[j], "correlation")
            yield Wanted(names, Quantity(_correlation(place, i, j), -1, 1), (place,), (variances[i], variances[j]))
    yield Wanted(("Residual", "", "", "sd"), Quantity(lambda at: at.sigma2, 0), (), shown=np.sqrt)


def shares(fit: LmmFit) -> Iterator[Wanted]:
    """The correlation of two rows of each group, and how it falls from finer to coarser groups and between periods."""
    if any(r.names != (INTERCEPT,) and r.structure not in ONE_VARIANCE for r in fit.matrices.random):
        raise PlanError("with random slopes the intracluster correlation depends on the covariates: there is not one")
    least = -1.0 if any(_any_sign(fit, place) for place in range(len(fit.groups))) else 0.0
    factors = [random.grouping for random in fit.matrices.random]
    above = [
        tuple(j for j, coarse in enumerate(factors) if coarse is fine or is_nested(fine.level, coarse.level))
        for fine in factors
    ]
    for group, places in zip(fit.groups, above, strict=True):
        yield Wanted((group, INTERCEPT, INTERCEPT, "icc"), Quantity(_share(places), least, 1), places)
    for i, j in ((i, j) for i, places in enumerate(above) for j in places if j != i):
        names = (fit.groups[i], INTERCEPT, fit.groups[j], "autocorrelation")
        yield Wanted(names, Quantity(_ratio(above[j], above[i]), least, 1), above[i], (Quantity(_sum(above[i]), 0),))
    for place, random in enumerate(fit.matrices.random):
        if random.structure in ONE_VARIANCE:
            names = (fit.groups[place], random.names[0], random.names[1], "autocorrelation")
            over = (Quantity(_element(place, 0, 0), 0),)
            yield Wanted(names, Quantity(_correlation(place, 0, 1), -1, 1), (place,), over)


def variance_table(
    fit: LmmFit, wanted: Iterable[Wanted], interval: Interval, conf_level: float, reml: bool | None
) -> pd.DataFrame:
    """A row for each quantity, with the columns `COLUMNS`."""
    if interval not in get_args(Interval):
        raise PlanError(f"interval {interval!r} is unknown; choose from {', '.join(get_args(Interval))}")
    result = fit.result if reml in (None, fit.result.deviance.reml) else refit_lmm(fit.result, reml=bool(reml))
    return pd.DataFrame([_row(result, item, interval, conf_level) for item in wanted], columns=list(COLUMNS))


def fixed_table(fit: LmmFit, conf_level: float) -> pd.DataFrame:
    """Profile-likelihood intervals of the coefficients; see `LmmFit.profile_intervals`."""
    result = refit_lmm(fit.result, reml=False) if fit.result.deviance.reml else fit.result
    excess = special.chdtri(1, 1 - conf_level)
    low, high = np.array([contrast_interval(result, contrast, excess) for contrast in np.eye(len(fit.terms))]).T
    return pd.DataFrame({"term": fit.terms, "estimate": result.estimate, "conf_low": low, "conf_high": high})


def _row(result: LmmResult, wanted: Wanted, interval: Interval, conf_level: float) -> tuple[object, ...]:
    boundary = any(result.boundary[place] for place in wanted.places)
    estimate, std_error = quantity_estimate(result, wanted.quantity)
    if interval == "wald":
        limits = _wald(wanted.quantity, estimate, np.nan if boundary else std_error, conf_level)
    else:
        limits = _profile(result, wanted, special.chdtri(1, 1 - conf_level))
    return *wanted.names, *(wanted.shown(value) for value in (estimate, *limits)), boundary


def _profile(result: LmmResult, wanted: Wanted, excess: float) -> tuple[float, float]:
    if any(quantity_interval(result, over, excess)[0] == 0 for over in wanted.over):
        return wanted.quantity.least, wanted.quantity.most
    return quantity_interval(result, wanted.quantity, excess)


def _wald(quantity: Quantity, estimate: float, std_error: float, conf_level: float) -> tuple[float, float]:
    """By the normal: for what is positive, on the logarithm, and for what lies between limits, on Fisher's z."""
    z = special.ndtri(0.5 + conf_level / 2)
    if np.isinf(quantity.least):
        return estimate - z * std_error, estimate + z * std_error
    if np.isinf(quantity.most):
        return estimate * np.exp(-z * std_error / estimate), estimate * np.exp(z * std_error / estimate)
    half = z * std_error / (1 - estimate**2)
    low, high = np.tanh(np.arctanh(estimate) - half), np.tanh(np.arctanh(estimate) + half)
    return max(quantity.least, low), high


def _element(place: int, i: int, j: int) -> Callable[[Components], float]:
    return lambda at: float(at.covariances[place][i, j])


def _correlation(place: int, i: int, j: int) -> Callable[[Components], float]:
    def value(at: Components) -> float:
        covariance = at.covariances[place]
        return _quotient(float(covariance[i, j]), float(np.sqrt(covariance[i, i] * covariance[j, j])))

    return value


def _sum(places: Iterable[int]) -> Callable[[Components], float]:
    return lambda at: float(sum(at.covariances[place][0, 0] for place in places))


def _ratio(up: Iterable[int], down: Iterable[int]) -> Callable[[Components], float]:
    return lambda at: _quotient(_sum(up)(at), _sum(down)(at))


def _share(places: Iterable[int]) -> Callable[[Components], float]:
    return lambda at: _sum(places)(at) / (_sum(range(len(at.covariances)))(at) + at.sigma2)


def _quotient(part: float, whole: float) -> float:
    return part / whole if whole else np.nan


def _any_sign(fit: LmmFit, place: int) -> bool:
    return fit.matrices.random[place].structure == "any sign"


def is_nested(fine: Codes, coarse: Codes) -> bool:
    """Whether each level of `fine` lies within one of `coarse`."""
    first = np.unique(fine, return_index=True)[1]
    return bool(np.array_equal(coarse, coarse[first][fine]))
