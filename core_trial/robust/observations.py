"""The rows of a marginal model: outcome, columns, offset, weights and cluster of each; their rules are checked here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..columns import numeric
from ..engine.arrays import Array
from ..engine.basis import orthogonal_basis
from ..engine.robust.quasi_likelihood import Data, MeanModel
from ..errors import DataError, PlanError
from ..formula.expressions import Expression, expression
from ..formula.matrices import Grouping, Matrices, find_levels, model_matrices
from ..formula.parse import MixedFormula, parse_formula
from .families import COUNTS

SPREAD = 50.0  # largest difference of two offsets on a log or logit scale: exposures that differ 5e21 times


@dataclass(frozen=True)
class Observations:
    """What a marginal model is fitted to.

    Attributes
    ----------
    formula : as it was read
    matrices : of the complete rows
    model : family and link
    cluster : of each row
    trials : (n,) that the events of a row are out of; ones for other outcomes
    repeats : (n,) how many rows each stands for
    data : outcomes (shares of the trials), columns, offset and weights (trials times repeats)
    """

    formula: MixedFormula
    matrices: Matrices
    model: MeanModel
    cluster: Grouping
    trials: Array
    repeats: Array
    data: Data

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.matrices.names[i] for i in self.data.basis.kept)

    @property
    def x(self) -> Array:
        """(n, p) the columns that have a coefficient."""
        return self.matrices.x[:, self.data.basis.kept]

    @property
    def n_rows(self) -> float:
        """How many there are, each counted as often as it stands for."""
        return float(self.data.weights.sum())


def observe(
    formula: str,
    frame: pd.DataFrame,
    *,
    cluster: str,
    model: MeanModel,
    weights: str | None = None,
    also: Sequence[str] = (),
) -> Observations:
    """The complete rows of `frame`, with the columns `also` known too.

    Raises
    ------
    PlanError : a formula with bar terms, an unknown column, `cbind` for an outcome that is no proportion
    DataError : an outcome that cannot be, weights that are not positive, an offset that overflows
    DesignError : a single cluster
    """
    parsed = parse_formula(formula, generalised=True)
    _check_formula(parsed, model)
    roles = [cluster, *also, *([weights] if weights else [])]
    with np.errstate(all="ignore"):  # a logarithm of zero is refused, its row named
        matrices = model_matrices(parsed, frame, also=roles)
    y, trials = _outcome(parsed, matrices, model)
    offset = np.zeros(len(y)) if matrices.offset is None else matrices.offset
    _check_offset(offset, model)
    repeats = np.ones(len(y)) if weights is None else _weights(frame[weights], matrices)
    data = Data(y / trials, orthogonal_basis(matrices.x), offset, repeats * trials)
    return Observations(parsed, matrices, model, find_levels([cluster], matrices.columns), trials, repeats, data)


def _check_formula(formula: MixedFormula, model: MeanModel) -> None:
    if formula.bars:
        raise PlanError(
            f"formula {formula.text!r} has a random term: a marginal model takes the cluster by cluster=; use ct.lmm or"
            " ct.glmm for random effects"
        )
    if formula.others is not None and model.name != "binomial":
        raise PlanError(f"cbind(events, others) is an outcome of the binomial family, not of {model.name}")


def _outcome(formula: MixedFormula, matrices: Matrices, model: MeanModel) -> tuple[Array, Array]:
    """Outcome (n,), and trials (n,)."""
    outcome, y = expression(formula.response, matrices.y, matrices), matrices.y
    if formula.others is not None and matrices.others is not None:
        for column in (outcome, expression(formula.others, matrices.others, matrices)):
            _refuse_fractions(column)
        trials = y + matrices.others
        outcome.refuse(trials == 0, "is 0 out of 0", "leave these rows out, and say so")
        if not 0 < y.sum() < trials.sum():
            raise DataError(f"the outcome {formula.text.split('~')[0].strip()!r} is the same in all trials")
        return y, trials
    if model.name == "binomial":
        remedy = "give numbers of events as 'cbind(events, others) ~ ...'"
        outcome.refuse(~np.isin(y, (0, 1)), "is neither 0 nor 1", remedy)
    if model.name in COUNTS:
        outcome.refuse(y < 0, "is negative", "a count is 0 or more; correct it")
    if model.name == "negative_binomial":
        _refuse_fractions(outcome)
    return y, np.ones(len(y))


def _refuse_fractions(outcome: Expression) -> None:
    broken = (outcome.values < 0) | (outcome.values != np.rint(outcome.values))
    remedy = "give whole numbers of events, and person-time as 'offset(log(person_time))'"
    outcome.refuse(broken, "is no count", remedy)


def _check_offset(offset: Array, model: MeanModel) -> None:
    low, high = float(offset.min()), float(offset.max())
    if model.link.name != "identity" and high - low > SPREAD:
        raise DataError(
            f"the offset runs from {low:g} to {high:g} on the scale of the {model.link.name} link, as if exposures"
            f" differed exp({high - low:.0f}) times: write 'offset(log(person_time))' with the person-time itself"
        )


def _weights(column: pd.Series, matrices: Matrices) -> Array:
    values = numeric(column.iloc[matrices.rows]).to_numpy(float)
    weights = Expression(str(column.name), values, matrices.rows)
    weights.refuse(values <= 0, "is no weight", "weights are positive; leave other rows out")
    return values
