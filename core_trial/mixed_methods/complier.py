"""The effect of engaging with the programme, with the allocation as instrument: `complier_effect`.

Two-stage least squares of team summaries with robust standard errors and n - p degrees of freedom: Agbla, De Stavola
and DiazOrdaz 2020, Stat Methods Med Res 29:911, doi 10.1177/0962280219849613. The interval by randomisation, right
however weak the instrument: Anderson and Rubin 1949, Ann Math Stat 20:46, by permutation as in Imbens and Rosenbaum
2005, J R Stat Soc A 168:109.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from ..data.trial import Trial
from ..errors import DesignError, PlanError, TrialWarning
from ..fit import Fit
from .dose import complete_teams, dose_frame
from .linking.allocations import DRAWS, ENUMERATED, Resampling
from .two_stage import Stages

StdErrors = Literal["robust", "classical"]

WEAK = 10.0
"""First-stage F below which an instrument counts as weak (Staiger and Stock 1997, Econometrica 65:557)."""

TERM = "engagement"

ASSUMPTIONS = (
    "assumed: the offer of the programme changed the outcome only through the engagement that is measured",
    "assumed: no team would have engaged more without the offer than with it",
    "assumed: a team's outcome does not depend on the arm of other teams",
)
GRADED = "assumed: each point of engagement has the same effect; otherwise the figure is a weighted average of them"


@dataclass(frozen=True, kw_only=True)
class ComplierFit(Fit):
    """A `Fit` of one coefficient, `engagement`.

    Attributes
    ----------
    stages : two rows, the effect of the offer on the dose and on the outcome, as in `Fit.tidy()`, with the `f` of the
        first
    randomisation : one row: `estimate p_value conf_low conf_high arrangements exact p_error`, on the scale of the
        link. The interval holds the effects that the permutation test does not reject, and is infinite where the
        instrument is too weak; the p value is that of no effect of the offer
    teams : the teams analysed, with `dose`
    """

    stages: pd.DataFrame
    randomisation: pd.DataFrame
    teams: pd.DataFrame


def complier_effect(
    trial: Trial,
    outcome: str = "fidelity",
    *,
    threshold: float | None = None,
    log: bool = False,
    strata: bool = True,
    std_errors: StdErrors = "robust",
    weights: Mapping[str, float] | None = None,
    most_missing: float = 0.0,
    conf_level: float = 0.95,
    enumerated: int = ENUMERATED,
    draws: int = DRAWS,
    seed: int = 2014,
) -> ComplierFit:
    """Effect of engagement with the programme on an outcome at 12 months, in teams that engage if offered it.

    One row a team; the outcome's baseline and the strata of the randomisation are held fixed in both stages.

    Parameters
    ----------
    outcome : a numeric column of the panel measured at 0 and 12 months
    threshold : engagement index, 0 to 3, from which a team counts as engaged: the effect is that of being engaged.
        None: the effect is that of one point of the index
    log : analyse logarithms of the outcome; `tidy(exponentiate=True)` shows ratios
    strata : hold the strata fixed; arrangements of the allocation stay within strata either way
    std_errors : `robust` (Huber and White, times n / (n - p)) or `classical`, one variance for all teams
    weights, most_missing : of the index, as in `derive_engagement`
    conf_level, enumerated, draws, seed : of the interval by randomisation

    Raises
    ------
    PlanError : an unknown outcome or option
    DataError : no table `engagement`, or a value of 0 or less under `log`
    DesignError : no variation of the dose, too few teams

    Warns
    -----
    TrialWarning : a weak instrument, with a first-stage F below 10

    Examples
    --------
    >>> import core_trial as ct, warnings
    >>> warnings.simplefilter("ignore", ct.TrialWarning)
    >>> fit = ct.mixed_methods.complier_effect(ct.simulate_trial())
    >>> fit.randomisation[["conf_low", "conf_high"]].round(1).to_numpy().tolist()
    [[-1.3, 11.7]]
    """
    if std_errors not in ("robust", "classical"):
        raise PlanError(f"std_errors is {std_errors!r}; choose robust or classical")
    frame, notes = dose_frame(trial, threshold=threshold, weights=weights, most_missing=most_missing)
    teams, left_out = complete_teams(frame, {outcome: log}, ("dose",))
    _refuse_without_dose(teams, threshold)
    stages = Stages.of(teams, outcome, strata)
    estimate, std_error = stages.two_stage(robust=std_errors == "robust")
    rows = stages.rows(conf_level)
    f = float(rows["f"].iloc[0])
    weak = _weakness(f)
    return ComplierFit(
        terms=(TERM,),
        estimate=np.array([estimate]),
        covariance=np.array([[std_error**2]]),
        degrees=lambda _: float(stages.df),
        measure=_measure(threshold, log),
        link="log" if log else "identity",
        method=_method(threshold, strata, std_errors, stages.df),
        notes=(*notes, *left_out, *weak, *ASSUMPTIONS, *([] if threshold is not None else [GRADED])),
        summary={"nobs": len(teams), "df": stages.df, "first_stage_f": f, "weak": bool(weak)},
        stages=rows,
        randomisation=stages.randomisation(teams["stratum"], conf_level, Resampling(enumerated, draws, seed)),
        teams=teams,
    )


def _refuse_without_dose(teams: pd.DataFrame, threshold: float | None) -> None:
    if teams.groupby("intervention")["dose"].max().get(1, 0.0) <= 0:
        reached = "engaged at all" if threshold is None else f"reached the threshold of {threshold:g}"
        raise DesignError(f"no intervention team {reached}: there is no engagement whose effect could be estimated")


def _weakness(f: float) -> tuple[str, ...]:
    if f >= WEAK:
        return ()
    text = f"weak instrument: the first-stage F is {f:.1f}, below {WEAK:g}; rely on the interval by randomisation"
    warnings.warn(text, TrialWarning, stacklevel=3)
    return (text,)


def _measure(threshold: float | None, log: bool) -> str:
    of = "a point of engagement" if threshold is None else f"engagement of {threshold:g} or more"
    return f"{'ratio' if log else 'difference'}, {of}"


def _method(threshold: float | None, strata: bool, std_errors: StdErrors, df: int) -> str:
    dose = "a point of the engagement index" if threshold is None else f"an engagement index of {threshold:g} or more"
    held = "the baseline and the strata" if strata else "the baseline"
    return (
        f"Complier-average effect of {dose}: two-stage least squares of team values with the allocation as instrument, "
        f"{held} held fixed, {std_errors} standard errors, t with {df} degrees of freedom; interval by randomisation: "
        "the effects that a permutation of the allocation within strata does not reject"
    )
