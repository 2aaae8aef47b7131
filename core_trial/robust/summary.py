"""What a robust fit is made of, in numbers and in words."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..columns import quoted_list
from ..engine.robust.quasi_likelihood import QuasiFit
from ..engine.robust.sandwich import ClusterParts, Correction
from ..errors import TrialWarning
from ..formula.coding import INTERCEPT
from ..formula.frame import ModelFrame
from ..mixed.degrees import SmallSample
from .families import measure, model_words
from .inference import RobustDdf, robust_inference
from .observations import Observations

FEW = 4.0  # degrees of freedom


def fit_arguments(
    what: str,
    observed: Observations,
    state: QuasiFit,
    parts: ClusterParts,
    correction: Correction,
    ddf: RobustDdf,
    notes: Sequence[str],
    *,
    stacklevel: int,
) -> dict[str, Any]:
    """The arguments of `RobustFit`; `what` was fitted. Few degrees of freedom are warned of."""
    inference = robust_inference(parts, observed, correction, ddf)
    few = tuple(_few(inference, parts, observed.names))
    for note in few:
        warnings.warn(note, TrialWarning, stacklevel=stacklevel + 1)
    rows = f"{observed.matrices.n_rows} rows in {len(observed.cluster.labels)} clusters ({observed.cluster.name})"
    return {
        "terms": observed.names,
        "estimate": state.estimate,
        "covariance": inference.covariance,
        "degrees": inference.degrees,
        "measure": measure(state.model),
        "link": state.model.link.name,
        "method": f"{what} with {model_words(state.model)}, {rows}; {inference.words}",
        "notes": (*notes, *_lone(parts, observed), *few),
        "summary": _summary(observed, state),
        "joint": inference.joint,
        "frame": ModelFrame(observed.formula.fixed, observed.matrices.columns, observed.data.basis.kept),
        "observed": observed,
        "state": state,
        "parts": parts,
        "correction": correction,
        "ddf": ddf,
    }


def _lone(parts: ClusterParts, observed: Observations) -> Iterator[str]:
    """The coefficients that a single cluster determines."""
    lone = [name for name, row in zip(observed.names, np.eye(len(observed.names)), strict=True) if parts.is_lone(row)]
    if lone:
        yield (
            f"no standard error for {quoted_list(lone)}: one {observed.cluster.name} alone determines it,"
            " so that no residual tells of its error"
        )


def _few(inference: SmallSample, parts: ClusterParts, names: Sequence[str]) -> Iterator[str]:
    """The effects, but for the intercept, whose t distribution depends on normal cluster means."""
    rows = zip(names, np.eye(len(names)), strict=True)
    effects = {name: inference.degrees(row) for name, row in rows if name != INTERCEPT and not parts.is_lone(row)}
    few = [f"{name} {df:.3g}" for name, df in effects.items() if round(df, 6) < FEW]
    if few:
        yield f"few degrees of freedom ({', '.join(few)}): the intervals depend on normal means of clusters"


def _summary(observed: Observations, state: QuasiFit) -> dict[str, Any]:
    """What `glance()` shows."""
    summary: dict[str, Any] = {
        "nobs": observed.matrices.n_rows,
        "n_clusters": len(observed.cluster.labels),
        "dispersion": state.dispersion,
        "converged": True,
    }
    if state.model.name == "gaussian":
        summary["sigma"] = float(np.sqrt(state.dispersion))
    if state.model.name == "negative_binomial":
        summary["theta"] = state.model.theta
    return summary
