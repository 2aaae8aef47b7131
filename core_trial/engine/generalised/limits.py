"""Parameters of families that run off to an end, where the family is a simpler one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy import special

from ...errors import FitError
from ..arrays import Array
from .approximation import laplace_approximation
from .density import Rows
from .deviance import GlmmDeviance
from .family import Family, find_family
from .glmm import GlmmResult, fit_glmm
from .problem import Problem

NEAR, FAR, INSIDE, TYPICAL = 0.01, 1e-5, 1e-3, 0.1  # shares: see `End`
NO_BETTER = 1e-3  # gain in log-likelihood that is none


class End(NamedTuple):
    """How much of the variance, or of the rows, a parameter stands for: the share of it, and the value at a share.

    Below `NEAR` its end is tried; below `FAR` it has run off, unless the likelihood is higher `INSIDE` than at the end.
    Values are those of the transformed parameter.
    """

    share: Callable[[float, Rows], float]
    at: Callable[[float, Rows], float]


class RanOff(Exception):
    """A search that followed a parameter to its end."""


ENDS: Mapping[str, End] = {
    "theta": End(
        lambda value, rows: float(np.exp(np.log(rows.y.mean()) - value)),
        lambda share, rows: float(np.log(rows.y.mean() / share)),
    ),
    "alpha": End(lambda value, _: float(np.exp(value)), lambda share, _: float(np.log(share))),
    "precision": End(
        lambda value, rows: float(np.exp(np.log(rows.trials.max()) - value)),
        lambda share, rows: float(np.log(rows.trials.max() / share)),
    ),
    "zero_inflation": End(lambda value, _: float(special.expit(value)), lambda share, _: float(special.logit(share))),
}


def fit_within_limits(
    problem: Problem, shift: float, start: Array, n_nodes: int = 1
) -> tuple[GlmmResult, dict[str, float]]:
    """The fit, and the parameters that ran off to an end, with that end: they are none of the fit's any more.

    Raises
    ------
    FitError : no minimum of the deviance was found
    """
    result, failure = _fit(problem, shift, start, n_nodes)
    found: list[tuple[GlmmResult, dict[str, float]]] = [] if result is None else [(result, {})]
    for i in _suspects(problem, result):
        parameter = problem.family.parameters[i]
        try:
            smaller, ends = fit_within_limits(
                _simpler(problem, i), shift, np.delete(start, _place(problem, i)), n_nodes
            )
            if result is None and _higher_inside(problem, smaller, i):
                found.append((fit_glmm(problem, shift, _with(problem, smaller, i, TYPICAL), n_nodes), {}))
            else:
                found.append((smaller, {parameter.name: parameter.end} | ends))
        except FitError as error:
            failure = failure or error
    if not found:
        raise failure or FitError("a parameter of the family ran off to its end")
    return max(found, key=lambda fit: fit[0].log_likelihood + NO_BETTER * bool(fit[1]))


def _fit(problem: Problem, shift: float, start: Array, n_nodes: int) -> tuple[GlmmResult | None, FitError | None]:
    def watch(psi: Array) -> None:
        if any(share < FAR for share in _shares(problem, psi)):
            raise RanOff

    try:
        return fit_glmm(problem, shift, start, n_nodes, watch), None
    except FitError as error:
        return None, error
    except RanOff:
        return None, None


def _place(problem: Problem, i: int) -> int:
    """Where the i-th parameter of the family stands among all."""
    return problem.n_parameters - len(problem.family.parameters) + i


def _shares(problem: Problem, psi: Array) -> list[float]:
    pairs = zip(problem.family.parameters, problem.split(psi).others, strict=True)
    return [ENDS[parameter.name].share(float(value), problem.rows) for parameter, value in pairs]


def _suspects(problem: Problem, result: GlmmResult | None) -> list[int]:
    """The parameters that came near to their end, and zero inflation; all of them where there is no fit.

    With zero inflation the likelihood has more than one maximum, and must not be lower than without.
    """
    parameters = problem.family.parameters
    if result is None:
        return list(range(len(parameters)))
    shares = _shares(problem, result.minimum.theta)
    return [i for i, share in enumerate(shares) if share < NEAR or parameters[i].name == "zero_inflation"]


def _simpler(problem: Problem, i: int) -> Problem:
    """The problem with the family at the end of its i-th parameter."""
    family: Family = problem.family
    if family.parameters[i].name == "zero_inflation":
        return replace(problem, family=find_family(family.name))
    return replace(problem, family=find_family(family.limit or family.name, zero_inflated=family.inflated))


def _with(problem: Problem, smaller: GlmmResult, i: int, share: float) -> Array:
    """The parameters of the simpler fit, with the i-th of the family at a share."""
    value = ENDS[problem.family.parameters[i].name].at(share, problem.rows)
    return np.insert(smaller.minimum.theta, _place(problem, i), value)


def _higher_inside(problem: Problem, smaller: GlmmResult, i: int) -> bool:
    """Whether the likelihood rises from the end inwards."""
    if smaller.problem.n_parameters != problem.n_parameters - 1:
        return False
    try:
        inside = GlmmDeviance(laplace_approximation(problem))(_with(problem, smaller, i, INSIDE)).value
        end = GlmmDeviance(laplace_approximation(smaller.problem))(smaller.minimum.theta).value
    except np.linalg.LinAlgError:
        return False
    return inside < end
