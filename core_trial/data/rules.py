"""The trial's own rules, beyond the data dictionary.

Each rule is a query that answers the records that break it: the `row` in its table (NULL: none in particular), the
`value` in its column, and what else its message names. A query sees the tables with their column `row`, and `reviews`.
A rule is checked when its table and those in `needs` are present. Errors stop a trial from being loaded.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

ITEMS = 39
MOST_MISSING = 4
"""Items of a fidelity review that may be missing for its total to be prorated."""

REVIEW_DAYS = 62
"""Days by which a review may be away from its time point after randomisation: about two months."""

REVIEWS = """
    SELECT team, timepoint, min(row) AS row, count(score) AS scored,
        min(reviewed_on)::DATE AS reviewed_on, max(reviewed_on)::DATE AS last_on
    FROM fidelity_items GROUP BY team, timepoint"""
"""The view `reviews`: a row a team and time point."""


class Rule(NamedTuple):
    """What is asked of a table. `message` is a template in the columns that the query `sql` answers."""

    name: str
    severity: Literal["error", "warning"]
    table: str
    column: str
    message: str
    sql: str
    needs: tuple[str, ...] = ()


RULES = (
    Rule(
        "team_allocated", "error", "teams", "team",
        "team {value} is not in the table allocation; allocate it, or leave it out",
        "SELECT row, team AS value FROM teams ANTI JOIN allocation USING (team)",
        needs=("allocation",),
    ),
    Rule(
        "one_arm", "error", "allocation", "arm",
        "team {team} is in both arms; a team has one",
        "SELECT max(row) AS row, max_by(arm, row) AS value, team FROM allocation "
        "GROUP BY team HAVING count(DISTINCT arm) > 1",
    ),
    Rule(
        "arm_with_teams", "error", "allocation", "arm",
        "no team is in the arm {value}, so the arms cannot be compared",
        "SELECT NULL AS row, arm AS value FROM (VALUES ('intervention'), ('control')) AS arms(arm) "
        "ANTI JOIN allocation USING (arm)",
    ),
    Rule(
        "one_stratum_a_trust", "error", "allocation", "stratum",
        "trust {trust} has teams in several strata ({strata}); a trust belongs to one",
        "SELECT max(allocation.row) AS row, max_by(stratum, allocation.row) AS value, trust, "
        "string_agg(DISTINCT stratum, ', ' ORDER BY stratum) AS strata "
        "FROM allocation JOIN teams USING (team) GROUP BY trust HAVING count(DISTINCT stratum) > 1",
        needs=("teams",),
    ),
    Rule(
        "both_arms_in_stratum", "warning", "allocation", "stratum",
        "all teams of stratum {value} are in one arm; comparisons within strata leave it out",
        "SELECT min(row) AS row, stratum AS value FROM allocation GROUP BY stratum HAVING count(DISTINCT arm) = 1",
    ),
    Rule(
        "one_review_date", "error", "fidelity_items", "reviewed_on",
        "the review of team {team} at {timepoint} months has several dates, {value} to {last_on}; a review has one",
        "SELECT row, reviewed_on AS value, last_on, team, timepoint FROM reviews WHERE reviewed_on < last_on",
    ),
    Rule(
        "reviews_in_order", "error", "fidelity_items", "reviewed_on",
        "the review of team {team} at {timepoint} months is dated {value}, not after an earlier one, {before}",
        "SELECT row, reviewed_on AS value, team, timepoint, before FROM (SELECT *, max(last_on) OVER "
        "(PARTITION BY team ORDER BY timepoint ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before "
        "FROM reviews) WHERE reviewed_on <= before",
    ),
    Rule(
        "review_near_timepoint", "warning", "fidelity_items", "reviewed_on",
        f"the review of team {{team}} at {{timepoint}} months is dated {{value}}, more than {REVIEW_DAYS} days from "
        "{expected}",
        "SELECT row, reviewed_on AS value, team, timepoint, expected FROM (SELECT reviews.*, "
        "(randomised_on + to_months(timepoint::INTEGER))::DATE AS expected FROM reviews JOIN allocation USING (team)) "
        f"WHERE abs(date_diff('day', expected, value)) > {REVIEW_DAYS}",
        needs=("allocation",),
    ),
    Rule(
        "control_review_at_6", "warning", "fidelity_items", "timepoint",
        "the control team {team} has a review at 6 months; control teams are reviewed at 0 and 12 months",
        "SELECT reviews.row, timepoint AS value, team FROM reviews JOIN allocation USING (team) "
        "WHERE arm = 'control' AND timepoint = 6",
        needs=("allocation",),
    ),
    Rule(
        "review_present", "warning", "fidelity_items", "timepoint",
        "team {team} has no review at {value} months; its fidelity is missing there",
        "SELECT NULL AS row, timepoint AS value, team FROM allocation CROSS JOIN (VALUES (0), (6), (12)) "
        "AS planned(timepoint) ANTI JOIN reviews USING (team, timepoint) WHERE arm = 'intervention' OR timepoint <> 6",
        needs=("allocation",),
    ),
    Rule(
        "items_missing", "warning", "fidelity_items", "score",
        f"the review of team {{team}} at {{timepoint}} months has {{value}} of {ITEMS} items; its total is prorated",
        "SELECT row, scored AS value, team, timepoint FROM reviews "
        f"WHERE scored BETWEEN {ITEMS - MOST_MISSING} AND {ITEMS - 1}",
    ),
    Rule(
        "too_many_items_missing", "warning", "fidelity_items", "score",
        f"the review of team {{team}} at {{timepoint}} months has {{value}} of {ITEMS} items; its total is missing",
        f"SELECT row, scored AS value, team, timepoint FROM reviews WHERE scored < {ITEMS - MOST_MISSING}",
    ),
    Rule(
        "window_has_days", "error", "exposure", "end_on",
        "the window {period} of team {team} ends on {value}, not after its start, {start_on}",
        "SELECT row, end_on::DATE AS value, team, period, start_on::DATE AS start_on FROM exposure "
        "WHERE end_on <= start_on",
    ),
    Rule(
        "windows_in_order", "error", "exposure", "start_on",
        "the window after of team {team} starts on {value}, within the window before, which ends on {end_on}",
        "SELECT later.row, later.start_on::DATE AS value, team, earlier.end_on::DATE AS end_on FROM exposure AS later "
        "JOIN exposure AS earlier USING (team) "
        "WHERE later.period = 'after' AND earlier.period = 'before' AND later.start_on < earlier.end_on",
    ),
    Rule(
        "window_before_randomisation", "warning", "exposure", "end_on",
        "the window before of team {team} ends on {value}, after its randomisation on {randomised_on}",
        "SELECT exposure.row, end_on::DATE AS value, team, randomised_on::DATE AS randomised_on FROM exposure "
        "JOIN allocation USING (team) WHERE period = 'before' AND end_on > randomised_on + to_days(1)",
        needs=("allocation",),
    ),
    Rule(
        "window_after_randomisation", "warning", "exposure", "start_on",
        "the window after of team {team} starts on {value}, before its randomisation on {randomised_on}",
        "SELECT exposure.row, start_on::DATE AS value, team, randomised_on::DATE AS randomised_on FROM exposure "
        "JOIN allocation USING (team) WHERE period = 'after' AND start_on < randomised_on",
        needs=("allocation",),
    ),
    Rule(
        "window_present", "warning", "exposure", "period",
        "team {team} has no window {value}; its admissions in that period are missing",
        "SELECT NULL AS row, period AS value, team FROM teams CROSS JOIN (VALUES ('before'), ('after')) "
        "AS periods(period) ANTI JOIN exposure USING (team, period)",
        needs=("teams",),
    ),
    Rule(
        "discharge_after_admission", "error", "admissions", "discharged_on",
        "the discharge on {value} is before the admission on {admitted_on}",
        "SELECT row, discharged_on::DATE AS value, admitted_on::DATE AS admitted_on FROM admissions "
        "WHERE discharged_on < admitted_on",
    ),
    Rule(
        "no_overlap", "warning", "admissions", "admitted_on",
        "the admission on {value} begins before the previous one of this person has ended; bed days count twice",
        "SELECT row, admitted_on::DATE AS value FROM (SELECT row, admitted_on, person, "
        "lag(coalesce(discharged_on, 'infinity'::TIMESTAMP)) OVER (PARTITION BY person ORDER BY admitted_on, row) "
        "AS left_on FROM admissions) WHERE admitted_on < left_on",
    ),
    Rule(
        "admissions_in_windows", "warning", "admissions", "team",
        "team {value} has no admission in any of its windows, which counts as zero; check that its records are here",
        "SELECT DISTINCT NULL AS row, team AS value FROM exposure WHERE team NOT IN (SELECT team FROM admissions "
        "JOIN exposure USING (team) WHERE admitted_on >= start_on AND admitted_on < end_on)",
        needs=("exposure",),
    ),
    Rule(
        "csq8_total", "error", "patients", "csq8_total",
        "csq8_total is {value}, but its items add up to {items}",
        "SELECT row, csq8_total AS value, items FROM (SELECT row, csq8_total, csq8_1 + csq8_2 + csq8_3 + csq8_4 "
        "+ csq8_5 + csq8_6 + csq8_7 + csq8_8 AS items FROM patients) WHERE csq8_total <> items",
    ),
    Rule(
        "one_wave_a_person", "warning", "patients", "person",
        "this person is in both waves, which are analysed as different people",
        "SELECT max(row) AS row, person AS value FROM patients GROUP BY person HAVING count(DISTINCT wave) > 1",
    ),
    Rule(
        "patients_in_wave", "warning", "patients", "wave",
        "team {team} has no patients in the wave {value}",
        "SELECT NULL AS row, wave AS value, team FROM teams CROSS JOIN (VALUES ('baseline'), ('follow_up')) "
        "AS waves(wave) ANTI JOIN patients USING (team, wave)",
        needs=("teams",),
    ),
    Rule(
        "staff_in_wave", "warning", "staff", "wave",
        "team {team} has no staff in the wave {value}",
        "SELECT NULL AS row, wave AS value, team FROM teams CROSS JOIN (VALUES ('baseline'), ('follow_up')) "
        "AS waves(wave) ANTI JOIN staff USING (team, wave)",
        needs=("teams",),
    ),
    Rule(
        "no_programme_for_controls", "warning", "engagement", "delivered",
        "{component} was delivered to the control team {team}",
        "SELECT min(engagement.row) AS row, 'yes' AS value, team, component FROM engagement "
        "JOIN allocation USING (team) WHERE arm = 'control' AND delivered = 'yes' GROUP BY team, component",
        needs=("allocation",),
    ),
    Rule(
        "delivered_agrees", "warning", "engagement", "delivered",
        "{component} of team {team} is said not to be delivered, but has {sessions} sessions",
        "SELECT row, delivered AS value, team, component, sessions FROM engagement "
        "WHERE delivered = 'no' AND sessions > 0",
    ),
)  # fmt: skip
"""The rules, by table."""
