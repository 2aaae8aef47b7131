"""Trajectory plot: every team over time, with the mean of each arm."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from ..wording import interval, number, percent, sentence
from .blocks import Block, Paragraph, stack
from .outcomes import EVENTS, FIDELITY_BANDS, PERIODS, count_column, counted, outcome_label
from .plot import Plot, TrialFigure
from .series import MISSING, WITHHELD, observations, trajectory_data
from .style import GREY, MM, TITLE, arm_styles, width_mm
from .trajectory_blocks import Counts, Course, CourseAxes, Legend, lay_out_course, value_limits

Bands = Mapping[float, str] | Sequence[float]


def trajectory(
    panel: pd.DataFrame,
    outcome: str,
    *,
    conf_level: float = 0.95,
    bands: Bands | None = None,
    min_count: int = 8,
    count: str | None = None,
    label: str | None = None,
    title: str = "",
) -> Plot:
    """Every team over time, and the mean of each arm with its t interval between teams.

    A line is broken where a value that was planned for its arm is missing. Timepoints that an arm does not have, such
    as the controls' 6 months, are no break. Points of teams that rest on small counts are neither drawn nor in the
    data; where the arm's mean would give them away, the next smallest are withheld with them.

    Parameters
    ----------
    panel : a row a team and timepoint, with the columns `team timepoint arm` and the outcome; timepoints in months
    outcome : numeric column of the panel
    conf_level : level of the intervals
    bands : thresholds drawn as lines, as values or value -> label. Default: 117 and 156 for `fidelity`, else none
    min_count : a team's point on fewer events or people than this is withheld; 0 shows all
    count : column with these events or people. Default: what the panel's counts and rates rest on (`admissions`,
        `detained`, `readmissions`), `<name>_n` for `<name>_mean`, none for scores of the team
    label : name of the outcome on its axis
    title : printed above

    Returns
    -------
    Plot, whose data have a row a team and timepoint and a row an arm and timepoint: `level` (team, arm), `arm team
    timepoint value conf_low conf_high teams note`; `note` is "missing" or "withheld: small count" where there is no
    value

    Raises
    ------
    PlanError : the outcome or another column is not in the panel, or holds no numbers
    DataError : an empty panel, infinite values, a team in two arms or twice at a timepoint, no value at all

    Examples
    --------
    >>> import pandas as pd
    >>> panel = pd.DataFrame(
    ...     {
    ...         "team": ["A", "A", "A", "B", "B", "C", "C"],
    ...         "arm": ["intervention"] * 3 + ["control"] * 4,
    ...         "timepoint": [0, 6, 12, 0, 12, 0, 12],
    ...         "fidelity": [118, 131, 140, 121, 122, 109, 117],
    ...     }
    ... )
    >>> figure, data = trajectory(panel, "fidelity")
    >>> data.loc[data["level"] == "arm", "value"].tolist()
    [115.0, 119.5, 118.0, 131.0, 140.0]
    """
    basis = (count or count_column(outcome)) if min_count > 0 else None
    data = trajectory_data(observations(panel, outcome, basis), min_count, conf_level)
    lines = _bands(outcome, bands)
    times, time_label = _times(data, outcome)
    course = Course(
        data=data,
        styles=arm_styles(data["arm"]),
        label=label or outcome_label(outcome),
        bands=lines,
        times=times,
        time_label=time_label,
        limits=value_limits(data, lines),
    )
    words = {"title": title or f"Trajectories of {course.label}", "alt": _alt(course, conf_level)}
    draw = partial(_draw, course, title, _notes(course, basis, min_count, conf_level), words)
    return Plot(draw(width_mm("double") * MM), data)


def _draw(course: Course, title: str, notes: str, words: dict[str, str], width: float) -> TrialFigure:
    frame = lay_out_course(course, width)
    blocks: list[Block] = [
        Paragraph(title, width, TITLE, "bold", after=4),
        Legend(course, frame),
        CourseAxes(course, frame),
        Counts(course, frame),
        Paragraph(notes, width, color=GREY, before=3),
    ]
    return stack(blocks, width, **words, redraw=partial(_draw, course, title, notes, words))


def _bands(outcome: str, bands: Bands | None) -> dict[float, str]:
    if bands is None:
        return FIDELITY_BANDS if outcome == "fidelity" else {}
    return dict(bands) if isinstance(bands, Mapping) else {float(value): f"{value:g}" for value in bands}


def _times(data: pd.DataFrame, outcome: str) -> tuple[dict[float, str], str]:
    """Timepoints with their labels, and the name of the axis."""
    times = sorted(data["timepoint"].unique())
    if outcome in EVENTS and set(times) <= set(PERIODS):
        return {time: PERIODS[time] for time in times}, "Period"
    return {time: f"{time:g}" for time in times}, "Months from baseline"


def _notes(course: Course, basis: str | None, min_count: int, conf_level: float) -> str:
    low, high = course.limits
    beyond = (course.means["conf_low"] < low) | (course.means["conf_high"] > high)
    withheld = int((course.teams["note"] == WITHHELD).sum())
    few = f"fewer than {min_count} {counted(basis or '')}"
    notes = {
        f"Thin lines: teams. Thick lines: their means, with {percent(conf_level)} t intervals between teams.": True,
        "A thin line is broken where a team's value is missing.": (course.teams["note"] == MISSING).any(),
        f"Teams' points not shown: {withheld}; they rest on {few}, or would give away one that does.": withheld > 0,
        f"Means that rest on {few}, or would give such a point away, are not shown.": (
            (course.means["note"] == WITHHELD).any()
        ),
        "Arrow: the interval goes beyond the axis.": beyond.any(),
    }
    return " ".join(note for note, applies in notes.items() if applies)


def _alt(course: Course, conf_level: float) -> str:
    teams = course.teams["team"].nunique()
    means = course.means.assign(words=[_mean(row, course.times) for row in course.means.to_dict("records")])
    arms = [f"{sentence(arm)}: {', '.join(means.loc[means['arm'] == arm, 'words'])}." for arm in course.styles]
    return (
        f"{course.label} of {teams} teams over time: a line for each team, and the mean of each arm with its "
        f"{percent(conf_level)} interval, by {course.time_label.lower()}. {' '.join(arms)}"
    )


def _mean(row: Mapping[Hashable, Any], times: Mapping[float, str]) -> str:
    withheld = row["note"] == WITHHELD
    mean = "withheld" if withheld else interval(row["value"], row["conf_low"], row["conf_high"], 1)
    when = times[row["timepoint"]].replace("\n", " ")
    return f"{mean} at {when} (n = {number(row['teams'], 0)})"
