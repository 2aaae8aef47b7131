"""How variation between clusters is estimated: the choices for each kind of outcome, and what comes out."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ..errors import FitError, PlanError
from .choices import check_option
from .summaries import Kind

Method = Literal["anova", "reml", "fleiss-cuzick", "moments"]
Interval = Literal[
    "exact", "searle", "thomas-hultquist", "smith", "beta-binomial", "zou-donner", "q-profile", "bootstrap"
]
Indices = NDArray[np.intp]

METHODS: dict[Kind, tuple[Method, ...]] = {
    "mean": ("anova", "reml"),
    "proportion": ("anova", "fleiss-cuzick"),
    "rate": ("moments",),
}
"""Estimators of each kind of outcome, the default first."""

INTERVALS: dict[Kind, tuple[Interval, ...]] = {
    "mean": ("exact", "searle", "thomas-hultquist", "smith", "bootstrap"),
    "proportion": ("beta-binomial", "zou-donner", "smith", "bootstrap"),
    "rate": ("q-profile", "bootstrap"),
}
"""Intervals of each kind of outcome, the default first."""


@dataclass(frozen=True)
class Choice:
    """The estimator, its interval, and the draws of a bootstrap."""

    method: Method
    interval: Interval
    conf_level: float
    replicates: int
    seed: int | None

    @property
    def tails(self) -> tuple[float, float]:
        """Probabilities below the two limits."""
        return 0.5 - self.conf_level / 2, 0.5 + self.conf_level / 2


class Limits(NamedTuple):
    """An interval and the standard error that goes with it."""

    std_error: float
    conf_low: float
    conf_high: float


def choose(
    kind: Kind, method: Method | None, interval: Interval | None, conf_level: float, replicates: int, seed: int | None
) -> Choice:
    """The choices, or a `PlanError` that lists the good ones."""
    check_option("kind", kind, tuple(METHODS))
    choice = Choice(method or METHODS[kind][0], interval or INTERVALS[kind][0], conf_level, replicates, seed)
    check_option(f"method of a {kind}", choice.method, METHODS[kind])
    check_option(f"interval of a {kind}", choice.interval, INTERVALS[kind])
    if not 0 < conf_level < 1:
        raise PlanError(f"conf_level is {conf_level}; it lies between 0 and 1, such as 0.95")
    _check_bootstrap(choice)
    return choice


def _check_bootstrap(choice: Choice) -> None:
    if choice.interval != "bootstrap":
        return
    if choice.seed is None:
        raise PlanError("interval='bootstrap' draws clusters at random: give a seed, such as seed=1")
    if choice.method == "reml":
        raise PlanError("interval='bootstrap' is for method='anova'; for REML use bootstrap() of the fit by lmm")
    if choice.replicates < 1 / choice.tails[0]:
        raise PlanError(f"{choice.replicates} replicates are too few for an interval of {choice.conf_level:g}")


def bootstrap(statistic: Callable[[Indices], float], group: Indices, choice: Choice) -> Limits:
    """Clusters drawn with replacement within their groups: bias-corrected and accelerated limits (Efron 1987).

    `statistic` takes the places of the clusters drawn. FitError where it is undefined for some draws.
    """
    places = [np.flatnonzero(group == g) for g in range(int(group.max()) + 1)]
    if min(map(len, places)) < 2:
        raise PlanError("interval='bootstrap' draws clusters within groups, and one has a single cluster")
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        drawn = stats.bootstrap(
            places,
            lambda *chosen: statistic(np.concatenate(chosen)),
            n_resamples=choice.replicates,
            confidence_level=choice.conf_level,
            vectorized=False,
            rng=np.random.default_rng(choice.seed),
        )
    low, high = drawn.confidence_interval
    if not np.isfinite([low, high]).all():
        raise FitError("some draws of clusters have no variation or no events; choose an interval but 'bootstrap'")
    return Limits(float(drawn.standard_error), float(low), float(high))
