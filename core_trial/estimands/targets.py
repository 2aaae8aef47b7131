"""Which estimand a model's coefficient targets, and a warning where it is not the one that was planned.

Kahan et al. 2023, Int J Epidemiol 52:107: where cluster size is informative, the average over participants and that
over clusters differ, and mixed models and exchangeable estimating equations estimate neither.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import singledispatch
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..clusters.level import ClusterLevelFit
from ..errors import TrialWarning
from ..fit import Fit
from ..generalised.fit import GlmmFit
from ..mixed.fit import LmmFit
from ..mixed.repeated import MmrmFit
from ..robust.fit import RobustFit
from ..robust.marginal import GeeFit
from .standardisable import standardisable
from .standardise import Average

Effect = Literal["marginal", "cluster-specific"]
BOTH: frozenset[Average] = frozenset({"participant", "cluster"})
EITHER: frozenset[Effect] = frozenset({"marginal", "cluster-specific"})
MARGINAL: frozenset[Effect] = frozenset({"marginal"})


@dataclass(frozen=True)
class Target:
    """What an effect is, whether cluster size is informative or not.

    Attributes
    ----------
    averages : over whom; none, where it is neither over participants nor over clusters
    effects : marginal, cluster-specific, or both where they are the same
    what : the model, in words
    """

    averages: frozenset[Average]
    effects: frozenset[Effect]
    what: str


def check_target(fit: Fit, *, average: Average, effect: Effect) -> tuple[str, ...]:
    """Notes on where the fit misses the estimand, each a `TrialWarning` too; none where it targets it.

    Parameters
    ----------
    average : over participants, or over clusters
    effect : marginal, or within clusters ("cluster-specific"), as the estimand of a plan has them

    Examples
    --------
    >>> import core_trial as ct, pandas as pd
    >>> teams = pd.DataFrame({"team": list("abcdef"), "arm": [0, 0, 0, 1, 1, 1], "visits": [5, 6, 9, 8, 9, 12]})
    >>> fit = ct.cluster_level("visits", teams, cluster="team", arm="arm")
    >>> ct.check_target(fit, average="cluster", effect="marginal")
    ()
    """
    notes = tuple(_misses(target(fit), average, effect))
    for note in notes:
        warnings.warn(note, TrialWarning, stacklevel=2)
    return notes


def _misses(found: Target, average: Average, effect: Effect) -> Iterator[str]:
    if average not in found.averages:
        over = f"averages over {min(found.averages)}s" if found.averages else "weights clusters between the two"
        yield (
            f"the estimand is an average over {average}s, and {found.what} {over}, which differ where cluster size is"
            " informative (Kahan et al. 2023): test it by informative_size, or use marginal_effect with augmented=True"
        )
    if effect not in found.effects:
        remedy = "use marginal_effect" if effect == "marginal" else "use a mixed model"
        yield f"the estimand is a {effect} effect, and that of {found.what} is {min(found.effects)}: {remedy}"


@singledispatch
def target(fit: Fit) -> Target:
    """What the effect of a fit is; of a fit of unknown kind, anything."""
    return Target(BOTH, EITHER, f"a {type(fit).__name__}")


@target.register
def _(fit: ClusterLevelFit) -> Target:
    what, weight = "this analysis of cluster summaries", fit.clusters["weight"].to_numpy(float)
    size = fit.clusters["size"].to_numpy(float)
    averages = {name for name, each in (("cluster", weight), ("participant", weight / size)) if _equal(each)}
    return Target(frozenset(averages), EITHER, what)  # type: ignore[arg-type]


@target.register(LmmFit)
@target.register(MmrmFit)
def _(fit: LmmFit | MmrmFit) -> Target:
    return Target(_if_equal_sizes(fit), EITHER, "a mixed model")


@target.register
def _(fit: GlmmFit) -> Target:
    effects: frozenset[Effect] = frozenset({"cluster-specific"}) if fit.link == "logit" else EITHER
    return Target(_if_equal_sizes(fit), effects, "a generalised mixed model")


@target.register
def _(fit: RobustFit) -> Target:
    effects = MARGINAL if fit.link == "logit" else EITHER
    if isinstance(fit, GeeFit) and any(fit.working.values()):
        return Target(_if_equal_sizes(fit), effects, "a marginal model with a working correlation")
    if fit.state.model.name == "negative_binomial":
        return Target(_if_equal_sizes(fit), effects, "a negative binomial regression")
    return Target(_of_independent_rows(fit), effects, "a regression of independent rows")


def _of_independent_rows(fit: RobustFit) -> frozenset[Average]:
    """Participants; clusters where they weigh the same, and both where that is because they have the same size."""
    weighted = np.ptp(fit.observed.repeats) > 0
    if not _equal(np.bincount(fit.observed.cluster.level, standardisable(fit).weight)):
        return frozenset({"participant"})
    return frozenset({"cluster"}) if weighted else BOTH


def _if_equal_sizes(fit: Fit) -> frozenset[Average]:
    """Both averages where some grouping has groups of one size; otherwise a compromise, which is neither."""
    if fit.frame is None:
        return frozenset()
    rows = standardisable(fit)
    equal = any(_equal(np.bincount(grouping.level, rows.weight)) for grouping in rows.groupings)
    return BOTH if equal else frozenset()


def _equal(values: NDArray[Any]) -> bool:
    return bool(np.ptp(values) <= 1e-9 * np.abs(values).max())
