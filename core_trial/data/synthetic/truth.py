"""What is true in a synthetic trial: every number that the generator uses, with its unit and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from ...errors import PlanError

FOUND, DERIVED, ILLUSTRATIVE = "FOUND", "DERIVED", "illustrative"


@dataclass(frozen=True)
class Questionnaire:
    """A score that one person gives: a normal variable, rounded and kept within the range of the instrument.

    `mean`, `sd` (between persons, teams included) and `effect` (added in the intervention arm at follow-up) are in
    points of the scale; `icc` is the share of the variance between teams, whose differences last over the waves;
    `sign` is 1 where higher is better, else -1. All are illustrative: of these outcomes no mean, standard deviation or
    effect was found, beyond the sign of the effect on psychological health.
    """

    name: str
    mean: float
    sd: float
    lowest: float
    highest: float
    sign: int
    icc: float = 0.04
    effect: float = 0.0
    decimals: int = 0


CONTINUITY = Questionnaire("continuity", 55.0, 10.0, 16, 80, 1)
STAFF_SCALES = (
    Questionnaire("burnout_exhaustion", 22.0, 10.5, 0, 54, -1),
    Questionnaire("burnout_depersonalisation", 7.0, 4.5, 0, 30, -1),
    Questionnaire("burnout_accomplishment", 34.0, 6.5, 0, 48, 1),
    Questionnaire("work_engagement", 4.1, 1.0, 0, 6, 1, decimals=2),
    Questionnaire("ghq12", 12.5, 5.0, 0, 36, -1, effect=-1.2),
    Questionnaire("flexibility", 35.0, 6.5, 7, 49, 1),
)


def _stated(value: Any, unit: str, meaning: str, status: str = ILLUSTRATIVE) -> Any:
    return field(default=value, metadata={"unit": unit, "meaning": meaning, "status": status})


@dataclass(frozen=True, kw_only=True)
class Truth:
    """The parameters of a synthetic trial; `Truth.parameters()` lists each with its unit, meaning and status.

    FOUND values are published figures of the trial or of a national survey, DERIVED ones are arithmetic on them,
    and the rest are illustrative: chosen to look plausible, with no published counterpart.

    The causal path of an intervention team: the staff's `engagement` with the programme raises its fidelity gain, and
    the logarithm of its admission rate falls by `admission_log_ratio_per_point` with each point of that gain. A team
    with the mean gain, `fidelity_effect`, has the admission rate ratio `admission_ratio`.

    Examples
    --------
    >>> from core_trial import Truth
    >>> Truth(csq8_effect=0.0).csq8_effect
    0.0

    Raises
    ------
    PlanError : a share outside 0 to 1, or a standard deviation below 0
    """

    population_median: float = _stated(150_000.0, "persons", "catchment of a team (the planning norm)", FOUND)
    population_log_sd: float = _stated(0.25, "log persons", "spread of catchments between teams")
    caseload_median: float = _stated(29.0, "patients", "caseload of a team (survey of 2016)", FOUND)
    caseload_log_sd: float = _stated(0.35, "log patients", "spread of caseloads between teams")
    staff_median: float = _stated(21.0, "full-time staff", "size of a team (survey of 2016)", FOUND)
    staff_log_sd: float = _stated(0.30, "log full-time staff", "spread of team sizes")
    urban_share: float = _stated(0.7, "share", "teams in an urban setting")

    engagement_mean: float = _stated(1.7, "rating, 0-3", "engagement with the programme, mean over teams")
    engagement_sd: float = _stated(0.6, "rating, 0-3", "standard deviation of engagement between teams")
    engagement_rating_sd: float = _stated(0.5, "rating, 0-3", "noise of a single rating of one component")

    fidelity_mean: float = _stated(122.0, "points, 39-195", "fidelity at baseline (median of 75 teams)", FOUND)
    fidelity_sd: float = _stated(15.6, "points", "standard deviation between teams at baseline", DERIVED)
    fidelity_team_persistence: float = _stated(0.8, "share", "variance of a team's level that lasts over reviews")
    fidelity_item_persistence: float = _stated(0.6, "share", "variance of an item that lasts over reviews")
    fidelity_trend: float = _stated(3.0, "points", "gain of every team in 12 months")
    fidelity_effect: float = _stated(12.0, "points", "further gain of intervention teams (sign is FOUND)")
    fidelity_per_engagement: float = _stated(8.0, "points per unit of rating", "gain with a team's engagement")
    fidelity_gain_sd: float = _stated(4.0, "points", "spread of intervention teams' gains, engagement aside")
    fidelity_share_at_6: float = _stated(0.6, "share", "part of the 12-month gain that is there at 6 months")
    fidelity_item_missing: float = _stated(0.004, "share", "items that reviewers could not score")
    fidelity_cut_short: float = _stated(0.03, "share", "reviews cut short, items 27-39 not scored")

    admission_rate: float = _stated(2.2, "per 1,000 person-years", "admissions before the trial, median team")
    admission_team_log_sd: float = _stated(0.25, "log rate", "lasting differences between teams")
    admission_period_log_sd: float = _stated(0.08, "log rate", "differences of a team between periods")
    admission_trend: float = _stated(1.03, "ratio of rates", "after against before, every team")
    admission_ratio: float = _stated(0.85, "ratio of rates", "intervention, at the mean gain (sign is FOUND)")
    admission_log_ratio_per_point: float = _stated(-0.0135, "log rate per point", "each point of gain above the mean")
    stay_median: float = _stated(18.0, "nights", "length of a stay")
    stay_log_sd: float = _stated(1.0, "log nights", "spread of stays")
    stay_ratio: float = _stated(0.95, "ratio of lengths", "stays of intervention teams after randomisation")
    detained_share: float = _stated(0.4, "share", "admissions under detention")
    readmission_share: float = _stated(0.3, "share", "admissions that follow crisis-team care")

    patients_per_wave: int = _stated(15, "persons", "patients interviewed a team and wave", FOUND)
    csq8_mean: float = _stated(25.2, "points, 8-32", "mean satisfaction; its median is 28, as FOUND")
    csq8_sd: float = _stated(7.0, "points", "standard deviation between patients", DERIVED)
    csq8_icc: float = _stated(0.065, "share", "variance between teams; gives the published error", DERIVED)
    csq8_team_persistence: float = _stated(0.5, "share", "variance between teams that lasts over waves")
    csq8_trend: float = _stated(0.0, "points", "follow-up against baseline, every team")
    csq8_effect: float = _stated(0.97, "points", "intervention against control at follow-up", FOUND)
    csq8_item_missing: float = _stated(0.002, "share", "items left out")
    continuity: Questionnaire = _stated(CONTINUITY, "points", "perceived continuity of care")  # noqa: RUF009
    continuity_missing: float = _stated(0.05, "share", "patients who did not answer on continuity")

    staff_response: float = _stated(0.78, "share", "staff who returned the questionnaire")
    staff_stay: float = _stated(0.7, "share", "baseline staff still in the team at follow-up")
    staff_person_persistence: float = _stated(0.5, "share", "variance of a person's scores that lasts over waves")
    staff_common_factor: float = _stated(0.4, "share", "variance that the six staff scales share")
    staff_scales: tuple[Questionnaire, ...] = _stated(STAFF_SCALES, "points", "scales (sign of ghq12: FOUND)")

    def effects(self) -> dict[str, float]:
        """True effects by outcome: differences in points at follow-up, rate ratios of months 7 to 12."""
        rates = dict.fromkeys(("admissions", "detained", "readmissions"), self.admission_ratio)
        return {
            "csq8": self.csq8_effect,
            "fidelity": self.fidelity_effect,
            **rates,
            "bed_days": self.admission_ratio * self.stay_ratio,
            **{scale.name: scale.effect for scale in (self.continuity, *self.staff_scales)},
        }

    @classmethod
    def parameters(cls) -> dict[str, dict[str, str]]:
        """The `unit`, `meaning` and `status` of each parameter, by name."""
        return {stated.name: dict(stated.metadata) for stated in fields(cls)}

    def __post_init__(self) -> None:
        for name, stated in self.parameters().items():
            _check(name, getattr(self, name), stated["unit"])


def _check(name: str, value: Any, unit: str) -> None:
    if unit == "share" and not 0 <= value <= 1:
        raise PlanError(f"Truth({name}={value}) is a share: give a number from 0 to 1")
    if name.endswith("_sd") and value < 0:
        raise PlanError(f"Truth({name}={value}) is a standard deviation: give 0 or more")
    if unit.startswith("ratio") and value <= 0:
        raise PlanError(f"Truth({name}={value}) is a ratio: give a number above 0")
