"""Predictions of a generalised mixed model for the rows of its fit or for others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd
from scipy import special

from ..engine.arrays import Array
from ..engine.generalised.quadrature import gauss_hermite
from ..errors import PlanError
from ..formula.coding import Columns, code_new
from ..mixed.prediction import known_levels, new_rows

if TYPE_CHECKING:
    from .fit import GlmmFit

PredictionKind = Literal["typical", "marginal", "conditional"]
PredictionScale = Literal["response", "link"]
NODES = 30  # for the mean over random effects, normal on the scale of the link


def predictions(
    fit: GlmmFit, new: pd.DataFrame | None, kind: PredictionKind, scale: PredictionScale, conf_level: float
) -> pd.DataFrame:
    """See `GlmmFit.predict`."""
    for value, options in ((kind, PredictionKind), (scale, PredictionScale)):
        if value not in get_args(options):
            raise PlanError(f"prediction {value!r} is unknown; choose from {', '.join(get_args(options))}")
    rows = fit.model_frame.columns if new is None else _columns(fit, new, kind)
    design = fit.model_frame.design(rows)
    eta, index = design @ fit.estimate + _offset(fit, rows), next(iter(rows.values())).index
    error = np.sqrt(np.einsum("ij,jk,ik->i", design, fit.covariance, design))
    df = np.array([fit.degrees(row) if np.isfinite(row).all() else np.nan for row in design])
    half = special.stdtrit(df, 0.5 + conf_level / 2) * error
    if kind == "conditional":
        eta, error, half = eta + _modes(fit, rows), np.full(len(eta), np.nan), np.full(len(eta), np.nan)
    variance = _variance(fit, rows) if kind == "marginal" else np.zeros(len(eta))
    estimate, slope = _mean(fit, eta, variance, scale)
    low, high = (_mean(fit, end, variance, scale)[0] for end in (eta - half, eta + half))
    values = {"estimate": estimate, "std_error": slope * error, "df": df, "conf_low": low, "conf_high": high}
    return pd.DataFrame(values, index=index)


def _columns(fit: GlmmFit, new: pd.DataFrame, kind: PredictionKind) -> Columns:
    """The columns of `new` that this kind of prediction needs; DataError where a value is missing."""
    bars, offset = fit.formula.bars, fit.formula.offset
    random = [name for bar in bars for name in bar.columns.variables] if kind != "typical" else []
    groups = [name for bar in bars for name in bar.group] if kind == "conditional" else []
    return new_rows(new, [*fit.formula.fixed.variables, *(offset.variables if offset else ()), *random, *groups])


def _offset(fit: GlmmFit, rows: Columns) -> Array:
    if fit.formula.offset is None:
        return np.zeros(len(next(iter(rows.values()))))
    return np.asarray(code_new(fit.formula.offset, fit.model_frame.columns, rows)[:, 0])


def _effects(fit: GlmmFit, rows: Columns) -> Iterator[Array]:
    """(m, q) columns of each random term."""
    for bar in fit.formula.bars:
        yield code_new(bar.columns, fit.model_frame.columns, rows)


def _modes(fit: GlmmFit, rows: Columns) -> Array:
    total = np.zeros(len(next(iter(rows.values()))))
    terms = zip(fit.formula.bars, fit.matrices.random, fit.result.modes, _effects(fit, rows), strict=True)
    for bar, random, modes, z in terms:
        level = known_levels(bar, random.grouping, fit.model_frame.columns, rows)
        total += np.sum(z * modes[level], axis=1) * (level >= 0)
    return total


def _variance(fit: GlmmFit, rows: Columns) -> Array:
    """(m,) of the random part."""
    pairs = zip(_effects(fit, rows), fit.result.covariances, strict=True)
    return np.asarray(np.sum([np.einsum("ij,jk,ik->i", z, covariance, z) for z, covariance in pairs], axis=0))


def _mean(fit: GlmmFit, eta: Array, variance: Array, scale: PredictionScale) -> tuple[Array, Array]:
    """The mean over normal eta of this `variance`, and its derivative; on the scale of the link, the link of it."""
    link, nodes = fit.result.problem.family.link, gauss_hermite(NODES, 1)
    weight = np.exp(nodes.log_weight - nodes.node[:, 0] ** 2 / 2)
    mean, slope, *_ = link.inverse(eta[:, None] + np.sqrt(variance)[:, None] * nodes.node[:, 0])
    mean, slope = mean @ weight, slope @ weight
    if scale == "response":
        return mean * _counted(fit), slope * _counted(fit)
    if not variance.any():
        return eta, np.ones_like(eta)
    mean_eta = link.of(mean)
    return mean_eta, slope / link.inverse(mean_eta)[1]


def _counted(fit: GlmmFit) -> float:
    """The share of rows that are not zero for certain."""
    return 1 - fit.result.others.get("zero_inflation", 0.0)
