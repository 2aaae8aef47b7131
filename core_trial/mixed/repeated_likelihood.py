"""Nested models for repeated measures, to be compared by their likelihoods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..engine.repeated.mmrm import MmrmResult
from ..engine.repeated.structures import CovarianceName
from ..errors import PlanError
from ..formula.matrices import Grouping
from .likelihood import Compared, LikelihoodRatio, compared, more_coefficients
from .repeated_quantities import refit_by

if TYPE_CHECKING:
    from .repeated import MmrmFit

WIDER: Mapping[CovarianceName, tuple[CovarianceName, ...]] = {
    "cs": ("csh", "toep"),
    "ar1": ("ar1h", "toep", "ad"),
    "toep": ("toeph",),
    "csh": ("toeph",),
    "ar1h": ("toeph", "adh"),
    "ad": ("adh",),
    "toeph": ("us",),
    "adh": ("us",),
    "sp_exp": ("us",),
    "us": (),
}
"""The next structures that each is a special case of."""


def compare_repeated(small: MmrmFit, large: MmrmFit) -> LikelihoodRatio:
    """See `likelihood_ratio`."""
    _check_nested(small, large)
    fixed = more_coefficients(small, large)
    restricted, results = [small.reml, large.reml], [small.result, large.result]
    notes: tuple[str, ...] = ()
    if any(restricted) and (fixed or not all(restricted)):
        results = [refit_by(fit, reml=False) if fit.reml else fit.result for fit in (small, large)]
        notes = (
            "refitted by maximum likelihood, because restricted likelihoods of different fixed effects do not compare",
        )
    clusters = (large.layout.cluster is not None) - (small.layout.cluster is not None)
    return compared(*map(_described, results), bounded=clusters, notes=notes)


def _described(result: MmrmResult) -> Compared:
    deviance, parameters = result.at.deviance, len(result.minimum.theta)
    return Compared(result.log_likelihood, len(result.estimate), parameters, deviance.n_rows, deviance.reml)


def _check_nested(small: MmrmFit, large: MmrmFit) -> None:
    """PlanError unless the covariance of one is a special case of that of the other, for the same rows."""
    ours, theirs = small.layout, large.layout
    if not (np.array_equal(small.matrices.y, large.matrices.y) and _same(ours.subject, theirs.subject)):
        raise PlanError("the two models are not of the same outcome in the same rows; leave out the same rows before")
    within = large.structure in _wider(small.structure)
    by_group = ours.group is None or _same(ours.group, theirs.group)
    by_cluster = ours.cluster is None or _same(ours.cluster, theirs.cluster)
    if not (within and by_group and by_cluster and _same(ours.visit, theirs.visit)):
        raise PlanError(
            f"covariance {small.structure!r} of the first model is not nested in {large.structure!r} of the second,"
            " with the same visits, groups and clusters"
        )


def _wider(structure: CovarianceName) -> set[CovarianceName]:
    """The structure, and all that it is a special case of."""
    return {structure}.union(*(_wider(wider) for wider in WIDER[structure]))


def _same(one: Grouping | None, other: Grouping | None) -> bool:
    return one is not None and other is not None and np.array_equal(one.level, other.level)
