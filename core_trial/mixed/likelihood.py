"""Likelihood-ratio tests of mixed models, with the boundary allowed for where a variance is tested."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from ..engine.arrays import Array
from ..engine.lmm import LmmResult, fit_lmm, refit_lmm
from ..engine.patterned import PATTERNS
from ..errors import PlanError
from ..formula.matrices import RandomColumns

if TYPE_CHECKING:
    from .fit import LmmFit

WITHIN = 1e-8  # share of a column that may lie outside a space that contains it, from rounding
WIDER: Mapping[str, Collection[str]] = {
    "us": tuple(PATTERNS),
    "any sign": ("us",),
    "csh": ("cs", "diag"),
    "ar1h": ("ar1", "diag"),
    **dict.fromkeys(("cs", "ar1", "diag"), ()),
}
"""The structures that are special cases of each."""
CONSTANT = ("cs", "csh", "ar1", "ar1h")  # structures of periods that may have one effect for all
NO_WORSE = 1e-6  # by how much a smaller model may fit better, from rounding


@dataclass(frozen=True, kw_only=True)
class LikelihoodRatio:
    """Two nested models compared.

    Attributes
    ----------
    statistic : twice the difference of the log-likelihoods
    df : parameters that the larger model has more
    p_value : with half of the weight on one degree of freedom less, where one more variance is tested
    models : a row a model: `model parameters loglik aic bic`
    method, notes : what was done, and what the reader must know
    """

    statistic: float
    df: int
    p_value: float
    models: pd.DataFrame
    method: str
    notes: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """One row: `statistic df p_value`."""
        return pd.DataFrame({"statistic": [self.statistic], "df": self.df, "p_value": self.p_value})


def likelihood_ratio(small: LmmFit, large: LmmFit) -> LikelihoodRatio:
    """Test what `large` has more than `small`: two fits by `lmm` of the same rows, one nested in the other.

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
    >>> import core_trial as ct
    >>> teams, scores = list("aaabbbcccddd"), [3, 5, 4, 8, 6, 9, 4, 5, 6, 9, 7, 9]
    >>> people = pd.DataFrame({"team": teams, "age": range(12), "y": scores})
    >>> fits = [ct.lmm(formula, people) for formula in ("y ~ 1 + (1 | team)", "y ~ age + (1 | team)")]
    >>> ct.likelihood_ratio(*fits).tidy().round(3).loc[0].tolist()
    [3.547, 1.0, 0.06]
    """
    fixed = _check_nested(small, large)
    results, notes = _comparable(small.result, large.result, fixed)
    variances = _variance_parameters(results[1]) - _variance_parameters(results[0])
    statistic = 2 * (results[1].log_likelihood - results[0].log_likelihood)
    if fixed + variances < 1 or statistic < -NO_WORSE * (1 + abs(results[0].log_likelihood)):
        raise PlanError("the second model must have more parameters than the first, and all that the first has")
    statistic, more = max(statistic, 0.0), _bounded_variances(large) - _bounded_variances(small)
    p_value, reference = _reference(statistic, fixed, variances, more)
    likelihood = "restricted likelihoods" if results[0].deviance.reml else "likelihoods"
    return LikelihoodRatio(
        statistic=statistic,
        df=fixed + variances,
        p_value=p_value,
        models=pd.DataFrame([_row(n, r) for n, r in zip(("small", "large"), results, strict=True)]),
        method=f"Likelihood-ratio test from {likelihood}, compared with {reference}",
        notes=notes,
    )


def variance_tests(fit: LmmFit) -> pd.DataFrame:
    """A row a random term: the model without it; see `LmmFit.test_variances`."""
    rows = []
    structure = fit.result.deviance.random.as_given(fit.result.deviance.random.structure.parts)
    for i, random in enumerate(fit.matrices.random):
        loglik = _without(fit, i)
        statistic, df = max(2 * (fit.result.log_likelihood - loglik), 0.0), structure[i].parameters
        p_value, reference = _reference(statistic, 0, df, _variances(random))
        rows.append((fit.groups[i], loglik, statistic, df, p_value, reference))
    return pd.DataFrame(rows, columns=["group", "loglik", "statistic", "df", "p_value", "reference"])


def _check_nested(small: LmmFit, large: LmmFit) -> int:
    """How many more fixed effects the larger model has; PlanError if it is not larger."""
    if not np.array_equal(small.matrices.y, large.matrices.y):
        raise PlanError("the two models are not of the same outcome in the same rows; leave out the same rows before")
    narrow, wide = (fit.matrices.x[:, fit.result.kept] for fit in (small, large))
    covered = all(any(_covers(more, r) for more in large.matrices.random) for r in small.matrices.random)
    if not _within(narrow, wide) or not covered:
        raise PlanError("the first model is not nested in the second: each of its effects must be among the second's")
    return int(wide.shape[1] - narrow.shape[1])


def _covers(large: RandomColumns, small: RandomColumns) -> bool:
    """Whether a random term can have every covariance that the other can."""
    if not np.array_equal(large.grouping.level, small.grouping.level) or not _within(small.columns, large.columns):
        return False
    constant = len(small.names) == 1 and large.structure in CONSTANT
    return small.structure == large.structure or constant or small.structure in WIDER[large.structure]


def _within(columns: Array, space: Array) -> bool:
    """Whether the columns (n, a) are combinations of those of `space` (n, b)."""
    if not space.shape[1]:
        return not columns.shape[1]
    scaled = columns / np.maximum(np.linalg.norm(columns, axis=0), np.finfo(float).tiny)
    left = scaled - space @ np.linalg.lstsq(space, scaled, rcond=None)[0]
    return bool(np.all(np.abs(left) <= WITHIN))


def _comparable(small: LmmResult, large: LmmResult, fixed: int) -> tuple[list[LmmResult], tuple[str, ...]]:
    """The two fits by one likelihood that compares them, and what was refitted."""
    restricted = [result.deviance.reml for result in (small, large)]
    if not any(restricted) or (all(restricted) and not fixed):
        return [small, large], ()
    note = "refitted by maximum likelihood, because restricted likelihoods of different fixed effects do not compare"
    return [refit_lmm(r, reml=False) if r.deviance.reml else r for r in (small, large)], (note,)


def _variance_parameters(result: LmmResult) -> int:
    return result.deviance.random.structure.size + 1


def _bounded_variances(fit: LmmFit) -> int:
    return sum(map(_variances, fit.matrices.random))


def _variances(random: RandomColumns) -> int:
    """How many variances of a random term cannot be below zero."""
    return 0 if random.structure == "any sign" else len(random.names)


def _reference(statistic: float, fixed: int, variances: int, bounded: int) -> tuple[float, str]:
    """The p-value, and what it is taken from; `bounded` of the `variances` parameters cannot be negative."""
    df = fixed + variances
    if bounded != 1:
        cautious = ", conservative because variances are tested" if bounded else ""
        return float(special.chdtrc(df, statistic)), f"chi-squared with {df} degrees of freedom{cautious}"
    below = float(special.chdtrc(df - 1, statistic)) if df > 1 else float(statistic <= 0)
    mixture = f"the even mixture of chi-squared with {df - 1} and {df} degrees of freedom"
    return (below + float(special.chdtrc(df, statistic))) / 2, mixture


def _without(fit: LmmFit, which: int) -> float:
    """The log-likelihood of the model without one of its random terms."""
    deviance, response = fit.result.deviance, fit.result.response
    rest = [term for i, term in enumerate(deviance.random.as_given(deviance.random.terms)) if i != which]
    if rest:
        return fit_lmm(fit.matrices.y, fit.matrices.x, rest, reml=deviance.reml).log_likelihood
    none = deviance.profile(np.zeros(deviance.random.structure.elements))
    return -0.5 * (none.value + response.change_of_units(none.df, none.reml))


def _row(name: str, result: LmmResult) -> dict[str, object]:
    parameters = len(result.estimate) + _variance_parameters(result)
    aic, bic = (
        penalty * parameters - 2 * result.log_likelihood for penalty in (2, np.log(result.deviance.products.n_rows))
    )
    return {"model": name, "parameters": parameters, "loglik": result.log_likelihood, "aic": aic, "bic": bic}
