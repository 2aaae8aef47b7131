"""Which covariance and which degrees of freedom inference about a mixed model uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np

from .engine.arrays import Codes
from .engine.inference import (
    Information,
    VarianceParts,
    between_within,
    kenward_roger,
    kenward_roger_covariance,
    satterthwaite,
)
from .errors import PlanError
from .fit import Array
from .matrices import Matrices

Ddf = Literal["kenward-roger", "satterthwaite", "between-within", "residual", "normal"]


class Estimated(Protocol):
    """What a Gaussian model says of its fixed effects; see `engine.lmm.LmmResult`."""

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
    """The (p, p) covariance of the estimates, the degrees of freedom of a contrast (p,), and both in words."""

    covariance: Array
    degrees: Callable[[Array], float]
    words: str


def small_sample(
    ddf: Ddf, result: Estimated, matrices: Matrices, *, reml: bool, information: Information | None = None
) -> SmallSample:
    """What `ddf` and `information` mean for a fit; PlanError for an option that is unknown or does not apply."""
    if ddf not in get_args(Ddf):
        raise PlanError(f"ddf {ddf!r} is unknown; choose from {', '.join(get_args(Ddf))}")
    if information is not None and information not in get_args(Information):
        raise PlanError(f"information {information!r} is unknown; choose from {', '.join(get_args(Information))}")
    if ddf == "kenward-roger":
        return _kenward_roger(result, information or "expected", reml)
    if ddf == "satterthwaite":
        return _satterthwaite(result, information or "observed")
    if information is not None:
        raise PlanError(f"information is an option of kenward-roger and satterthwaite, not of {ddf}")
    return SmallSample(result.covariance, *_fixed_degrees(ddf, result, matrices))


def _kenward_roger(result: Estimated, information: Information, reml: bool) -> SmallSample:
    if not reml:
        raise PlanError("Kenward-Roger needs REML: use reml=True, or another ddf such as 'satterthwaite'")
    units = result.units
    return SmallSample(
        units @ kenward_roger_covariance(result.parts, information) @ units.T,
        lambda contrast: kenward_roger(result.parts, units.T @ contrast, information).df,
        f"standard errors and degrees of freedom of Kenward and Roger (1997) with {information} information",
    )


def _satterthwaite(result: Estimated, information: Information) -> SmallSample:
    return SmallSample(
        result.covariance,
        lambda contrast: satterthwaite(result.parts, result.units.T @ contrast, information),
        f"Satterthwaite degrees of freedom with {information} information",
    )


def _fixed_degrees(ddf: Ddf, result: Estimated, matrices: Matrices) -> tuple[Callable[[Array], float], str]:
    if ddf == "normal":
        return lambda _: np.inf, "normal reference distribution, without a small-sample correction"
    if ddf == "residual":
        rows, coefficients = len(matrices.y), len(result.kept)
        return lambda _: rows - coefficients, "residual degrees of freedom (rows less coefficients)"
    levels = {random.grouping.name: random.grouping.level for random in matrices.random}
    column = between_within(matrices.x[:, result.kept], list(levels.values()))
    return lambda contrast: float(column[contrast != 0].min()), "between-within degrees of freedom"
