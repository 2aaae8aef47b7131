"""Two nested mixed models compared: `likelihood_ratio`."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from ..engine.linear.lmm import LmmResult, refit_lmm
from ..engine.linear.patterned import PATTERNS
from ..errors import PlanError
from ..formula.matrices import RandomColumns
from .fit import LmmFit
from .likelihood import (
    NOT_NESTED,
    Compared,
    LikelihoodRatio,
    M,
    bounded_variances,
    compared,
    lies_within,
    more_coefficients,
)
from .repeated import MmrmFit
from .repeated_likelihood import compare_repeated

WIDER: Mapping[str, Collection[str]] = {
    "us": tuple(PATTERNS),
    "any sign": ("us",),
    "csh": ("cs", "diag"),
    "ar1h": ("ar1", "diag"),
    **dict.fromkeys(("cs", "ar1", "diag"), ()),
}
"""The structures that are special cases of each."""
CONSTANT = ("cs", "csh", "ar1", "ar1h")  # structures of periods that may have one effect for all


def likelihood_ratio(small: M, large: M) -> LikelihoodRatio:
    """Test what `large` has more than `small`: fits by `lmm`, or by `mmrm`, of the same rows, one nested in the other.

    Fits by REML are compared as they are if their fixed effects are the same, and refitted by maximum likelihood
    otherwise. A random effect that only `large` has puts `small` on the boundary of its parameters: with k more
    parameters of covariance, one of them a variance, the reference is the even mixture of chi-squared with k - 1 and k
    degrees of freedom (Stram and Lee, 1994, Biometrics 50:1171); with several variances chi-squared with k, which is
    conservative. With few clusters prefer `fit.test`: this test is liberal for fixed effects.

    Raises
    ------
    PlanError : the fits are not of the same rows, or not nested

    Examples
    --------
    >>> import pandas as pd
    >>> import core_trial as ct
    >>> teams, scores = list("aaabbbcccddd"), [3, 5, 4, 8, 6, 9, 4, 5, 6, 9, 7, 9]
    >>> people = pd.DataFrame({"team": teams, "age": range(12), "y": scores})
    >>> fits = [ct.lmm(formula, people) for formula in ("y ~ 1 + (1 | team)", "y ~ age + (1 | team)")]
    >>> ct.likelihood_ratio(*fits).tidy().round(3).loc[0].tolist()
    [3.547, 1.0, 0.06]
    """
    if isinstance(small, MmrmFit) and isinstance(large, MmrmFit):
        return compare_repeated(small, large)
    if isinstance(small, MmrmFit) or isinstance(large, MmrmFit):
        raise PlanError("a fit by lmm and one by mmrm do not compare: fit both by one of them")
    _check_nested(small, large)
    results, notes = _comparable(small.result, large.result, more_coefficients(small, large))
    bounded = _bounded_variances(large) - _bounded_variances(small)
    return compared(*map(_described, results), bounded=bounded, notes=notes)


def _check_nested(small: LmmFit, large: LmmFit) -> None:
    """PlanError if the random effects of one are not among those of the other, in the same rows."""
    if not np.array_equal(small.matrices.y, large.matrices.y):
        raise PlanError("the two models are not of the same outcome in the same rows; leave out the same rows before")
    if not all(any(_covers(more, r) for more in large.matrices.random) for r in small.matrices.random):
        raise PlanError(NOT_NESTED)


def _covers(large: RandomColumns, small: RandomColumns) -> bool:
    """Whether a random term can have every covariance that the other can."""
    if not np.array_equal(large.grouping.level, small.grouping.level) or not lies_within(small.columns, large.columns):
        return False
    constant = len(small.names) == 1 and large.structure in CONSTANT
    return small.structure == large.structure or constant or small.structure in WIDER[large.structure]


def _comparable(small: LmmResult, large: LmmResult, fixed: int) -> tuple[list[LmmResult], tuple[str, ...]]:
    """The two fits by one likelihood that compares them, and what was refitted."""
    restricted = [result.deviance.reml for result in (small, large)]
    if not any(restricted) or (all(restricted) and not fixed):
        return [small, large], ()
    note = "refitted by maximum likelihood, because restricted likelihoods of different fixed effects do not compare"
    return [refit_lmm(r, reml=False) if r.deviance.reml else r for r in (small, large)], (note,)


def _described(result: LmmResult) -> Compared:
    deviance = result.deviance
    parameters = deviance.random.structure.size + 1
    n_rows = deviance.products.n_rows
    return Compared(result.log_likelihood, len(result.estimate), parameters, n_rows, deviance.reml)


def _bounded_variances(fit: LmmFit) -> int:
    return sum(map(bounded_variances, fit.matrices.random))
