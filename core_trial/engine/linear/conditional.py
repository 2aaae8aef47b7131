"""What is known of random effects, and of rows, once the outcome has been seen (Henderson, 1975, Biometrics 31:423)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, hstack

from ..arrays import Array, Codes
from .lmm import LmmResult
from .random import RandomDesign, RandomTerm, indicators


@dataclass(frozen=True)
class Effects:
    """Columns z (m, q) of the effects of a random term in m rows, and their levels (m,), -1 for one not in the fit."""

    z: Array
    level: Codes


@dataclass(frozen=True)
class Conditional:
    """The random part z'b of m rows, given the outcome.

    Attributes
    ----------
    mode : (m,) its conditional mode
    moved : (m, p) by how much the mode falls when the coefficients rise, X'V^-1 Z G z
    variance : (m,) about the mode, the coefficients known, z'(G - G Z'V^-1 Z G)z
    """

    mode: Array
    moved: Array
    variance: Array


def condition(result: LmmResult, effects: Sequence[Effects]) -> Conditional:
    """The random part of rows with these `effects`, one for each random term as given; a new level has mode 0.

    The error of x'beta + z'b has the variance (x - moved)'C(x - moved) + `variance`, C the covariance of the estimates.
    """
    random, at = result.deviance.random, result.minimum.at.profile
    covariances = random.structure.covariances(result.minimum.theta)
    inside = [Effects(effects[i].z @ f, effects[i].level) for i, f in zip(random.order, random.frames, strict=True)]
    spread = [Effects(e.z @ g, e.level) for e, g in zip(inside, covariances, strict=True)]
    prior = sum(np.sum(a.z * e.z, axis=1) for a, e in zip(spread, inside, strict=True))
    rows = _stacked(random, spread)
    fixed = at.marginal.effects(np.eye(len(at.beta) + 1)[:, :-1])
    modes = [np.sum(e.z * b[e.level], axis=1) * (e.level >= 0) for e, b in zip(effects, result.modes, strict=True)]
    return Conditional(
        mode=np.sum(modes, axis=0),
        moved=np.linalg.solve(result.response.fixed.transform.T, (rows @ fixed).T).T,
        variance=result.sigma**2 * np.maximum(prior - at.marginal.quadratic(rows), 0.0),
    )


def mode_deviations(result: LmmResult) -> list[Array]:
    """One (levels, q) a random term: standard deviations of the effects about their modes, as lme4's `condVar`."""
    random = result.deviance.random
    terms = random.as_given(random.terms)
    deviations = []
    for term in terms:
        one_each = np.tile(np.eye(term.size), (term.n_levels, 1))
        level = np.repeat(np.arange(term.n_levels), term.size)
        effects = [
            Effects(
                one_each if other is term else np.zeros((len(level), other.size)),
                level if other.factor == term.factor else np.zeros_like(level),
            )
            for other in terms
        ]
        deviations.append(np.sqrt(condition(result, effects).variance).reshape(term.n_levels, term.size))
    return deviations


def _stacked(random: RandomDesign, effects: Sequence[Effects]) -> csr_array:
    """(m, random effects) `effects` in the columns of their levels, in the order of the engine."""
    n = len(random.absorbed)
    together = Effects(np.hstack([e.z for e in effects[:n]]), effects[0].level)
    owners = (random.absorbed[0], *random.crossed)
    blocks = [
        indicators(RandomTerm(e.z * (e.level >= 0)[:, None], np.maximum(e.level, 0), owner.n_levels, owner.factor))
        for e, owner in zip((together, *effects[n:]), owners, strict=True)
    ]
    return csr_array(hstack(blocks))
