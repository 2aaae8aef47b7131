"""How far fidelity may carry the effect of the programme: `mediate`.

A path from the allocation through the mediator to the outcome, in linear models of team values. Interval of the
product: MacKinnon, Lockwood and Williams 2004, Multivariate Behav Res 39:99, with t in place of normal distributions.
Correlated errors: Imai, Keele and Yamamoto 2010, Stat Sci 25:51, section 5.2. E-value: VanderWeele and Ding 2017, Ann
Intern Med 167:268; for mediated effects Smith and VanderWeele 2019, Epidemiology 30:835.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from ..data.trial import Trial
from ..errors import PlanError
from ..wording import percent
from .dose import complete_teams
from .team_regression import TeamRegression, held_columns, regress

Array = NDArray[np.float64]

QUANTILES = 2_000
ERROR_CORRELATIONS = np.arange(-9, 10) / 10

ASSUMPTIONS = (
    "the allocation was random, so that its effects on mediator and outcome are not confounded",
    "teams of the same arm, baseline values and stratum do not differ in anything else that moves both the mediator "
    "and the outcome: not given by randomisation, and not testable",
    "nothing that the allocation changed, other than the mediator, moves both",
    "the mediator was measured without error and before the outcome; here both are of the second half-year",
    "effects are linear, and that of the mediator is the same in both arms",
    "a team's values do not depend on the arm of other teams",
)


@dataclass(frozen=True)
class Mediation:
    """Paths from the allocation to the outcome.

    Attributes
    ----------
    paths : `path estimate std_error df statistic p_value conf_low conf_high`, a row each for: `arm to mediator`;
        `mediator to outcome` (a point of the mediator, arm held fixed); `indirect` (their product; the p value is the
        larger of theirs); `direct`; `total` (direct + indirect); `arm by mediator` (whether the mediator acts
        differently in the arms). Of a logarithm where `log`
    sensitivity : `error_correlation indirect`: the indirect effect if the errors of mediator and outcome were
        correlated by something unmeasured
    correlation_at_zero : the correlation at which the indirect effect vanishes
    e_value, e_value_limit : how strongly, as a risk ratio, something unmeasured would have to go with both mediator and
        outcome to explain the indirect effect away, or to move its interval to no effect (1 where it is there already)
    ratio : whether `paths` are logarithms of ratios
    """

    paths: pd.DataFrame
    sensitivity: pd.DataFrame
    correlation_at_zero: float
    e_value: float
    e_value_limit: float
    ratio: bool
    assumptions: tuple[str, ...]
    method: str
    notes: tuple[str, ...]

    def ratios(self) -> pd.DataFrame:
        """`path estimate conf_low conf_high` as ratios; the mediator's is for one point."""
        if not self.ratio:
            raise PlanError("the outcome was not analysed as a logarithm: its effects are differences")
        columns = ["estimate", "conf_low", "conf_high"]
        return self.paths[["path"]].join(self.paths[columns].apply(np.exp)).query("path != 'arm to mediator'")


def mediate(
    trial: Trial,
    mediator: str = "fidelity",
    outcome: str = "admission_rate",
    *,
    log: bool = True,
    strata: bool = True,
    conf_level: float = 0.95,
) -> Mediation:
    """The effect of the allocation on an outcome, split in what goes through a mediator and what does not.

    One row a team; baseline values of both, and the strata of the randomisation, are held fixed. With some 25 teams
    this explores a mechanism; it does not establish one.

    Parameters
    ----------
    mediator, outcome : numeric columns of the panel measured at 0 and 12 months
    log : analyse the logarithm of the outcome, for rates
    strata : hold the strata of the randomisation fixed

    Raises
    ------
    PlanError : an unknown column
    DataError : an outcome of 0 or less under `log`
    DesignError : too few teams for the coefficients

    Examples
    --------
    >>> import core_trial as ct, warnings
    >>> warnings.simplefilter("ignore", ct.TrialWarning)
    >>> mediation = ct.mixed_methods.mediate(ct.simulate_trial())
    >>> paths = mediation.paths.set_index("path")["estimate"]
    >>> bool(np.isclose(paths["direct"] + paths["indirect"], paths["total"]))
    True
    """
    if mediator == outcome:
        raise PlanError(f"mediator and outcome are both {mediator!r}: give two columns")
    teams, notes = complete_teams(trial.frame("teams"), {mediator: False, outcome: log})
    models = _Models.of(teams, mediator, outcome, strata)
    paths = models.paths(conf_level)
    indirect = paths.set_index("path").loc["indirect"].to_dict()
    # A difference d in standard deviations is about a risk ratio of exp(0.91 d) (Chinn 2000, Stat Med 19:3127).
    per_unit = 1.0 if log else 0.91 / models.outcome_sd
    nearest = _nearest_to_zero(indirect["conf_low"], indirect["conf_high"])
    return Mediation(
        paths=paths,
        sensitivity=models.sensitivity(),
        correlation_at_zero=models.error_correlation,
        e_value=e_value(np.exp(per_unit * indirect["estimate"])),
        e_value_limit=e_value(np.exp(per_unit * nearest)),
        ratio=log,
        assumptions=ASSUMPTIONS,
        method=_method(mediator, outcome, log, strata, models, conf_level),
        notes=notes,
    )


def e_value(ratio: float) -> float:
    """RR + sqrt(RR (RR - 1)), of a risk ratio or its inverse, whichever is above 1.

    Examples
    --------
    >>> round(e_value(3.9), 2)
    7.26
    """
    above = max(ratio, 1 / ratio)
    return float(above + np.sqrt(above * (above - 1)))


@dataclass(frozen=True)
class _Models:
    """Mediator on arm, outcome on arm, outcome on arm and mediator, and this with their product."""

    mediator: TeamRegression
    total: TeamRegression
    outcome: TeamRegression
    product: TeamRegression

    @classmethod
    def of(cls, teams: pd.DataFrame, mediator: str, outcome: str, strata: bool) -> _Models:
        baselines = [f"{mediator}_baseline", f"{outcome}_baseline"]
        with_arm = held_columns(teams, baselines, strata=strata).assign(arm=teams["intervention"])
        with_mediator = with_arm.assign(mediator=teams[mediator])
        centred = (teams[mediator] - teams[mediator].mean()) * (teams["intervention"] - teams["intervention"].mean())
        y = teams[outcome].to_numpy("float64")
        return cls(
            regress(teams[mediator].to_numpy("float64"), with_arm),
            regress(y, with_arm),
            regress(y, with_mediator),
            regress(y, with_mediator.assign(product=centred)),
        )

    @property
    def outcome_sd(self) -> float:
        """Residual standard deviation of the outcome, given the arm."""
        return float(np.sqrt(self.total.residuals @ self.total.residuals / self.total.df))

    @property
    def error_correlation(self) -> float:
        """Correlation of what the arm leaves of mediator and outcome."""
        return float(np.corrcoef(self.mediator.residuals, self.total.residuals)[0, 1])

    def paths(self, conf_level: float) -> pd.DataFrame:
        a, b = self.mediator.row("arm", conf_level), self.outcome.row("mediator", conf_level)
        low, high = product_interval(a, b, conf_level)
        indirect = {"estimate": a["estimate"] * b["estimate"], "conf_low": low, "conf_high": high}
        rows = {
            "arm to mediator": a,
            "mediator to outcome": b,
            "indirect": {**indirect, "p_value": max(a["p_value"], b["p_value"])},
            "direct": self.outcome.row("arm", conf_level),
            "total": self.total.row("arm", conf_level),
            "arm by mediator": self.product.row("product", conf_level),
        }
        return pd.DataFrame([{"path": path, **row} for path, row in rows.items()], columns=["path", *a])

    def sensitivity(self) -> pd.DataFrame:
        """a (s1 / s2) (r - rho sqrt((1 - r^2) / (1 - rho^2))), where r is the correlation at which it vanishes."""
        rho, r = ERROR_CORRELATIONS, self.error_correlation
        a = self.mediator.estimate[self.mediator.names.index("arm")]
        scale = a * np.linalg.norm(self.total.residuals) / np.linalg.norm(self.mediator.residuals)
        return pd.DataFrame(
            {"error_correlation": rho, "indirect": scale * (r - rho * np.sqrt((1 - r**2) / (1 - rho**2)))}
        )


def product_interval(a: dict[str, float], b: dict[str, float], conf_level: float) -> tuple[float, float]:
    """Quantiles of the product of two independent t variables, from a grid of their quantiles."""
    at = (np.arange(QUANTILES) + 0.5) / QUANTILES
    left, right = (each["estimate"] + each["std_error"] * stats.t.ppf(at, each["df"]) for each in (a, b))
    low, high = np.quantile(np.outer(left, right), [0.5 - conf_level / 2, 0.5 + conf_level / 2])
    return float(low), float(high)


def _nearest_to_zero(low: float, high: float) -> float:
    return 0.0 if low <= 0 <= high else min(low, high, key=abs)


def _method(mediator: str, outcome: str, log: bool, strata: bool, models: _Models, conf_level: float) -> str:
    of = f"the logarithm of {outcome}" if log else outcome
    held = "baseline values and strata" if strata else "baseline values"
    return (
        f"Path from the allocation through {mediator} to {of}, by least squares over teams with {held} held fixed and "
        f"t with {models.mediator.df} and {models.outcome.df} degrees of freedom; {percent(conf_level)} interval of "
        "the indirect effect from the distribution of the product of the two coefficients. Exploratory"
    )
