"""Which covariance and which degrees of freedom inference about repeated measures uses."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..engine.arrays import Codes
from ..engine.inference import Information, VarianceParts, between_within, constant_within
from ..engine.repeated.mmrm import MmrmResult
from ..fit import Array
from ..formula.coding import INTERCEPT
from ..formula.matrices import Matrices, RandomColumns
from ..formula.visits import Layout
from .degrees import Ddf, Estimated, SmallSample, by_column, small_sample


class Curved(NamedTuple):
    """What `Estimated` asks for, with the second derivatives of the covariance."""

    kept: Codes
    units: Array
    parts: VarianceParts
    covariance: Array


def repeated_sample(
    ddf: Ddf, information: Information | None, result: MmrmResult, matrices: Matrices, layout: Layout
) -> SmallSample:
    """What inference about the fixed effects uses; PlanError or DesignError where the method does not apply."""
    if ddf == "between-within":
        words = "between-within degrees of freedom (Schluchter and Elashoff, 1990)"
        return by_column(
            result.covariance, _between_within(matrices.x[:, result.kept], matrices.names[0], layout), words
        )
    intercept = np.ones((len(matrices.y), 1))
    nested = replace(matrices, random=tuple(RandomColumns(intercept, (INTERCEPT,), f) for f in layout.nested))
    estimated: Estimated = result
    if ddf == "kenward-roger-2009" and result.at.deviance.reml:
        estimated = Curved(result.kept, result.units, result.curved_parts, result.covariance)
    found = small_sample(ddf, estimated, nested, reml=result.at.deviance.reml, information=information)
    linear = ", second derivatives of the covariance left out" if ddf == "kenward-roger" else ""
    return replace(found, words=found.words + linear)


def _between_within(x: Array, first: str, layout: Layout) -> Array:
    """(p,) degrees of freedom of each coefficient; the intercept has those within subjects, as in the package mmrm."""
    column = between_within(x, [factor.level for factor in layout.nested])
    if first == INTERCEPT:
        varying = int(np.sum(~constant_within(x, layout.subject.level)))
        column[0] = len(x) - len(layout.subject.labels) - varying
    return column
