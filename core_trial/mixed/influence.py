"""What becomes of an estimate when one cluster after the other is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from ..engine.arrays import Array
from ..engine.linear.lmm import LmmResult, fit_lmm, fit_products
from ..engine.linear.random import RandomDesign, RandomTerm
from ..errors import DesignError, FitError, PlanError
from ..fit import Fit
from ..formula.matrices import Grouping, Matrices, RandomColumns
from .degrees import SmallSample, small_sample

if TYPE_CHECKING:
    from .fit import LmmFit

Kept = NDArray[np.bool_]
DEPENDENT = 1e-12  # eigenvalue of X'X / n, the columns being of unit size, that is not zero but for rounding
INVOLVED = 1e-6  # share of a contrast that lies where the rows say nothing
COLUMNS = ("rows", "estimate", "std_error", "df", "p_value", "dfbetas", "cooks_distance", "note")


@dataclass(frozen=True)
class Refit:
    """A fit to some of the rows.

    Attributes
    ----------
    weights : (p,) of its coefficients in the one that is followed
    note : what its design lacks
    """

    result: LmmResult
    matrices: Matrices
    weights: Array
    note: str = ""


class Without(NamedTuple):
    """A fit without some rows: estimates (p,), inference, the `weights` of what is followed, and what it lacks."""

    estimate: Array
    inference: SmallSample
    weights: Array
    note: str


def influence(fit: LmmFit, term: str, by: str | None) -> pd.DataFrame:
    """A row a level; see `LmmFit.influence`."""
    weights = fit.row({term: 1.0})
    grouping = _grouping(fit, by)
    return influence_table(grouping, [_row(fit, weights, grouping.level != i) for i in range(len(grouping.labels))])


def influence_table(grouping: Grouping, rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    """A row for each level, with its columns `COLUMNS`."""
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table.insert(0, "group", grouping.name)
    table.insert(1, "level", np.array(grouping.labels, dtype=object))
    return table


def _grouping(fit: LmmFit, by: str | None) -> Grouping:
    groupings = {random.grouping.name: random.grouping for random in fit.matrices.random}
    name = by or fit.result.deviance.random.absorbed[0].factor
    if name not in groupings:
        raise PlanError(f"{name!r} is no grouping factor of the model; it has {', '.join(groupings)}")
    return groupings[name]


def _row(fit: LmmFit, weights: Array, kept: Kept) -> tuple[object, ...]:
    lost = int(np.sum(~kept))
    try:
        refit = _refit(fit, weights, kept)
    except (DesignError, FitError) as error:
        return lost, *[np.nan] * 6, str(error)
    ddf, information = fit.ddf
    reml = refit.result.deviance.reml
    inference = small_sample(ddf, refit.result, refit.matrices, reml=reml, information=information)
    notes = [refit.note, "boundary fit" if refit.result.singular else ""]
    without = Without(refit.result.estimate, inference, refit.weights, "; ".join(filter(None, notes)))
    return influence_row(fit, weights, lost, without)


def influence_row(fit: Fit, weights: Array, lost: int, without: Without) -> tuple[object, ...]:
    """The columns `COLUMNS` of a fit `without` the `lost` rows of a level."""
    estimate = float(without.weights @ without.estimate)
    std_error = float(np.sqrt(without.weights @ without.inference.covariance @ without.weights))
    df = without.inference.degrees(without.weights)
    p_value = 2 * special.stdtr(df, -abs(estimate / std_error))
    dfbetas = (estimate - weights @ fit.estimate) / std_error
    return lost, estimate, std_error, df, p_value, dfbetas, _cooks_distance(fit, without), without.note


def _cooks_distance(fit: Fit, without: Without) -> float:
    """(b - b_i)'C^-1 (b - b_i) / p, C being the covariance of b; NaN where a coefficient is lost."""
    if len(without.weights) < len(fit.estimate):
        return np.nan
    change = fit.estimate - without.estimate
    return float(change @ np.linalg.solve(fit.covariance, change) / len(change))


def _refit(fit: LmmFit, weights: Array, kept: Kept) -> Refit:
    """From the cross-products of all rows less those of the rows that are not `kept`."""
    result, matrices = fit.result, _matrices(fit, kept)
    random = result.deviance.random
    left_out = _at_rows(random, ~kept).products(result.response.columns[~kept])
    products = result.deviance.products - left_out
    values, axes = np.linalg.eigh(products.total[:-1, :-1] / products.n_rows)
    if values[0] > DEPENDENT:
        refitted = fit_products(products, result.response, _at_rows(random, kept), result.deviance.reml)
        return Refit(refitted, matrices, weights)
    inside = result.response.fixed.transform.T @ weights
    if np.linalg.norm(axes[:, values <= DEPENDENT].T @ inside) > INVOLVED * np.linalg.norm(inside):
        raise DesignError("the rows left do not determine the coefficient")
    return _with_fewer_coefficients(fit, weights, matrices)


def _with_fewer_coefficients(fit: LmmFit, weights: Array, matrices: Matrices) -> Refit:
    """Where the rows left determine the coefficient followed, but not all others."""
    terms = [_random_term(random) for random in matrices.random]
    result = fit_lmm(matrices.y, matrices.x, terms, reml=fit.result.deviance.reml)
    lost = [name for i, name in enumerate(fit.terms) if i not in result.kept]
    return Refit(result, matrices, weights[result.kept], f"no coefficient for {', '.join(lost)} in the rows left")


def _matrices(fit: LmmFit, kept: Kept) -> Matrices:
    """Of the rows `kept` and the coefficients of the fit."""
    matrices = fit.matrices
    random = tuple(
        replace(term, columns=term.columns[kept], grouping=levels_left(term.grouping, kept)) for term in matrices.random
    )
    x = matrices.x[np.ix_(kept, fit.result.kept)]
    return replace(matrices, y=matrices.y[kept], x=x, names=fit.terms, random=random, rows=matrices.rows[kept])


def levels_left(grouping: Grouping, kept: Kept) -> Grouping:
    left, level = np.unique(grouping.level[kept], return_inverse=True)
    return Grouping(grouping.name, tuple(grouping.labels[i] for i in left), level)


def _random_term(random: RandomColumns) -> RandomTerm:
    grouping = random.grouping
    return RandomTerm(random.columns, grouping.level, len(grouping.labels), grouping.name, random.structure)


def _at_rows(random: RandomDesign, rows: Kept) -> RandomDesign:
    def taken(terms: tuple[RandomTerm, ...]) -> tuple[RandomTerm, ...]:
        return tuple(replace(term, z=term.z[rows], level=term.level[rows]) for term in terms)

    return replace(random, absorbed=taken(random.absorbed), crossed=taken(random.crossed))
