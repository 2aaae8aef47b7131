"""Calibration: raw values to membership in a set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from ...columns import numeric
from ...errors import PlanError

Array = NDArray[np.floating[Any]]
Method = Literal["crisp", "logistic", "linear"]


def calibrate(
    values: ArrayLike | pd.Series,
    anchors: float | Sequence[float],
    *,
    method: Method | None = None,
    inclusion: float = 0.95,
) -> pd.Series:
    """Membership in [0, 1] of raw values, in their own units; missing values stay missing.

    Parameters
    ----------
    values : (n,) numbers
    anchors : one threshold for a crisp set (at it or above is in), or three for a fuzzy set: full exclusion, crossover
        (membership 0.5) and full inclusion, rising for the set of high values and falling for that of low ones
    method : "crisp", "logistic" (the direct method: membership is 1 - `inclusion`, 0.5 and `inclusion` at the anchors)
        or "linear" (0, 0.5 and 1 at them, straight between); by default what the number of anchors asks for, logistic
    inclusion : membership at full inclusion, of the logistic method only

    Raises
    ------
    PlanError : the anchors do not rise or fall, or do not go with the method
    DataError : a value is no number

    Notes
    -----
    With distance d = (x - c) / (c - e) on the side of exclusion and (x - c) / (i - c) on that of inclusion, membership
    is logit^-1(d logit(inclusion)), Ragin 2008, Redesigning Social Inquiry, chapter 5; or (1 + d) / 2 within 0 and 1.

    Examples
    --------
    >>> import core_trial as ct
    >>> ct.mixed_methods.qca.calibrate([10, 20, 30, 40, 50], (15, 30, 45)).round(3).tolist()
    [0.019, 0.123, 0.5, 0.877, 0.981]
    """
    raw = numeric(pd.Series(values))
    points = np.atleast_1d(np.asarray(anchors, dtype=float))
    chosen: Method = method or ("crisp" if len(points) == 1 else "logistic")
    _check(chosen, points, inclusion)
    x = raw.to_numpy()
    crisp = chosen == "crisp"
    membership = np.where(np.isnan(x), np.nan, x >= points[0]) if crisp else _fuzzy(x, points, chosen, inclusion)
    return pd.Series(membership, index=raw.index, name=raw.name)


def _fuzzy(x: Array, anchors: Array, method: Method, inclusion: float) -> Array:
    distance = _distance(x, anchors)
    if method == "linear":
        return np.clip((1 + distance) / 2, 0, 1)
    return np.asarray(expit(distance * logit(inclusion)))


def _distance(x: Array, anchors: Array) -> Array:
    """From the crossover: -1 at full exclusion, 0 at the crossover, 1 at full inclusion."""
    exclusion, crossover, inclusion = anchors
    towards = (x - crossover) * np.sign(inclusion - crossover)
    return np.asarray(towards / np.where(towards < 0, abs(crossover - exclusion), abs(inclusion - crossover)))


def _check(method: str, anchors: Array, inclusion: float) -> None:
    if method not in get_args(Method):
        raise PlanError(f"method is {method!r}; choose one of {', '.join(map(repr, get_args(Method)))}")
    needed = 1 if method == "crisp" else 3
    if len(anchors) != needed or not np.isfinite(anchors).all():
        raise PlanError(f"method={method!r} takes {needed} anchor{'s' * (needed > 1)}, not {anchors.tolist()}")
    if not (np.diff(anchors) > 0).all() and not (np.diff(anchors) < 0).all():
        raise PlanError(f"the anchors {anchors.tolist()} must rise (exclusion, crossover, inclusion) or fall")
    if not 0.5 < inclusion < 1:
        raise PlanError(f"inclusion is {inclusion}; membership at full inclusion lies between 0.5 and 1")
