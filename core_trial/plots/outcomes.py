"""How the columns of the panel are named on an axis, and what small counts they rest on."""

from __future__ import annotations

from ..wording import sentence

LABELS = {
    "fidelity": "CORE fidelity score",
    "fidelity_referrals": "Fidelity: referrals and access",
    "fidelity_content": "Fidelity: content and delivery",
    "fidelity_staffing": "Fidelity: staffing and procedures",
    "fidelity_location": "Fidelity: location and timing",
    "admission_rate": "Admissions per 1,000 person-years",
    "bed_day_rate": "Bed days per 1,000 person-years",
    "detained": "Compulsory admissions",
    "detained_rate": "Compulsory admissions per 1,000 person-years",
    "readmissions": "Readmissions after crisis-team care",
    "readmission_share": "Share of readmissions",
    "csq8_mean": "Satisfaction (CSQ-8)",
    "continuity_mean": "Continuity of care",
    "burnout_exhaustion_mean": "Emotional exhaustion (MBI)",
    "burnout_depersonalisation_mean": "Depersonalisation (MBI)",
    "burnout_accomplishment_mean": "Personal accomplishment (MBI)",
    "work_engagement_mean": "Work engagement (UWES-9)",
    "ghq12_mean": "Psychological health (GHQ-12)",
    "flexibility_mean": "Psychological flexibility (WAAQ)",
}

EVENTS = {
    "admissions": "admissions",
    "admission_rate": "admissions",
    "bed_days": "admissions",
    "bed_day_rate": "admissions",
    "detained": "detained",
    "detained_rate": "detained",
    "readmissions": "readmissions",
    "readmission_share": "readmissions",
}
"""Outcome of a period -> column with the number of events that it rests on."""

PERIODS = {0.0: "6 months\nbefore", 12.0: "months\n7 to 12"}
"""Timepoint -> the period whose events the panel has at it."""

FIDELITY_BANDS = {117.0: "moderate\nfrom 117", 156.0: "high\nfrom 156"}
"""Thresholds of the CORE fidelity scale: an item score of 3 and of 4 on average over its 39 items."""


def outcome_label(outcome: str) -> str:
    return LABELS.get(outcome, sentence(outcome.replace("_", " ")))


def count_column(outcome: str) -> str | None:
    """The column with the number of events or people that a team's value rests on; None for scores of the team."""
    name, _, statistic = outcome.rpartition("_")
    return f"{name}_n" if statistic in ("mean", "sd") else EVENTS.get(outcome)


def counted(column: str) -> str:
    """What such a column counts, in words."""
    return "people" if column.endswith("_n") else LABELS.get(column, column).replace("_", " ").lower()
