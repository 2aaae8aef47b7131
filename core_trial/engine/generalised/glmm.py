"""Generalised linear mixed models by maximum likelihood: Laplace's approximation or adaptive quadrature."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...errors import FitError
from ..arrays import Array, Codes
from ..basis import orthogonal_basis
from ..linear.information import inverse
from ..linear.random import RandomTerm, random_design
from ..newton import Minimum, minimise
from .approximation import Blockwise, laplace_approximation, with_nodes
from .density import Density, Rows
from .deviance import DeviancePoint, GlmmDeviance
from .family import Family
from .glm import fit_glm
from .problem import Parameters, Problem

TOLERANCE = 1e-5  # fall of the deviance that is still expected before the last step
STEERED = 1e-8  # the same where the Hessian is only near
LEAST, MOST = 0.05, 2.0  # standard deviations of random effects that a search begins from
ABOVE = 1.2  # times its moment estimate, a single standard deviation is searched from above, which is quicker
STARTS = (1.0, 0.2, 3.0)  # the same, should moments not lead to a minimum


@dataclass(frozen=True)
class GlmmResult:
    """A fitted generalised linear mixed model, on the scale of the link.

    Attributes
    ----------
    problem : rows and columns in internal units
    deviance, minimum : the function whose minimum was searched, and where the search ended (internal units)
    n_nodes : of quadrature for each random effect; 1 is Laplace's approximation
    shift : what was taken out of the offset, and stands in the intercept
    """

    problem: Problem
    deviance: GlmmDeviance
    minimum: Minimum[DeviancePoint]
    n_nodes: int
    shift: float

    @property
    def kept(self) -> Codes:
        return self.problem.fixed.kept

    @property
    def parameters(self) -> Parameters:
        """One point, (1, ...) each, internal units."""
        return self.problem.split(self.minimum.theta[None])

    @cached_property
    def estimate(self) -> Array:
        """(p,) beta."""
        return self.given(self.parameters.beta[0])

    def given(self, beta: Array) -> Array:
        """(p,) coefficients of the columns as given, from those of the engine."""
        estimate = self.problem.fixed.transform @ beta
        if self.shift:
            estimate[0] -= self.shift / self.problem.fixed.intercept
        return np.asarray(estimate)

    @cached_property
    def hessian(self) -> Array:
        """(k, k) of the deviance by all parameters in internal units."""
        if self.n_nodes == 1:
            return self.minimum.at.hessian
        return self.deviance.hessian(self.minimum.theta, self.minimum.at.effects)

    @cached_property
    def joint_covariance(self) -> Array:
        """(k, k) of all parameters in internal units, by observed information."""
        return 2 * inverse(self.hessian)

    @cached_property
    def covariance(self) -> Array:
        """(p, p) of the estimate, the other parameters being estimated too."""
        p, transform = self.problem.n_fixed, self.problem.fixed.transform
        return transform @ self.joint_covariance[:p, :p] @ transform.T

    @property
    def log_likelihood(self) -> float:
        return -0.5 * self.minimum.at.value + self.problem.family.constant(self.problem.rows)

    @cached_property
    def covariances(self) -> tuple[Array, ...]:
        """One (q, q) a random term, as given."""
        random = self.problem.random
        inside = random.structure.covariances(self.parameters.theta[0])
        return random.as_given([f @ g @ f.T for f, g in zip(random.frames, inside, strict=True)])

    @cached_property
    def modes(self) -> tuple[Array, ...]:
        """One (levels, q) a random term as given, the conditional modes."""
        random, effects = self.problem.random, self.minimum.at.effects[0]
        theta = self.parameters.theta[0]
        if isinstance(self.deviance.approximation, Blockwise):
            data = self.deviance.approximation.data
            parts = data.effects(np.tensordot(theta, data.units, 1) @ effects)
        else:
            parts = random.split(random.covariance(random.structure.gamma(theta)) @ effects)
        return random.as_given([part @ frame.T for part, frame in zip(parts, random.frames, strict=True)])

    @property
    def boundary(self) -> tuple[bool, ...]:
        random = self.problem.random
        return random.as_given([bool(part) for part in random.structure.on_boundary(self.parameters.theta[0])])

    @property
    def singular(self) -> bool:
        return any(self.boundary)

    @property
    def others(self) -> dict[str, float]:
        """The other parameters of the family, by name."""
        pairs = zip(self.problem.family.parameters, self.parameters.others[0], strict=True)
        return {parameter.name: parameter.of(float(value)) for parameter, value in pairs}

    @property
    def path(self) -> Array:
        """A row an accepted point of the search: deviance, fall still expected, parameters (internal units)."""
        return self.minimum.path


def pose(family: Family, rows: Rows, offset: Array, x: Array, terms: Sequence[RandomTerm]) -> tuple[Problem, float]:
    """The problem in internal units, and what was taken out of the offset where X has an intercept."""
    fixed = orthogonal_basis(x)
    shift = float(offset.mean()) if fixed.intercept else 0.0
    return Problem(family, rows, offset - shift, fixed, random_design(terms)), shift


def fit_glmm(
    problem: Problem,
    shift: float,
    start: Array,
    n_nodes: int = 1,
    watch: Callable[[Array], None] | None = None,
) -> GlmmResult:
    """Fit from `start` (k,), or from other sizes of the random effects should that not lead to a minimum.

    Quadrature sets out from the fit by Laplace's approximation, and is steered by its Hessian. `watch` is shown each
    point that is tried, and may raise an error of its own.

    Raises
    ------
    FitError : no minimum of the deviance was found
    """
    if n_nodes > 1:
        return _refine(fit_glmm(problem, shift, start, watch=watch), n_nodes)
    tried, approximation = [], laplace_approximation(problem)
    for at in _starts(problem, start):
        deviance = GlmmDeviance(approximation, watch=watch)
        try:
            minimum = minimise(deviance, at, tolerance=TOLERANCE)
        except np.linalg.LinAlgError as error:
            tried.append(str(error))
            continue
        if minimum.converged:
            return GlmmResult(problem, deviance, minimum, 1, shift)
        tried.append(f"deviance {minimum.at.value:.6g} after {len(minimum.path)} steps")
    raise FitError(f"the model did not converge ({'; '.join(tried)}); simplify its random terms{_hint(problem)}")


def _hint(problem: Problem) -> str:
    """What else may help, as the end of a sentence."""
    if problem.family.inflated:
        return ", or leave out zero inflation: with both, Laplace's likelihood may rise without end"
    link = problem.family.link.name
    return "" if problem.family.unbounded else f", or use another link than {link}, which bounds means"


def _refine(coarse: GlmmResult, n_nodes: int) -> GlmmResult:
    """The fit with more nodes, from that with fewer."""
    approximation = with_nodes(coarse.deviance.approximation, n_nodes)
    for chord in (coarse.hessian, None):
        deviance = GlmmDeviance(approximation, chord=chord, effects=coarse.minimum.at.effects)
        try:
            minimum = minimise(deviance, coarse.minimum.theta, tolerance=TOLERANCE if chord is None else STEERED)
        except np.linalg.LinAlgError:
            continue
        if minimum.converged:
            return GlmmResult(coarse.problem, deviance, minimum, n_nodes, coarse.shift)
    raise FitError(f"the model did not converge with {n_nodes} quadrature nodes; use n_agq=1")


def _starts(problem: Problem, start: Array) -> Iterator[Array]:
    yield start
    structure = problem.random.structure
    for deviation in STARTS:
        theta = structure.nearest(np.zeros(structure.elements), deviation)
        yield np.concatenate([start[: problem.n_fixed], theta, start[problem.n_fixed + len(theta) :]])


def starting_point(problem: Problem) -> tuple[Array, bool]:
    """(k,) the coefficients of the model without random effects, moments of those, and the family's own start.

    Also whether columns may separate the outcomes, so that there is no maximum to be found.
    """
    beta, suspect = fit_glm(problem.family, problem.rows, problem.offset, problem.fixed.columns)
    others = np.array([parameter.start for parameter in problem.family.parameters])
    eta = problem.offset + problem.fixed.columns @ beta
    at = problem.family.at(eta, tuple(np.array(value) for value in others), problem.rows)
    theta = problem.random.structure.nearest(_moments(problem, at), LEAST)
    return np.concatenate([beta - _excess(problem, theta), theta, others]), suspect


def _moments(problem: Problem, at: Density) -> Array:
    """(r,) gamma with a variance of each effect from its scores S and information I, sum (S^2 - I) / sum I^2."""
    gammas, above = [], ABOVE if problem.random.structure.size == 1 else 1.0
    for term, part in zip(problem.random.terms, problem.random.structure.parts, strict=True):
        sums = [np.bincount(term.level, values) for column in term.z.T for values in _score_and_information(at, column)]
        score, information = np.array(sums[::2]), np.array(sums[1::2])
        variance = above**2 * np.sum(score**2 - information, axis=1) / np.sum(information**2, axis=1)
        diagonal = np.diag(np.clip(variance, LEAST**2, MOST**2))
        gammas.append(np.tensordot(part.basis, diagonal, 2) / part.basis.sum(axis=(1, 2)))
    return np.concatenate(gammas)


def _excess(problem: Problem, theta: Array) -> Array:
    """(p,) what coefficients of means over random effects have more than those of their logarithm: half a variance."""
    if problem.family.link.name != "log":
        return np.zeros(problem.n_fixed)
    random = problem.random
    pairs = zip(random.terms, random.structure.covariances(theta), strict=True)
    variance = np.sum([np.sum(term.z @ covariance * term.z, axis=1) for term, covariance in pairs], axis=0)
    return np.asarray(problem.fixed.columns.T @ variance / (2 * len(variance)))


def _score_and_information(at: Density, column: Array) -> Iterator[Array]:
    yield column * at.score
    yield column**2 * np.maximum(at.weight, 0.0)
