"""Mixed model for repeated measures: (restricted) maximum likelihood by pattern of visits.

y_i ~ N(X_i beta, Sigma_i) for each subject i, Sigma_i being the rows and columns of Sigma that belong to its visits;
beside it, if asked for, a random intercept of the clusters that the subjects belong to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...errors import DesignError, FitError, PlanError
from ..arrays import Array, Codes
from ..inference import Information, VarianceParts
from ..linear.information import inverse
from ..newton import Minimum, minimise
from ..response import Response, standardise
from .curvature import curvature
from .deviance import Deviance, Point
from .patterns import collect_patterns
from .structures import KINDS, CovarianceName, Started, start_groups
from .visits import Visits, check_variation, describe_singular, typical_covariance
from .within import Within

SINGULAR = 1e-4  # standard deviation of clusters, relative to that of all rows, below which it is on its boundary
BESIDE = 0.1  # standard deviation of clusters that is not on its boundary
UNIDENTIFIED = 1e-9  # share of the information about a parameter that must be its own
MOVED = 1e-6  # share of a direction in theta by which it moves a parameter, but for rounding
STARTS = ((1.0, 0.3), (0.5, 0.1), (0.0, 1.0))
"""What the search begins from: share of the correlations of residuals, relative standard deviation of clusters."""


@dataclass(frozen=True)
class MmrmResult:
    """A fitted model for repeated measures.

    Attributes
    ----------
    response : the outcome and design in internal units
    visits : where the rows belong
    minimum : of the deviance, with the way of its optimiser (internal units)
    """

    response: Response
    visits: Visits
    minimum: Minimum[Point]

    @property
    def at(self) -> Point:
        return self.minimum.at

    @property
    def kept(self) -> Codes:
        """(p,) the columns of X that do not depend on earlier ones; the others have no coefficient."""
        return self.response.fixed.kept

    @property
    def estimate(self) -> Array:
        """(p,) beta."""
        return self.response.estimate(self.at.fit.beta)

    @property
    def units(self) -> Array:
        """(p, p); a contrast l of beta is `units.T @ l` of the fixed effects that `parts` speaks of."""
        return self.response.scale * self.response.fixed.transform

    @property
    def covariance(self) -> Array:
        """(p, p) of the estimate, as if the variance parameters were known."""
        return self.units @ self.at.fit.covariance @ self.units.T

    @property
    def log_likelihood(self) -> float:
        """Restricted or not, constants included."""
        deviance = self.at.deviance
        return -0.5 * (self.at.value + self.response.change_of_units(deviance.df, deviance.reml))

    @property
    def level_covariance(self) -> Array:
        """(L, L) of the residuals of a subject, at the visits of each group after the other."""
        return np.asarray(self.response.scale**2 * self.at.residual_covariance)

    @property
    def residual_covariances(self) -> list[Array]:
        """(m, m) for each group; NaN for a covariance of visits that the data do not determine."""
        return self.visits.by_group(np.where(self._identified, self.level_covariance, np.nan))

    @property
    def cluster_variance(self) -> float | None:
        deviation = self.at.cluster_deviation
        return None if deviation is None else float(self.response.scale * deviation) ** 2

    @property
    def singular(self) -> bool:
        """Whether the variance of clusters is estimated as zero."""
        deviation = self.at.cluster_deviation
        return deviation is not None and abs(deviation) < SINGULAR

    @property
    def uncorrelated(self) -> bool:
        """Whether no residuals of a group are correlated: on the boundary, where correlations cannot be negative."""
        return any(np.all(np.abs(np.tril(c, -1)) < SINGULAR * np.diagonal(c)) for c in self.residual_covariances)

    @cached_property
    def _identified(self) -> NDArray[np.bool_]:
        """(L, L) elements of the residual covariance that no direction without information moves."""
        slopes = self.at.deviance.structure.slopes(self.at.structured)
        moved = np.tensordot(_unknown(self.at)[: len(slopes)].T, slopes, 1)
        return np.asarray(np.all(np.abs(moved) <= MOVED * np.abs(moved).max(initial=0.0), axis=0))

    @cached_property
    def parts(self) -> VarianceParts:
        """How the covariance of beta hangs on the parameters theta (internal units).

        The adjustments made from these do not depend on the choice of parameters, because second derivatives of V are
        left out and the gradient is zero: "Kenward-Roger-Linear" of the R package mmrm.
        """
        at = self.at
        information: dict[Information, Array] = {
            "expected": 2 * inverse(at.expected),
            "observed": 2 * inverse(at.hessian),
        }
        return VarianceParts(at.fit.covariance, at.first, at.second, information)

    @cached_property
    def curved_parts(self) -> VarianceParts:
        """The same with second derivatives of V; PlanError beside a random effect of clusters."""
        if not isinstance(self.at.marginal, Within):
            raise PlanError("with clusters beside the visits there is no kenward-roger-2009; choose kenward-roger")
        return replace(self.parts, curvature=curvature(self.at, self.at.marginal))


def fit_mmrm(y: Array, x: Array, visits: Visits, covariance: CovarianceName, *, reml: bool = True) -> MmrmResult:
    """Fit y (n,) on the columns x (n, p0), with a residual covariance over the visits.

    Raises
    ------
    DesignError : as many coefficients as rows, a visit without variation about the fixed effects, or effects of
        clusters that the data cannot tell from others
    FitError : no minimum of the deviance was found
    """
    response = standardise(y, x)
    patterns = collect_patterns(visits.subject, visits.level, response.columns, visits.cluster)
    typical = typical_covariance(patterns, visits)
    if KINDS[covariance].heterogeneous:
        check_variation(typical, response, visits)
    tried = []
    for structure, theta in _starts(covariance, visits, typical):
        try:
            minimum = minimise(Deviance(patterns, structure, len(y), reml), theta)
        except np.linalg.LinAlgError:
            tried.append("cannot be computed at the start")
            continue
        if minimum.converged:
            _check_clusters(minimum.at)
            return MmrmResult(response, visits, minimum)
        reached = f"{minimum.at.value:.6g} after {len(minimum.path)} steps"
        tried.append(reached + describe_singular(patterns, minimum.at.residual_covariance, visits))
    raise FitError(
        "the model for repeated measures did not converge by Newton's method; choose a simpler covariance, such as"
        f" 'ar1h' or 'cs' (deviance from {len(tried)} starts: {'; '.join(tried)})"
    )


def _starts(covariance: CovarianceName, visits: Visits, typical: Array) -> Iterator[Started]:
    for share, deviation in STARTS:
        blocks = visits.by_group(share * typical + (1 - share) * np.diag(np.diagonal(typical)))
        structure, theta = start_groups(covariance, visits.times, blocks)
        yield Started(structure, theta if visits.cluster is None else np.append(theta, deviation))


def _check_clusters(at: Point) -> None:
    if at.cluster_deviation is not None and np.any(np.abs(_unknown(at)[-1]) > MOVED):
        raise DesignError(
            "the random effects of clusters cannot be told from the residual covariance or the fixed effects: clusters"
            " of a single subject, or fixed effects that differ between all clusters; leave out one or the other"
        )


def _unknown(at: Point) -> Array:
    """(r, d) directions of theta along which data of this design say nothing."""
    information = at.hessian
    if at.cluster_deviation is not None:  # no direction leads away from zero, so what is known is asked beside it
        at = at.deviance(np.append(at.structured, max(abs(at.cluster_deviation), BESIDE)))
        information = at.expected
    size = np.sqrt(np.diagonal(at.slopes.traces()))
    size = np.where(size > 0, size, 1.0)
    values, axes = np.linalg.eigh(information / np.outer(size, size))
    return np.asarray(axes[:, values < UNIDENTIFIED] / size[:, None])
