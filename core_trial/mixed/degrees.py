"""Which covariance and which degrees of freedom inference about a mixed model uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np

from ..engine.arrays import Codes
from ..engine.inference import (
    Information,
    Reference,
    VarianceParts,
    between_within,
    cluster_degrees,
    kenward_roger,
    kenward_roger_2009_covariance,
    kenward_roger_covariance,
    satterthwaite,
    satterthwaite_joint,
)
from ..errors import PlanError
from ..fit import Array
from ..formula.matrices import Matrices

Ddf = Literal[
    "kenward-roger", "kenward-roger-2009", "satterthwaite", "between-within", "clusters", "residual", "normal"
]
DEFAULT_INFORMATION: Mapping[Ddf, Information] = {
    "kenward-roger": "expected",
    "kenward-roger-2009": "expected",
    "satterthwaite": "observed",
}
KENWARD_ROGER = {
    "kenward-roger": (kenward_roger_covariance, "Kenward and Roger (1997)"),
    "kenward-roger-2009": (kenward_roger_2009_covariance, "Kenward and Roger (2009)"),
}


class Estimated(Protocol):
    """What a Gaussian model says of its fixed effects; see `engine.linear.lmm.LmmResult`."""

    @property
    def kept(self) -> Codes: ...
    @property
    def units(self) -> Array: ...
    @property
    def parts(self) -> VarianceParts: ...
    @property
    def covariance(self) -> Array: ...


@dataclass(frozen=True)
class SmallSample:
    """What inference uses, and that in words.

    Attributes
    ----------
    covariance : (p, p) of the estimates
    degrees : degrees of freedom of a contrast (p,)
    words : which these are
    joint : degrees of freedom and scale of a contrast (q, p); None, the fewest degrees of its rows
    """

    covariance: Array
    degrees: Callable[[Array], float]
    words: str
    joint: Callable[[Array], Reference] | None = None


def small_sample(
    ddf: Ddf, result: Estimated, matrices: Matrices, *, reml: bool, information: Information | None = None
) -> SmallSample:
    """What `ddf` and `information` mean for a fit; PlanError for an option that is unknown or does not apply."""
    if ddf not in get_args(Ddf):
        raise PlanError(f"ddf {ddf!r} is unknown; choose from {', '.join(get_args(Ddf))}")
    if information is not None and information not in get_args(Information):
        raise PlanError(f"information {information!r} is unknown; choose from {', '.join(get_args(Information))}")
    if ddf in KENWARD_ROGER:
        return _kenward_roger(ddf, result, information or DEFAULT_INFORMATION[ddf], reml)
    if ddf == "satterthwaite":
        return _satterthwaite(result, information or DEFAULT_INFORMATION[ddf])
    if information is not None:
        raise PlanError(f"information is an option of kenward-roger and satterthwaite, not of {ddf}")
    return by_column(result.covariance, *_of_columns(ddf, result, matrices))


def by_column(covariance: Array, column: Array, words: str) -> SmallSample:
    """Each column has degrees of its own (p,); a contrast has the fewest of the columns that it takes in."""

    def degrees(contrast: Array) -> float:
        return float(column[np.any(np.atleast_2d(contrast) != 0, axis=0)].min())

    return SmallSample(covariance, degrees, words, lambda contrast: Reference(degrees(contrast), 1.0))


def _kenward_roger(ddf: Ddf, result: Estimated, information: Information, reml: bool) -> SmallSample:
    if not reml:
        raise PlanError("Kenward-Roger needs REML: use reml=True, or another ddf such as 'satterthwaite'")
    units, (adjust, source) = result.units, KENWARD_ROGER[ddf]
    linear = ddf == "kenward-roger" and result.parts.curvature is not None
    left_out = ", second derivatives of the covariance left out" if linear else ""
    return SmallSample(
        units @ adjust(result.parts, information) @ units.T,
        lambda contrast: kenward_roger(result.parts, contrast @ units, information).df,
        f"standard errors and degrees of freedom of {source} with {information} information{left_out}",
        lambda contrast: kenward_roger(result.parts, contrast @ units, information),
    )


def _satterthwaite(result: Estimated, information: Information) -> SmallSample:
    return SmallSample(
        result.covariance,
        lambda contrast: satterthwaite(result.parts, contrast @ result.units, information),
        f"Satterthwaite degrees of freedom with {information} information",
        lambda contrast: satterthwaite_joint(result.parts, contrast @ result.units, information),
    )


def _of_columns(ddf: Ddf, result: Estimated, matrices: Matrices) -> tuple[Array, str]:
    """Degrees of freedom of each coefficient (p,), and what they are."""
    p = len(result.kept)
    if ddf == "normal":
        return np.full(p, np.inf), "normal reference distribution, without a small-sample correction"
    if ddf == "residual":
        return np.full(p, float(matrices.n_rows - p)), "residual degrees of freedom (rows less coefficients)"
    x = matrices.x[:, result.kept]
    levels = {random.grouping.name: random.grouping.level for random in matrices.random}
    if ddf == "between-within":
        return between_within(x, list(levels.values())), "between-within degrees of freedom"
    clusters = cluster_degrees(x, list(levels.values()))
    name = list(levels)[clusters.factor]
    return np.full(p, clusters.df), f"degrees of freedom of clusters ({name}) less cluster-level parameters"
