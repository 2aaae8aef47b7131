"""Marginal models by generalised estimating equations."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

import numpy as np
import pandas as pd

from ..columns import numeric, refuse_rows
from ..engine.arrays import Codes
from ..engine.generalised.links import LinkName
from ..engine.robust.pair_correlation import Correlation, PairKind, Residuals, pair_correlations
from ..engine.robust.quasi_likelihood import QuasiFit, QuasiName, evaluate
from ..engine.robust.sandwich import ClusterParts, change_without, robust_covariance
from ..errors import DesignError, PlanError, TrialWarning
from ..formula.coding import is_number, levels
from ..formula.matrices import find_levels
from .estimation import estimate
from .families import mean_model
from .fit import RobustFit
from .inference import GeeCorrection, RobustDdf, read_correction
from .observations import Observations, observe
from .summary import fit_arguments
from .working import WorkingCorrelation, WorkingRows, fit_working

PAIRS: Mapping[WorkingCorrelation, PairKind] = {
    "independence": "exchangeable",
    "exchangeable": "exchangeable",
    "autoregressive": "autoregressive",
    "nested": "nested",
}
ASTRAY = 0.1
"""Share by which a standard error may differ from that of the exact root unsaid."""
ROLE: Mapping[WorkingCorrelation, str] = {"autoregressive": "time", "nested": "subcluster"}


@dataclass(frozen=True, kw_only=True)
class GeeFit(RobustFit):
    """A marginal model with a working correlation.

    Attributes
    ----------
    working : the correlations that the estimating equations took, by the pairs of rows that they are of
    unbiased : those from residuals whose bias is taken out, with standard errors

    Examples
    --------
    >>> import core_trial as ct
    >>> score = [20, 23, 24, 25, 22, 23, 21, 20, 22, 26, 23, 25, 26, 25, 24, 28, 27, 30, 26, 27, 23, 25, 24, 28]
    >>> people = pd.DataFrame({"team": np.repeat(list("abcdef"), 4), "arm": np.repeat([0, 1], 12), "score": score})
    >>> fit = ct.gee("score ~ arm", people, cluster="team", family="gaussian")
    >>> fit.correlations().round(2).loc[0, ["working", "estimate", "std_error"]].tolist()
    [0.06, 0.19, 0.13]
    """

    working: Mapping[str, float]
    unbiased: Mapping[str, Correlation] = field(repr=False)

    def correlations(self) -> pd.DataFrame:
        """A row a kind of pairs of rows: `pairs working estimate std_error`.

        `working` is what the coefficients were estimated with. `estimate` takes residuals about coefficients estimated
        without their cluster, so that fitting them does not make clusters look less alike; `std_error` is from the
        variation between clusters, and with few of them is rough.
        """
        rows = [(pairs, self.working[pairs], *found) for pairs, found in self.unbiased.items()]
        return pd.DataFrame(rows, columns=["pairs", "working", "estimate", "std_error"])


def gee(
    formula: str,
    data: pd.DataFrame,
    *,
    cluster: str,
    family: QuasiName,
    link: LinkName | None = None,
    correlation: WorkingCorrelation = "exchangeable",
    correction: GeeCorrection = "avg",
    ddf: RobustDdf = "clusters",
    time: str | None = None,
    subcluster: str | None = None,
    weights: str | None = None,
) -> GeeFit:
    """Marginal model by generalised estimating equations (Liang and Zeger, 1986, Biometrika 73:13).

    statsmodels solves the equations; standard errors are corrected for few clusters and compared with t.

    Parameters
    ----------
    formula : such as `readmitted ~ arm + age`. `offset(log(person_time))` adds to the linear predictor, and takes part
        in every correction; `cbind(events, others) ~` stands for that many rows with and without the event
    data : rows in any order; those with missing values in a column that is used are left out and counted in `notes`
    cluster : column
    family : `gaussian`, `binomial`, `poisson` or `negative_binomial` (theta by maximum likelihood of independent rows)
    link : `identity`, `log` or `logit`; by default the usual one of the family
    correlation : of the rows of a cluster: `exchangeable`; `independence`; `autoregressive`, of first order in the
        column `time`; `nested`, exchangeable with one value within the groups of the column `subcluster` (a period, a
        ward) of a cluster and another between these. Standard errors hold whether it is right or not
    correction : `avg`, the mean of the standard errors of `cr2` and `md` (Ford and Westgate, 2017), which keeps the
        size of tests best where clusters differ in size (`benchmarks/size`); `cr2`, the inverse root of I - H with H
        the leverage of a cluster, unbiased where the working correlation is right (Bell and McCaffrey, 2002; Kauermann
        and Carroll, 2001); `md` (Mancl and DeRouen, 2001); `fg` (Fay and Graubard, 2001); `mbn` (Morel, Bokossa and
        Neerchal, 2003); or `none`. `kc` is Kauermann and Carroll's as geesmv computes it: that of `cr2` where
        covariates and variances do not differ within clusters, else with the transpose of eigenvectors where their
        inverse belongs, which may be far too small; where it is a tenth off `cr2`, a note and a warning say so.
        `fit.compare_corrections()` shows all side by side
    ddf : `clusters`, less cluster-level parameters; `satterthwaite` (not with `mbn` and `avg`; of the exact root for
        `kc`), under the working correlation; or `normal`
    time, subcluster : columns, see `correlation`
    weights : column of whole numbers: how many such rows there are, each correlated with the others

    Raises
    ------
    PlanError : the formula or an option is wrong
    DataError : an outcome, offset or weight that cannot be
    DesignError : a single cluster; two rows of a cluster at one time
    FitError : outcomes that are separated; equations that were not solved

    Examples
    --------
    >>> import numpy as np
    >>> teams, arm = np.repeat(list("abcdefgh"), 6), np.repeat([0, 1], 24)
    >>> readmitted = [1, 0, 1, 1, 0, 0, 0, 1, 1, 0, 1, 0, 1, 1, 0, 1, 1, 0, 0, 1, 1, 0, 1, 1]
    >>> readmitted += [0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]
    >>> people = pd.DataFrame({"team": teams, "arm": arm, "readmitted": readmitted})
    >>> fit = gee("readmitted ~ arm", people, cluster="team", family="binomial")
    >>> fit.tidy(exponentiate=True).round(2).loc[1, ["estimate", "conf_low", "conf_high", "df"]].tolist()
    [0.19, 0.08, 0.44, 6.0]
    """
    kind = read_correction(correction, get_args(GeeCorrection))
    inner = _inner_role(correlation, {"time": time, "subcluster": subcluster})
    also = [inner] if inner else []
    observed = observe(formula, data, cluster=cluster, model=mean_model(family, link), weights=weights, also=also)
    if weights is not None:
        _check_repeats(data[weights], correlation)
    independent = estimate(observed, stacklevel=2)
    index, rows = _working_rows(observed, inner, correlation)
    solved = fit_working(independent.fit.model, rows, independent.fit.coefficients, correlation)
    state = evaluate(independent.fit.model, observed.data, solved.coefficients)
    parts = solved.parts(state.dispersion, observed.data.basis.transform, float(len(rows.y)))
    what = f"Generalised estimating equations, {correlation} working correlation,"
    astray = _astray(parts, observed.names) if kind == "kc" else ()
    notes = (*independent.notes, *solved.notes, *_gaps(observed, inner, rows, correlation), *astray)
    return GeeFit(
        **fit_arguments(what, observed, state, parts, kind, ddf, notes, stacklevel=2),
        working=solved.correlations,
        unbiased=pair_correlations(PAIRS[correlation], _residuals(state, parts, index, rows)),
    )


def _astray(parts: ClusterParts, names: Sequence[str]) -> tuple[str, ...]:
    """The coefficients whose standard errors geesmv's root makes a tenth too small or large: noted and warned of."""
    errors = [np.sqrt(np.diag(robust_covariance(parts, correction))) for correction in ("kc", "cr2")]
    far = np.abs(np.log(errors[0] / errors[1])) > np.log(1 + ASTRAY)
    if not far.any():
        return ()
    found = ", ".join(f"{names[i]} ({errors[0][i]:.3g}, {errors[1][i]:.3g})" for i in map(int, np.flatnonzero(far)))
    note = f"standard errors by kc, as geesmv computes it, are far from those by the exact root, cr2: {found}; take cr2"
    warnings.warn(note, TrialWarning, stacklevel=3)
    return (note,)


def _inner_role(correlation: WorkingCorrelation, roles: Mapping[str, str | None]) -> str | None:
    """The column that orders or groups the rows of a cluster, if the correlation takes one."""
    if correlation not in get_args(WorkingCorrelation):
        raise PlanError(
            f"correlation {correlation!r} is unknown; choose from {', '.join(get_args(WorkingCorrelation))}"
        )
    needed = ROLE.get(correlation)
    for role, column in roles.items():
        if role == needed and column is None:
            raise PlanError(f"correlation={correlation!r} needs {role}=, a column")
        if role != needed and column is not None:
            raise PlanError(f"correlation={correlation!r} takes no {role}; leave it out")
    return roles[needed] if needed else None


def _check_repeats(column: pd.Series, correlation: WorkingCorrelation) -> None:
    if correlation == "autoregressive":
        raise PlanError("weights say how many such rows there are, and a cluster has one row a time: leave them out")
    refuse_rows(column, numeric(column) % 1 > 0, "is no number of rows", "give whole numbers")


def _working_rows(
    observed: Observations, inner: str | None, correlation: WorkingCorrelation
) -> tuple[Codes, WorkingRows]:
    """The row that each working row is of, and these: one for each trial, and as many as a row stands for."""
    events = observed.data.y * observed.trials
    times = np.rint(np.concatenate([events, observed.trials - events]) * np.tile(observed.repeats, 2)).astype(int)
    n = len(events)
    if observed.model.name == "binomial":
        index, y = np.repeat(np.tile(np.arange(n), 2), times), np.repeat(np.repeat([1.0, 0.0], n), times)
    else:
        index = np.repeat(np.arange(n), np.rint(observed.repeats).astype(int))
        y = observed.data.y[index]
    level = np.zeros(n, int) if inner is None else _inner(observed, inner, correlation)
    order = np.lexsort((level[index], observed.cluster.level[index]))
    index, y = index[order], y[order]
    data = observed.data
    return index, WorkingRows(
        y, data.basis.columns[index], data.offset[index], observed.cluster.level[index], level[index]
    )


def _inner(observed: Observations, inner: str, correlation: WorkingCorrelation) -> Codes:
    """(n,) time, or group within the cluster, from 0."""
    columns, cluster = observed.matrices.columns, observed.cluster
    if correlation == "nested":
        return find_levels([cluster.name, inner], columns).level
    level = levels(columns[inner])[0]
    counts = np.bincount(cluster.level * (level.max() + 1) + level)
    if np.any(counts > 1) or observed.data.weights.max() > 1:
        label = cluster.labels[int(counts.argmax()) // (int(level.max()) + 1)]
        raise DesignError(
            f"{cluster.name} {label} has more than one row at a time of {inner!r}: autoregressive correlation is of one"
            " row a time; take exchangeable or nested, or means of the rows"
        )
    return level


def _gaps(
    observed: Observations, inner: str | None, rows: WorkingRows, correlation: WorkingCorrelation
) -> Iterator[str]:
    """Times that are not one step apart, which the working correlation takes them to be."""
    if inner is None or correlation != "autoregressive":
        return
    values = np.array(levels(observed.matrices.columns[inner])[1])
    uneven = is_number(observed.matrices.columns[inner]) and len(np.unique(np.diff(values.astype(float)))) > 1
    if uneven or np.any(np.diff(rows.inner)[np.diff(rows.cluster) == 0] > 1):
        yield f"times of {inner} are uneven or missing: successive rows of a cluster are taken as one step apart"


def _residuals(state: QuasiFit, parts: ClusterParts, index: Codes, rows: WorkingRows) -> Residuals:
    deviation, slope = np.sqrt(state.variance)[index], state.slope[index]
    residual = rows.y - state.mean[index]
    change = np.einsum("ij,ij->i", rows.columns, change_without(parts)[rows.cluster])
    return Residuals(residual / deviation, (residual + slope * change) / deviation, rows.cluster, rows.inner)
