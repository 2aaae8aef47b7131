"""Generalised linear models without random effects: where the search for those with random effects begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...errors import FitError
from ..arrays import Array
from ..newton import minimise
from .density import Rows
from .family import Family

EXTREME = 1e-2  # a fitted mean this near to the end of its range may be on its way there
HALVINGS = 60


@dataclass(frozen=True)
class GlmPoint:
    """Minus twice the log-likelihood, gradient and Hessian by the coefficients."""

    value: float
    gradient: Array
    hessian: Array


class GlmFit(NamedTuple):
    """Coefficients (p,), and whether columns may separate the outcomes, so that there are none."""

    beta: Array
    suspect: bool


def fit_glm(family: Family, rows: Rows, offset: Array, x: Array) -> GlmFit:
    """Coefficients of the columns x (n, p), roughly, the other parameters of the family at their start."""
    parameters = tuple(np.array(parameter.start) for parameter in family.parameters)

    def evaluate(beta: Array) -> GlmPoint:
        with np.errstate(all="ignore"):
            at = family.at(offset + x @ beta, parameters, rows)
            weight = np.maximum(at.weight, 0.0)
            point = GlmPoint(-2 * float(at.value.sum()), -2 * at.score @ x, 2 * (x.T * weight) @ x)
        if not (np.isfinite(point.value) and np.isfinite(point.hessian).all()):
            raise np.linalg.LinAlgError("the likelihood cannot be computed here")
        return point

    found = minimise(evaluate, _start(family, rows, offset, x), tolerance=1e-2, max_steps=40)
    return GlmFit(found.theta, _suspect(family, rows, offset + x @ found.theta, x))


def _start(family: Family, rows: Rows, offset: Array, x: Array) -> Array:
    """Coefficients of a least-squares fit to the outcomes on the scale of the link; shrunk until means are possible."""
    guess = family.guess(rows)
    for share in 0.5 ** np.arange(HALVINGS):
        trial = np.linalg.lstsq(x, guess.mean() + share * (guess - guess.mean()) - offset, rcond=None)[0]
        with np.errstate(all="ignore"):
            value = family.at(offset + x @ trial, tuple(np.array(p.start) for p in family.parameters), rows).value
        if np.isfinite(value).all():
            return np.asarray(trial)
    raise FitError(
        f"the {family.words} model with a {family.link.name} link has no possible start: the means it gives leave their"
        " range; use the log or logit link"
    )


def _suspect(family: Family, rows: Rows, eta: Array, x: Array) -> bool:
    """Whether a fitted mean is near to an end of its range that its outcome is at, and no rows between hold it back."""
    with np.errstate(all="ignore"):
        mean = family.link.mean(eta)
    low, high = rows.y == 0, (rows.y == rows.trials) & family.proportions
    near = low & (mean < EXTREME * max(1.0, rows.y.mean())) | high & (1 - mean < EXTREME)
    return bool(near.any()) and np.linalg.matrix_rank(x[~(low | high)]) < x.shape[1]
