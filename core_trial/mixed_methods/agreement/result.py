"""Agreement of raters: the coefficients, each with an interval, and what they are of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import get_args

import pandas as pd

from ...errors import PlanError
from ...wording import percent
from .bootstrap import draw_weights, estimate_all
from .coefficients import Level, Weights
from .ratings import Ratings, read_ratings

COLUMNS = ("code", "coefficient", "weights", "estimate", "conf_low", "conf_high", "units", "note")


@dataclass(frozen=True, eq=False)
class Agreement:
    """How far raters agree.

    Attributes
    ----------
    table : a row a code and coefficient, and, of several codes, all pooled: code, coefficient, weights (of alpha, the
        level of measurement), estimate, conf_low, conf_high, units (rated by at least two), note (why an estimate is
        missing). Percent agreement is a proportion
    unit : what was rated: "segment", "sentence", "character" or as the user calls it
    raters : their names
    method : one sentence for a methods section
    notes : what the reader must know
    """

    table: pd.DataFrame = field(repr=False)
    unit: str
    raters: tuple[str, ...]
    method: str
    notes: tuple[str, ...] = ()


def of_ratings(
    data: pd.DataFrame,
    *,
    unit: str,
    rater: str,
    value: str,
    code: str | None = None,
    categories: Sequence[object] | None = None,
    weights: Weights = "unweighted",
    level: Level = "nominal",
    resamples: int = 2000,
    seed: int = 1,
    conf_level: float = 0.95,
) -> Agreement:
    """Agreement of two or more raters on categories or scores; not every rater need rate every unit.

    Parameters
    ----------
    data : a row a rating
    unit, rater, value : columns of what is rated, by whom and as what; an empty value is a missing rating
    code : column of what the rating is about, if it is about several things; each is reported, and all pooled
    categories : all values that raters could give, in order; by default those that they gave, sorted
    weights : how near misses count in all coefficients but alpha: "unweighted", "linear" or "quadratic" in the
        difference of scores (of words: of their places in `categories`)
    level : of measurement, for Krippendorff's alpha: "nominal", "ordinal", "interval" or "ratio"
    resamples, seed, conf_level : of the percentile bootstrap, which draws units with replacement

    Raises
    ------
    PlanError : a column is not there, or an option is unknown
    DataError : a rater rated a unit twice (named, with the rows), a value is no category, a unit or rater is missing

    Examples
    --------
    >>> import core_trial as ct
    >>> scores = [1, 1, 2, 3, 1, 2, 0, 1, 2, 3, 1, 2]
    >>> ratings = pd.DataFrame({"team": list("abcdef") * 2, "rater": ["R1"] * 6 + ["R2"] * 6, "score": scores})
    >>> agreement = ct.mixed_methods.agreement.of_ratings(ratings, unit="team", rater="rater", value="score")
    >>> agreement.table.set_index("coefficient")["estimate"].round(3).to_dict()["Cohen kappa"]
    0.76
    """
    _check_options(weights, level, resamples, conf_level)
    ratings = read_ratings(data, unit, rater, value, code, categories)
    return summarise(ratings, unit, weights=weights, level=level, resamples=resamples, seed=seed, conf_level=conf_level)


def summarise(
    ratings: Ratings,
    unit: str,
    *,
    weights: Weights = "unweighted",
    level: Level = "nominal",
    resamples: int,
    seed: int,
    conf_level: float,
    groups: str | None = None,
    notes: Sequence[str] = (),
) -> Agreement:
    """All coefficients; `groups` names what the bootstrap draws instead of units."""
    drawn = draw_weights(ratings, resamples, seed, groups=groups is not None)
    table = estimate_all(ratings, drawn, weights, level, conf_level)[list(COLUMNS)]
    lacking = () if len(ratings.raters) > 1 else (f"agreement is undefined: {ratings.raters[0]} is the only rater",)
    method = (
        f"Agreement of {len(ratings.raters)} raters on {ratings.units:,} units ({unit}); {percent(conf_level)} "
        f"percentile intervals of {resamples:,} bootstrap samples of {groups or 'units'} (seed {seed})"
    )
    return Agreement(table, unit, ratings.raters, method, (*lacking, *notes))


def _check_options(weights: str, level: str, resamples: int, conf_level: float) -> None:
    for name, given, allowed in (("weights", weights, get_args(Weights)), ("level", level, get_args(Level))):
        if given not in allowed:
            raise PlanError(f"{name} is {given!r}; choose one of {', '.join(map(repr, allowed))}")
    check_bootstrap(resamples, conf_level)


def check_bootstrap(resamples: int, conf_level: float) -> None:
    if resamples < 1:
        raise PlanError(f"resamples is {resamples}; draw at least 1, and 2000 for an interval that is steady")
    if not 0 < conf_level < 1:
        raise PlanError(f"conf_level is {conf_level}; give a number between 0 and 1")
