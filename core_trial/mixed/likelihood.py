"""Likelihood-ratio tests of mixed models, with the boundary allowed for where a variance is tested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from scipy import special

from ..engine.arrays import Array
from ..engine.linear.lmm import fit_lmm
from ..errors import PlanError
from ..formula.matrices import RandomColumns

if TYPE_CHECKING:
    from .fit import LmmFit
    from .repeated import MmrmFit

WITHIN = 1e-8  # share of a column that may lie outside a space that contains it, from rounding
NOT_NESTED = "the first model is not nested in the second: each of its effects must be among the second's"
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


class Compared(NamedTuple):
    """A model that is compared: its log-likelihood, how many coefficients and parameters of covariance it has."""

    loglik: float
    coefficients: int
    parameters: int
    n_rows: int
    reml: bool


M = TypeVar("M", "LmmFit", "MmrmFit")


def compared(small: Compared, large: Compared, *, bounded: int, notes: tuple[str, ...]) -> LikelihoodRatio:
    """The test; the larger model has `bounded` variances more that cannot be negative."""
    fixed, variances = large.coefficients - small.coefficients, large.parameters - small.parameters
    statistic = 2 * (large.loglik - small.loglik)
    if fixed + variances < 1 or statistic < -NO_WORSE * (1 + abs(small.loglik)):
        raise PlanError("the second model must have more parameters than the first, and all that the first has")
    statistic = max(statistic, 0.0)
    p_value, reference = _reference(statistic, fixed, variances, bounded)
    likelihood = "restricted likelihoods" if small.reml else "likelihoods"
    return LikelihoodRatio(
        statistic=statistic,
        df=fixed + variances,
        p_value=p_value,
        models=pd.DataFrame([_row(name, model) for name, model in (("small", small), ("large", large))]),
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
        p_value, reference = _reference(statistic, 0, df, bounded_variances(random))
        rows.append((fit.groups[i], loglik, statistic, df, p_value, reference))
    return pd.DataFrame(rows, columns=["group", "loglik", "statistic", "df", "p_value", "reference"])


def more_coefficients(small: M, large: M) -> int:
    """How many more fixed effects the larger model has; PlanError if it has not those of the smaller."""
    narrow, wide = (fit.matrices.x[:, fit.result.kept] for fit in (small, large))
    if not lies_within(narrow, wide):
        raise PlanError(NOT_NESTED)
    return int(wide.shape[1] - narrow.shape[1])


def lies_within(columns: Array, space: Array) -> bool:
    """Whether the columns (n, a) are combinations of those of `space` (n, b)."""
    if not space.shape[1]:
        return not columns.shape[1]
    scaled = columns / np.maximum(np.linalg.norm(columns, axis=0), np.finfo(float).tiny)
    left = scaled - space @ np.linalg.lstsq(space, scaled, rcond=None)[0]
    return bool(np.all(np.abs(left) <= WITHIN))


def bounded_variances(random: RandomColumns) -> int:
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


def _row(name: str, model: Compared) -> dict[str, object]:
    parameters = model.coefficients + model.parameters
    aic, bic = (penalty * parameters - 2 * model.loglik for penalty in (2, np.log(model.n_rows)))
    return {"model": name, "parameters": parameters, "loglik": model.loglik, "aic": aic, "bic": bic}
