"""Intervals of what is made of the variances of a mixed model: deviations, correlations, shares of the variance."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from itertools import combinations
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from scipy import special

from ..engine.arrays import Codes
from ..engine.linear.extremes import Quantity, Surroundings, contrast_interval, quantity_estimate, quantity_interval
from ..engine.linear.lmm import refit_lmm
from ..engine.linear.patterned import PATTERNS
from ..engine.linear.region import Components, Region
from ..errors import PlanError
from ..formula.coding import INTERCEPT
from ..formula.matrices import RandomColumns

if TYPE_CHECKING:
    from .fit import LmmFit

Interval = Literal["profile", "wald"]
ONE_VARIANCE = ("cs", "ar1")  # structures of periods that have one
PERIOD = re.compile(r"[^:\[]+\[(?!T\.)[^:]*\]")  # the column of a level of a factor, as C(month)[6]
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
            yield Wanted(names, Quantity(element(place, 0, 0)), (place,))
            continue
        variances = _variances(place, random)
        for name, variance in zip(random.names, variances, strict=True):
            yield Wanted((group, name, name, "sd"), variance, (place,), shown=np.sqrt)
        for (i, j), shared in _correlations(place, random).items():
            names = (group, random.names[i], random.names[j], "correlation")
            yield Wanted(names, shared, (place,), (variances[i], variances[j]))
    yield Wanted(("Residual", "", "", "sd"), Quantity(lambda at: at.sigma2, 0), (), shown=np.sqrt)


def shares(fit: LmmFit) -> Iterator[Wanted]:
    """The correlation of two rows of each group, and how it falls from finer to coarser groups and between periods."""
    random = fit.matrices.random
    periods, factors = _periods(random), [term.grouping for term in random]
    least = -1.0 if any(_any_sign(fit, place) for place in range(len(random))) else 0.0
    above = [
        tuple(j for j, coarse in enumerate(factors) if coarse is fine or is_nested(fine.level, coarse.level))
        for fine in factors
    ]
    for period, name in enumerate(periods):
        own = [period if _varies(term) else 0 for term in random]
        for group, places in zip(fit.groups, above, strict=True):
            yield Wanted((group, name, name, "icc"), Quantity(_share(places, own), least, 1), places)
        for i, j in ((i, j) for i, places in enumerate(above) for j in places if j != i):
            names, fine = (fit.groups[i], name, fit.groups[j], "autocorrelation"), Quantity(_sum(above[i], own), 0)
            yield Wanted(names, Quantity(_ratio(above[j], above[i], own), least, 1), above[i], (fine,))
    for place, term in enumerate(random):
        yield from _between_periods(fit.groups[place], place, term)


def _between_periods(group: str, place: int, term: RandomColumns) -> Iterator[Wanted]:
    """The correlation of the effects of two periods; of the first two, where these say what all others are."""
    variances = _variances(place, term)
    for (i, j), shared in _correlations(place, term).items():
        if _varies(term) or (i, j) == (0, 1):
            names = (group, term.names[i], term.names[j], "autocorrelation")
            yield Wanted(names, shared, (place,), (variances[i], variances[j]))


def _variances(place: int, term: RandomColumns) -> list[Quantity]:
    """One for each effect; equal where the structure of the covariance makes them so."""
    own = [Quantity(element(place, i, i), 0) for i in range(len(term.names))]
    return [own[0]] * len(own) if term.structure in ONE_VARIANCE else own


def _correlations(place: int, term: RandomColumns) -> dict[tuple[int, int], Quantity]:
    """One for each pair of effects that may correlate; equal where the structure makes them so."""
    if term.structure == "diag":
        return {}
    exponent = PATTERNS[term.structure].exponent if term.structure in PATTERNS else None
    pairs = list(combinations(range(len(term.names)), 2))
    first = {"one": [(0, 1) for _ in pairs], "lag": [(0, j - i) for i, j in pairs], None: pairs}[exponent]
    quantities = {pair: Quantity(correlation(place, *pair), -1, 1) for pair in pairs}
    return {pair: quantities[like] for pair, like in zip(pairs, first, strict=True)}


def _varies(term: RandomColumns) -> bool:
    """Whether a term has several effects with a variance each."""
    return len(term.names) > 1 and term.structure not in ONE_VARIANCE


def _periods(random: Iterable[RandomColumns]) -> tuple[str, ...]:
    """The periods with a variance each, or the intercept for all; PlanError where effects are no periods."""
    varying = {term.names for term in random if _varies(term) or not _one_a_row(term)}
    if len(varying) > 1 or not all(PERIOD.fullmatch(name) for names in varying for name in names):
        raise PlanError("with random slopes the intracluster correlation depends on the covariates: there is not one")
    return varying.pop() if varying else (INTERCEPT,)


def _one_a_row(term: RandomColumns) -> bool:
    """Whether a row has one of the effects, once."""
    return term.names == (INTERCEPT,) or all(PERIOD.fullmatch(name) for name in term.names)


def variance_table(
    fit: LmmFit, wanted: Iterable[Wanted], interval: Interval, conf_level: float, reml: bool | None
) -> pd.DataFrame:
    """A row for each quantity, with the columns `COLUMNS`."""
    result = fit.result if reml in (None, fit.result.deviance.reml) else refit_lmm(fit.result, reml=bool(reml))
    return quantity_table(Region(result), result.boundary, wanted, interval, conf_level)


def quantity_table(
    region: Surroundings, boundaries: Sequence[bool], wanted: Iterable[Wanted], interval: Interval, conf_level: float
) -> pd.DataFrame:
    """A row for each quantity; `boundaries` say which of the components are at the end of their range."""
    if interval not in get_args(Interval):
        raise PlanError(f"interval {interval!r} is unknown; choose from {', '.join(get_args(Interval))}")
    profile = cache(partial(quantity_interval, region, excess=special.chdtri(1, 1 - conf_level)))  # some are equal

    def row(wanted: Wanted) -> tuple[object, ...]:
        boundary = any(boundaries[place] for place in wanted.places)
        estimate, std_error = quantity_estimate(region, wanted.quantity)
        if interval == "wald":
            limits = _wald(wanted.quantity, estimate, np.nan if boundary else std_error, conf_level)
        else:
            limits = _profile(wanted, profile)
        numbers = [wanted.shown(value) + 0.0 for value in (estimate, *limits)]  # no zero below zero
        return *wanted.names, *numbers, boundary

    return pd.DataFrame([row(item) for item in wanted], columns=list(COLUMNS))


def fixed_table(fit: LmmFit, conf_level: float) -> pd.DataFrame:
    """Profile-likelihood intervals of the coefficients; see `LmmFit.profile_intervals`."""
    result = refit_lmm(fit.result, reml=False) if fit.result.deviance.reml else fit.result
    excess = special.chdtri(1, 1 - conf_level)
    low, high = np.array([contrast_interval(result, contrast, excess) for contrast in np.eye(len(fit.terms))]).T
    return pd.DataFrame({"term": fit.terms, "estimate": result.estimate, "conf_low": low, "conf_high": high})


def _profile(wanted: Wanted, interval: Callable[[Quantity], tuple[float, float]]) -> tuple[float, float]:
    if any(interval(over)[0] == 0 for over in wanted.over):
        return wanted.quantity.least, wanted.quantity.most
    return interval(wanted.quantity)


def _wald(quantity: Quantity, estimate: float, std_error: float, conf_level: float) -> tuple[float, float]:
    """By the normal: for what is positive, on the logarithm, and for what lies between limits, on Fisher's z."""
    z = special.ndtri(0.5 + conf_level / 2)
    if np.isinf(quantity.least):
        return estimate - z * std_error, estimate + z * std_error
    if np.isinf(quantity.most):
        return estimate * np.exp(-z * std_error / estimate), estimate * np.exp(z * std_error / estimate)
    half = z * std_error / (1 - estimate**2)
    low, high = np.tanh(np.arctanh(estimate) - half), np.tanh(np.arctanh(estimate) + half)
    return float(np.maximum(quantity.least, low)), high


def element(place: int, i: int, j: int) -> Callable[[Components], float]:
    return lambda at: float(at.covariances[place][i, j])


def correlation(place: int, i: int, j: int) -> Callable[[Components], float]:
    def value(at: Components) -> float:
        covariance = at.covariances[place]
        return _quotient(float(covariance[i, j]), float(np.sqrt(covariance[i, i] * covariance[j, j])))

    return value


def _sum(places: Iterable[int], own: Sequence[int]) -> Callable[[Components], float]:
    """Of the variances at `places`, the term at each place with that of its `own` effects."""
    return lambda at: float(sum(at.covariances[place][own[place], own[place]] for place in places))


def _ratio(up: Iterable[int], down: Iterable[int], own: Sequence[int]) -> Callable[[Components], float]:
    return lambda at: _quotient(_sum(up, own)(at), _sum(down, own)(at))


def _share(places: Iterable[int], own: Sequence[int]) -> Callable[[Components], float]:
    return lambda at: _sum(places, own)(at) / (_sum(range(len(own)), own)(at) + at.sigma2)


def _quotient(part: float, whole: float) -> float:
    return part / whole if whole else np.nan


def _any_sign(fit: LmmFit, place: int) -> bool:
    return fit.matrices.random[place].structure == "any sign"


def is_nested(fine: Codes, coarse: Codes) -> bool:
    """Whether each level of `fine` lies within one of `coarse`."""
    first = np.unique(fine, return_index=True)[1]
    return bool(np.array_equal(coarse, coarse[first][fine]))
