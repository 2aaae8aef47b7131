"""Outcomes drawn from a generalised mixed model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..engine.arrays import Array
from ..engine.generalised.glmm import GlmmResult
from ..engine.generalised.problem import Parameters
from ..formula.matrices import Matrices
from ..mixed.simulation import STREAM, RandomEffects, streams


@dataclass(frozen=True)
class OutcomeModel:
    """What outcomes are drawn from: `eta` (n,) without random effects, and these."""

    result: GlmmResult
    eta: Array
    effects: tuple[RandomEffects, ...]
    others: Array

    def draw(self, n: int, seed: int) -> Iterator[Array]:
        """`n` outcomes, (b, rows) at a time; the i-th depends on `seed` and i only."""
        family, rows = self.result.problem.family, self.result.problem.rows
        for size, generator in streams(n, seed):
            eta = np.tile(self.eta, (STREAM, 1))
            for effect in self.effects:
                effect.add(eta, generator.standard_normal((STREAM, effect.size)))
            trials = np.broadcast_to(rows.trials, eta.shape)
            yield family.draw(generator, family.link.mean(eta), self.others, trials)[:size]


def outcome_model(result: GlmmResult, matrices: Matrices, psi: Array, *, conditional: bool = False) -> OutcomeModel:
    """Outcomes at the parameters psi (k,): with new random effects, or if `conditional` with the modes of the fit."""
    problem, parameters = result.problem, Parameters(*(part[0] for part in result.problem.split(psi[None])))
    eta = problem.offset + problem.fixed.columns @ parameters.beta
    pairs = zip(problem.family.parameters, parameters.others, strict=True)
    others = np.array([parameter.of(float(value)) for parameter, value in pairs])
    if conditional:
        modes = zip(matrices.random, result.modes, strict=True)
        eta = eta + sum(np.einsum("nq,nq->n", mode[term.grouping.level], term.columns) for term, mode in modes)
        return OutcomeModel(result, eta, (), others)
    inside = problem.random.structure.covariances(parameters.theta)
    given = [f @ g @ f.T for f, g in zip(problem.random.frames, inside, strict=True)]
    pairs_of = zip(matrices.random, problem.random.as_given(given), strict=True)
    return OutcomeModel(result, eta, tuple(RandomEffects(term, _root(g)) for term, g in pairs_of), others)


def simulate(result: GlmmResult, matrices: Matrices, n: int, seed: int, *, conditional: bool) -> Array:
    """(n, rows); see `GlmmFit.simulate`."""
    model = outcome_model(result, matrices, result.minimum.theta, conditional=conditional)
    return np.concatenate(list(model.draw(n, seed)))


def _root(covariance: Array) -> Array:
    values, axes = np.linalg.eigh(covariance)
    return np.asarray((axes * np.sqrt(np.maximum(values, 0.0))) @ axes.T)
