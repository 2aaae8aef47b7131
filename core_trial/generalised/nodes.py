"""How many nodes adaptive quadrature takes: as many as are asked for, or until the estimates stop moving."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from ..engine.arrays import Array
from ..engine.generalised.glmm import GlmmResult, fit_glmm
from ..engine.generalised.limits import fit_within_limits
from ..engine.generalised.problem import Problem
from ..errors import PlanError

FIRST, LAST = 5, {1: 80, 2: 20}  # nodes for each random effect to begin with, and at most, by the number of effects
STILL = 1e-3  # standard errors by which estimates that stopped moving may move
NodeCount = int | Literal["auto"]


class NodedFit(NamedTuple):
    """A fit, the parameters at their end, and what is to be said of the nodes."""

    result: GlmmResult
    ends: dict[str, float]
    note: str = ""


def fit_with_nodes(problem: Problem, shift: float, start: Array, n_agq: NodeCount) -> NodedFit:
    """The fit with `n_agq` nodes; PlanError unless that is 1 or more, or "auto"."""
    if n_agq == "auto":
        return _until_still(problem, shift, start)
    if not isinstance(n_agq, int | np.integer) or n_agq < 1:
        raise PlanError(f"n_agq is {n_agq!r}: give a number of nodes from 1 (Laplace), or 'auto'")
    return NodedFit(*fit_within_limits(problem, shift, start, int(n_agq)))


def _until_still(problem: Problem, shift: float, start: Array) -> NodedFit:
    result, ends = fit_within_limits(problem, shift, start)
    size = sum(term.size for term in problem.random.absorbed)
    nodes, last, moved = FIRST, LAST.get(size, FIRST), np.inf
    while nodes <= last:
        finer = fit_glmm(result.problem, shift, result.minimum.theta, nodes)
        moved, result = _movement(result, finer), finer
        if moved < STILL and nodes > FIRST:
            return NodedFit(result, ends, f"the estimates stopped moving at {nodes} quadrature nodes")
        nodes *= 2
    note = f"with {nodes // 2} quadrature nodes the estimates still moved by {moved:.2g} standard errors"
    return NodedFit(result, ends, note)


def _movement(coarse: GlmmResult, fine: GlmmResult) -> float:
    """The largest change of a parameter, in standard errors."""
    error = np.sqrt(np.maximum(np.diagonal(fine.joint_covariance), 1e-12))
    return float(np.max(np.abs(np.abs(fine.minimum.theta) - np.abs(coarse.minimum.theta)) / error))
