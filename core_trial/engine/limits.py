"""Parameters of families that run off to an end, where the family is a simpler one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from ..errors import FitError
from .arrays import Array
from .density import Rows
from .family import Family, find_family
from .glmm import GlmmResult, fit_glmm
from .problem import Problem

NEAR = 0.01  # share of the variance (or of the rows) that the parameter stands for, below which its end is tried
NO_BETTER = 1e-3  # gain in log-likelihood that is none

SHARE: Mapping[str, Callable[[float, Rows], float]] = {
    "theta": lambda theta, rows: float(rows.y.mean()) / theta,
    "alpha": lambda alpha, _: alpha,
    "precision": lambda precision, rows: float(rows.trials.max()) / precision,
    "zero_inflation": lambda share, _: share,
}


def fit_within_limits(
    problem: Problem, shift: float, start: Array, n_nodes: int = 1
) -> tuple[GlmmResult, dict[str, float]]:
    """The fit, and the parameters that ran off to an end, with that end: they are none of the fit's any more."""
    failure = None
    try:
        result = fit_glmm(problem, shift, start, n_nodes)
        others = result.parameters.others[0]
    except FitError as error:
        if not problem.family.parameters:
            raise
        failure, others = error, np.array([-np.inf] * len(problem.family.parameters))
    for i, parameter in enumerate(problem.family.parameters):
        if failure or SHARE[parameter.name](parameter.of(float(others[i])), problem.rows) < NEAR:
            simpler = replace(problem, family=_without(problem.family, i))
            place = problem.n_parameters - len(problem.family.parameters) + i
            smaller, ends = fit_within_limits(simpler, shift, np.delete(start, place), n_nodes)
            if failure or result.log_likelihood < smaller.log_likelihood + NO_BETTER:
                return smaller, {parameter.name: parameter.end} | ends
    return result, {}


def _without(family: Family, i: int) -> Family:
    """The family at the end of its i-th parameter."""
    inflation = family.parameters[i].name == "zero_inflation"
    if inflation:
        return find_family(family.name)
    return find_family(family.limit or family.name, zero_inflated=family.inflated)
