"""Effect measures as functions of the means in the two arms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..engine.arrays import Array
from ..errors import FitError, PlanError
from .standardisable import Scale

Measure = Literal[
    "mean difference",
    "ratio of means",
    "risk difference",
    "risk ratio",
    "odds ratio",
    "rate difference",
    "rate ratio",
]
LinkName = Literal["identity", "log", "logit"]

MEASURES: Mapping[Scale, tuple[Measure, ...]] = {
    "mean": ("mean difference", "ratio of means"),
    "risk": ("risk difference", "risk ratio", "odds ratio"),
    "rate": ("rate ratio", "rate difference"),
}
"""Effect measures of each kind of mean, the default first."""


@dataclass(frozen=True)
class Transform:
    """What a measure is the difference of: a function of a mean, and its derivative.

    Attributes
    ----------
    of, slope : (...,) -> (...,)
    """

    link: LinkName
    of: Callable[[Array], Array]
    slope: Callable[[Array], Array]


IDENTITY = Transform("identity", lambda mean: mean, np.ones_like)
LOG = Transform("log", np.log, lambda mean: 1 / mean)
LOGIT = Transform("logit", lambda mean: np.log(mean / (1 - mean)), lambda mean: 1 / (mean * (1 - mean)))


NOTHING = 1e-12  # a mean, or its distance from one, that is zero but for rounding


def choose_measure(scale: Scale, measure: Measure | None) -> Measure:
    """The measure, or the usual one; a `PlanError` lists those that suit."""
    chosen = measure or MEASURES[scale][0]
    if chosen not in MEASURES[scale]:
        choices = ", ".join(map(repr, MEASURES[scale]))
        raise PlanError(f"the measure of a {scale} is {chosen!r}; choose one of {choices}")
    return chosen


def transform(measure: Measure) -> Transform:
    """The scale on which the arms are subtracted."""
    if measure == "odds ratio":
        return LOGIT
    return LOG if measure in ("ratio of means", "risk ratio", "rate ratio") else IDENTITY


def check_means(means: Array, measure: Measure) -> None:
    """FitError where a mean (2,), of control and intervention, has no such ratio."""
    link = transform(measure).link
    for mean, arm in zip(means, ("control", "intervention"), strict=True):
        if (link != "identity" and mean <= NOTHING) or (link == "logit" and mean >= 1 - NOTHING):
            difference = measure.replace("ratio of means", "mean difference").replace("odds", "risk")
            raise FitError(
                f"the mean of the {arm} arm is {round(mean, 12) + 0.0:.3g}, so there is no {measure}; ask for the"
                f" {difference.replace('ratio', 'difference')}"
            )
