"""The likelihood of a model for repeated measures about its maximum, as a function of its covariance parameters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..arrays import Array
from ..linear.region import AWAY, FLAT, Components
from .mmrm import MmrmResult


@dataclass(frozen=True)
class RepeatedRegion:
    """Parameters x of the residual covariances, then the standard deviation of clusters: what `Region` is for `lmm`.

    `components` are the covariances of the visits of each group, then the variance of clusters, if these are in the
    model, on the scale of the data; the residual variance is none of its own.
    """

    result: MmrmResult

    @property
    def centre(self) -> Array:
        return self.result.minimum.theta

    @cached_property
    def axes(self) -> Array:
        """(k, k) steps in which the deviance rises by about half of their squared length."""
        values, axes = np.linalg.eigh(self.result.at.hessian)
        return np.asarray(axes / np.sqrt(np.maximum(values, FLAT * values.max())))

    def __call__(self, x: Array) -> tuple[float, Array]:
        """The deviance at x above its minimum, and its gradient (k,)."""
        at = self.result.at.deviance(x)
        return at.value - self.result.at.value, at.gradient

    def components(self, x: Array) -> Components:
        deviance, clustered = self.result.at.deviance, self.result.visits.cluster is not None
        units = self.result.response.scale**2
        residual = units * deviance.structure.covariance(x[:-1] if clustered else x)
        clusters = [np.array([[units * x[-1] ** 2]])] if clustered else []
        return Components((*self.result.visits.by_group(residual), *clusters), np.nan)

    def away(self) -> Array:
        """A place near the centre where nothing is at the end of its range."""
        return np.asarray(self.centre + self.axes @ np.full(len(self.centre), AWAY))
