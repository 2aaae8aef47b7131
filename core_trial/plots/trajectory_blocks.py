"""The parts of a trajectory plot: legend, axes, numbers of teams under the axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from ..wording import number, sentence
from .blocks import MARGIN
from .plot import TrialFigure
from .scale import Limits, even_ticks
from .series import unbroken
from .style import FONT, GREY, ArmStyle
from .text import LEADING, text_width, wrap

SAMPLE, EDGE = 22.0, 16.0
"""Points that a line in the legend is long, and that the first and last time are from the ends of the axis."""

LOWEST, HIGHEST = 130.0, 230.0
"""Height of the axes in points: at least, at most."""

TEAM_DODGE, MEAN_DODGE = 4.0, 12.0
"""Points between the arms at one timepoint: of the teams, and of the means, so that no interval covers a team."""

MANY_TEAMS = 500
"""From this number of teams on, their lines are a picture within SVG and PDF."""


@dataclass(frozen=True)
class Course:
    """What is drawn at any width: the data, the look of each arm, the words and limits of the axes."""

    data: pd.DataFrame
    styles: Mapping[str, ArmStyle]
    label: str
    bands: Mapping[float, str]
    times: Mapping[float, str]
    time_label: str
    limits: Limits

    @property
    def label_lines(self) -> list[str]:
        """The name of the outcome in lines that fit beside the lowest axes."""
        return wrap(self.label, LOWEST)

    @property
    def teams(self) -> pd.DataFrame:
        return self.data[self.data["level"] == "team"]

    @property
    def means(self) -> pd.DataFrame:
        return self.data[self.data["level"] == "arm"]

    def counts(self, time: float) -> list[str]:
        """Number of teams with a value at this time, an arm each; a dash for an arm that has none planned."""
        teams = self.means[self.means["timepoint"] == time].set_index("arm")["teams"]
        return [number(teams[arm], 0) if arm in teams else "–" for arm in self.styles]


@dataclass(frozen=True)
class Frame:
    """Where the axes stand in a figure, in points, and the span of time that they show."""

    left: float
    width: float
    height: float
    times: Limits

    @property
    def point(self) -> float:
        """Time that a point takes."""
        return (self.times[1] - self.times[0]) / self.width

    def x(self, time: float) -> float:
        """Points from the left edge of the figure."""
        return self.left + (time - self.times[0]) / self.point


def lay_out_course(course: Course, width: float) -> Frame:
    """The axes in a figure `width` points wide, with room for names on their left and for thresholds on their right."""
    ticks = max(map(text_width, value_ticks(course.limits).values()))
    arms = max(text_width(sentence(arm)) for arm in course.styles)
    left = MARGIN + max(ticks + (0.9 + LEADING * len(course.label_lines)) * FONT, arms + 4)
    bands = max([text_width(line) + 4 for label in course.bands.values() for line in label.split("\n")], default=0)
    room = width - left - bands - MARGIN
    first, last = min(course.times), max(course.times)
    pad = (last - first) * EDGE / (room - 2 * EDGE) or 1.0
    return Frame(left, room, float(np.clip(0.52 * room, LOWEST, HIGHEST)), (first - pad, last + pad))


def value_limits(data: pd.DataFrame, bands: Mapping[float, str]) -> Limits:
    """Limits that hold every value and threshold, and the intervals unless they would dwarf the rest."""
    values = [*data["value"].dropna(), *bands]
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    ends = data.dropna(subset="conf_low")
    reach = (high - low) or (ends["conf_high"] - ends["conf_low"]).max()
    low = min([low, *ends["conf_low"].clip(lower=low - reach)])
    high = max([high, *ends["conf_high"].clip(upper=high + reach)])
    pad = 0.04 * (high - low) or 1.0
    return float(low - pad), float(high + pad)


def value_ticks(limits: Limits) -> dict[float, str]:
    """Round values on the vertical axis, with their labels."""
    values = [float(value) for value in even_ticks(*limits, 7) if limits[0] <= value <= limits[1]]
    digits = max(len(f"{value:.6g}".partition(".")[2]) for value in values)
    return {value: number(value, digits) for value in values}


def times_apart(course: Course, frame: Frame) -> list[float]:
    """The times that can be labelled: those whose labels and numbers do not run into the ones before."""
    kept: list[float] = []
    lines = [line for time, label in course.times.items() for line in (*label.split("\n"), *course.counts(time))]
    room = max(map(text_width, lines)) + 4
    for time in course.times:
        if not kept or frame.x(time) - frame.x(kept[-1]) >= room:
            kept.append(time)
    return kept


@dataclass(frozen=True)
class Legend:
    """The arms and their signs, in a line."""

    course: Course
    frame: Frame
    height: float = FONT * LEADING + 6

    def draw(self, figure: TrialFigure, top: float) -> None:
        left = self.frame.left
        for arm, look in self.course.styles.items():
            ends = np.array([left, left + SAMPLE / 2, left + SAMPLE]) / figure.width
            middle = 1 - (top + FONT * LEADING / 2) / figure.height
            figure.add_artist(Line2D(ends, [middle] * 3, markevery=[1], **_of_mean(look)))
            figure.write_lines(left + SAMPLE + 4, top, [sentence(arm)], FONT)
            left += SAMPLE + text_width(sentence(arm)) + 16


@dataclass(frozen=True)
class CourseAxes:
    """Lines of teams, means of arms with their intervals, thresholds."""

    course: Course
    frame: Frame

    @property
    def height(self) -> float:
        lines = max(label.count("\n") for label in self.course.times.values()) + 2
        return self.frame.height + lines * FONT * LEADING + 8

    def draw(self, figure: TrialFigure, top: float) -> None:
        course, frame = self.course, self.frame
        axes = figure.place_axes(frame.left, top, frame.width, frame.height)
        self._label(axes)
        for place, (arm, look) in enumerate(course.styles.items()):
            points = (place - (len(course.styles) - 1) / 2) * frame.point
            _draw_teams(axes, course.teams[course.teams["arm"] == arm], look, TEAM_DODGE * points, arm)
            _draw_means(axes, course.means[course.means["arm"] == arm], look, MEAN_DODGE * points, arm)
        under = top + self.height - FONT * LEADING - 4
        figure.write_lines(frame.left + frame.width / 2, under, [course.time_label], FONT, ha="center")

    def _label(self, axes: Axes) -> None:
        course, ticks, times = self.course, value_ticks(self.course.limits), times_apart(self.course, self.frame)
        axes.set(xlim=self.frame.times, ylim=course.limits, ylabel="\n".join(course.label_lines))
        axes.set_xticks(times, [course.times[time] for time in times])
        axes.set_yticks(list(ticks), list(ticks.values()))
        for threshold, label in course.bands.items():
            axes.axhline(
                threshold, color=GREY, linewidth=0.6, linestyle=(0, (1, 2)), zorder=0.5, gid=f"threshold-{threshold:g}"
            )
            end = self.frame.times[1] + 4 * self.frame.point
            axes.text(end, threshold, label, color=GREY, va="center", linespacing=1.1)


@dataclass(frozen=True)
class Counts:
    """The numbers of teams with a value under each timepoint, a line an arm."""

    course: Course
    frame: Frame

    @property
    def height(self) -> float:
        return FONT * LEADING * (1 + len(self.course.styles)) + 4

    def draw(self, figure: TrialFigure, top: float) -> None:
        figure.write_lines(MARGIN, top, ["Teams with a value"], FONT, weight="bold")
        names = [sentence(arm) for arm in self.course.styles]
        figure.write_lines(MARGIN, top + FONT * LEADING, names, FONT)
        for time in times_apart(self.course, self.frame):
            left = self.frame.x(time)
            figure.write_lines(left, top + FONT * LEADING, self.course.counts(time), FONT, ha="center")


def _draw_teams(axes: Axes, teams: pd.DataFrame, look: ArmStyle, shift: float, arm: str) -> None:
    runs = [run + np.array([shift, 0.0]) for run in unbroken(teams)]
    count = teams["team"].nunique()
    many = count >= MANY_TEAMS
    faint: dict[str, Any] = {"alpha": float(np.clip(12 / count, 0.012, 0.45)), "rasterized": many}
    lines = [run for run in runs if len(run) > 1]
    thin: dict[str, Any] = {"colors": look.color, "linestyles": ["-" if many else look.line], "linewidths": 0.6}
    axes.add_collection(LineCollection(lines, **thin, **faint, zorder=1, gid=f"teams-{arm}"), autolim=False)
    points = np.concatenate([np.empty((0, 2)), *runs])
    small: dict[str, Any] = {"linestyle": "", "marker": ".", "markersize": 2.4, "color": look.color}
    axes.plot(points[:, 0], points[:, 1], **small, **faint, zorder=1, gid=f"points-{arm}")


def _draw_means(axes: Axes, means: pd.DataFrame, look: ArmStyle, shift: float, arm: str) -> None:
    means = means.dropna(subset="value")
    low, high = axes.get_ylim()
    x, ends = means["timepoint"] + shift, means[["conf_low", "conf_high"]].clip(low, high)
    halo = [withStroke(linewidth=2.3, foreground="white")]
    axes.vlines(x, *ends.to_numpy().T, color=look.color, linewidth=1.1, zorder=3, gid=f"intervals-{arm}")
    axes.plot(x, means["value"], **_of_mean(look), path_effects=halo, zorder=4, gid=f"means-{arm}")
    arrow: dict[str, Any] = {"linestyle": "", "color": look.color, "markersize": 3.6, "clip_on": False}
    for end, edge, marker, beyond in (
        ("low", low, "v", means["conf_low"] < low),
        ("high", high, "^", means["conf_high"] > high),
    ):
        axes.plot(x[beyond], np.full(beyond.sum(), edge), marker=marker, **arrow, gid=f"arrows-{end}-{arm}")


def _of_mean(look: ArmStyle) -> dict[str, Any]:
    marker = {"marker": look.marker, "markersize": 4.8, "markerfacecolor": look.face, "markeredgecolor": look.color}
    return {"color": look.color, "linestyle": look.line, "linewidth": 1.5, "markeredgewidth": 1.1, **marker}
