"""Which covariance and which degrees of freedom robust inference uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np

from ..engine.arrays import Array
from ..engine.inference import Reference, cluster_degrees
from ..engine.robust.degrees import hotelling, hotelling_robust, satterthwaite_robust
from ..engine.robust.sandwich import ClusterParts, Correction, robust_covariance
from ..errors import PlanError
from ..mixed.degrees import SmallSample
from .observations import Observations

RobustDdf = Literal["clusters", "satterthwaite", "normal"]
GeeCorrection = Literal["none", "cr2", "kc", "md", "fg", "mbn", "avg"]
ClusterCorrection = Literal["cr0", "cr1", "cr1s", "cr2", "cr3"]
SAME: Mapping[str, Correction] = {"cr0": "none", "cr3": "md"}
ENGINE: Mapping[str, Correction] = {**{name: name for name in get_args(Correction)}, **SAME}
WORDS: Mapping[Correction, str] = {
    "none": "uncorrected sandwich standard errors",
    "cr1": "sandwich standard errors times K / (K - 1) of K clusters",
    "cr1s": "sandwich standard errors with the degrees of freedom of Stata",
    "cr2": "sandwich standard errors corrected after Bell and McCaffrey (2002; CR2)",
    "kc": "sandwich standard errors corrected after Kauermann and Carroll (2001)",
    "md": "sandwich standard errors corrected after Mancl and DeRouen (2001)",
    "fg": "sandwich standard errors corrected after Fay and Graubard (2001)",
    "mbn": "sandwich standard errors corrected after Morel, Bokossa and Neerchal (2003)",
    "avg": "the average of the standard errors of CR2 and of Mancl and DeRouen (2001), after Ford and Westgate (2017)",
}


def read_correction(name: str, known: tuple[str, ...]) -> Correction:
    """The engine's name of a correction; PlanError lists the `known` ones."""
    if name not in known:
        raise PlanError(f"correction {name!r} is unknown; choose from {', '.join(known)}")
    return ENGINE[name]


def robust_inference(
    parts: ClusterParts, observed: Observations, correction: Correction, ddf: RobustDdf
) -> SmallSample:
    """Covariance, degrees of freedom of a contrast (p,), and those of several (q, p) together, by Hotelling's F."""
    if ddf not in get_args(RobustDdf):
        raise PlanError(f"ddf {ddf!r} is unknown; choose from {', '.join(get_args(RobustDdf))}")
    covariance = robust_covariance(parts, correction)
    if ddf == "satterthwaite":
        satterthwaite_robust(parts, correction, np.eye(len(covariance))[0])
        return SmallSample(
            covariance,
            lambda contrast: satterthwaite_robust(parts, correction, contrast),
            f"{WORDS[correction]}, with Satterthwaite degrees of freedom",
            lambda contrast: hotelling_robust(parts, correction, contrast),
        )
    df, reference = _fixed(observed, ddf)
    return SmallSample(
        covariance, lambda _: df, f"{WORDS[correction]}, with {reference}", lambda contrast: _joint(df, contrast)
    )


def _fixed(observed: Observations, ddf: RobustDdf) -> tuple[float, str]:
    if ddf == "normal":
        return np.inf, "a normal reference distribution"
    df = cluster_degrees(observed.x, [observed.cluster.level]).df
    return df, f"t on {df:g} degrees of freedom (clusters less cluster-level parameters)"


def _joint(df: float, contrast: Array) -> Reference:
    return hotelling(df, len(np.atleast_2d(contrast)))
