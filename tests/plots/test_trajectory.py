import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from core_trial.errors import PlanError
from core_trial.plots import trajectory
from core_trial.plots.style import FONT


def a_panel(teams=8, controls=3, seed=1):
    """Teams at 0, 6 and 12 months, controls without 6; team 1 misses its review at 6."""
    draw = np.random.default_rng(seed)
    rows = [
        (
            f"T{i}",
            "control" if i >= teams - controls else "intervention",
            time,
            draw.normal(125, 12),
            draw.integers(20, 60),
        )
        for i in range(teams)
        for time in ((0, 12) if i >= teams - controls else (0, 6, 12))
    ]
    panel = pd.DataFrame(rows, columns=["team", "arm", "timepoint", "fidelity", "admissions"])
    panel.loc[(panel["team"] == "T1") & (panel["timepoint"] == 6), "fidelity"] = np.nan
    return panel.assign(admission_rate=panel["admissions"].where(panel["timepoint"] != 6) / 10)


def artist(plot, gid):
    (found,) = plot.figure.findobj(lambda artist: artist.get_gid() == gid)
    return found


def texts(plot):
    return [text.get_text() for text in plot.figure.findobj(lambda artist: hasattr(artist, "get_text"))]


def test_teams_and_means_are_drawn():
    plot = trajectory(a_panel(), "fidelity")
    teams = plot.data[plot.data["level"] == "team"]
    assert len(artist(plot, "points-intervention").get_xdata()) == 14
    np.testing.assert_allclose(
        np.sort(artist(plot, "points-control").get_ydata()),
        np.sort(teams.loc[teams["arm"] == "control", "value"]),
    )
    assert len(artist(plot, "means-intervention").get_xdata()) == 3
    assert len(artist(plot, "intervals-control").get_segments()) == 2


def test_a_line_is_broken_at_a_missing_review_and_not_where_none_was_planned():
    plot = trajectory(a_panel(), "fidelity")
    assert [len(line) for line in artist(plot, "teams-intervention").get_segments()] == [3] * 4
    assert [len(line) for line in artist(plot, "teams-control").get_segments()] == [2] * 3
    assert "A thin line is broken where a team's value is missing." in " ".join(texts(plot))


def test_numbers_of_teams_stand_under_the_axis():
    words = texts(trajectory(a_panel(), "fidelity"))
    start = words.index("Teams with a value")
    assert words[start + 1 : start + 9] == ["Intervention", "Control", "5", "3", "4", "–", "5", "3"]


def test_arms_differ_in_marker_line_and_fill():
    plot = trajectory(a_panel(), "fidelity")
    looks = [artist(plot, f"means-{arm}") for arm in ("intervention", "control")]
    for style in ("get_marker", "get_linestyle", "get_markerfacecolor", "get_color"):
        first, second = (getattr(look, style)() for look in looks)
        assert first != second
    assert to_hex(looks[0].get_color()) == "#0072b2"


def test_intervals_of_the_arms_stand_apart():
    plot = trajectory(a_panel(), "fidelity")
    x = [artist(plot, f"intervals-{arm}").get_segments()[0][0][0] for arm in ("intervention", "control")]
    assert x[0] < 0 < x[1]


def test_thresholds_of_fidelity_are_labelled():
    plot = trajectory(a_panel(), "fidelity")
    assert artist(plot, "threshold-117").get_ydata()[0] == 117
    assert {"moderate\nfrom 117", "high\nfrom 156"} <= set(texts(plot))


@pytest.mark.parametrize(("bands", "label"), [([130], "130"), ({130: "target"}, "target")])
def test_thresholds_can_be_given(bands, label):
    words = texts(trajectory(a_panel(), "fidelity", bands=bands))
    assert label in words
    assert "high\nfrom 156" not in words


def test_small_counts_are_neither_drawn_nor_in_the_data():
    panel = a_panel()
    panel.loc[0, "admissions"] = 3
    plot = trajectory(panel, "admission_rate")
    assert len(artist(plot, "points-intervention").get_xdata()) == 7
    assert (plot.data["note"] == "withheld: small count").sum() == 3
    assert "Teams' points not shown: 3; they rest on fewer than 8 admissions" in " ".join(texts(plot))
    assert (trajectory(panel, "admission_rate", min_count=0).data["note"] == "").all()


def test_rates_are_of_periods_and_scores_of_months():
    assert {"6 months\nbefore", "months\n7 to 12", "Period"} <= set(texts(trajectory(a_panel(), "admission_rate")))
    assert {"0", "6", "12", "Months from baseline"} <= set(texts(trajectory(a_panel(), "fidelity")))


def test_an_interval_of_two_teams_does_not_dwarf_the_teams():
    plot = trajectory(a_panel(6, 2), "fidelity", bands=())
    data = plot.data
    low, high = plot.figure.axes[0].get_ylim()
    beyond = (data["conf_low"] < low).sum() + (data["conf_high"] > high).sum()
    arrows = [artist(plot, f"arrows-{end}-{arm}") for end in ("low", "high") for arm in ("intervention", "control")]
    assert beyond > 0
    assert sum(len(arrow.get_xdata()) for arrow in arrows) == beyond
    assert high - low < 4 * np.ptp(data.loc[data["level"] == "team", "value"].dropna())


@pytest.mark.parametrize(("teams", "controls"), [(2, 1), (1, 0), (3, 3)])
def test_the_smallest_trials_are_drawn(teams, controls):
    plot = trajectory(a_panel(teams, controls), "fidelity")
    assert len(plot.figure.axes) == 1


def test_one_timepoint_and_equal_values_are_drawn():
    panel = a_panel().query("timepoint == 0").assign(fidelity=120.0)
    low, high = trajectory(panel, "fidelity", bands=()).figure.axes[0].get_ylim()
    assert low < 120 < high


def test_everything_withheld_is_drawn_as_an_empty_axis():
    plot = trajectory(a_panel().assign(admissions=1), "admission_rate")
    assert plot.data["value"].isna().all()
    assert plot.png()


def test_many_teams_are_a_picture_within_the_svg():
    plot = trajectory(a_panel(1200, 600), "fidelity")
    assert artist(plot, "teams-intervention").get_rasterized()
    assert len(artist(plot, "teams-intervention").get_segments()) == 599
    assert "<image" in plot.svg(width="single")


def test_many_timepoints_keep_their_labels_apart():
    panel = a_panel().query("timepoint == 0")
    months = pd.concat([panel.assign(timepoint=month) for month in range(36)])
    axes = trajectory(months, "fidelity").figure.redraw(252.0).axes[0]
    assert 2 < len(axes.get_xticks()) < 20


def test_masked_arms_are_told_apart():
    panel = a_panel().assign(arm=lambda table: table["arm"].map({"intervention": "A", "control": "B"}))
    assert {"A", "B"} <= set(texts(trajectory(panel, "fidelity")))


def test_more_arms_than_styles_are_refused():
    panel = a_panel().assign(arm=lambda table: table["team"])
    with pytest.raises(PlanError, match="8 arms"):
        trajectory(panel, "fidelity")


def test_text_is_large_enough_and_within_the_figure():
    label = "Compulsory admissions per 1,000 person-years of the team's catchment"
    figure = trajectory(a_panel(), "fidelity", title="Fidelity", label=label).figure.redraw(252.0)
    figure.draw_without_rendering()
    words = figure.findobj(lambda artist: hasattr(artist, "get_fontsize") and artist.get_text())
    assert min(text.get_fontsize() for text in words) >= FONT
    for text in words:
        box = text.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y0 >= 0
        assert box.y1 <= figure.bbox.y1


def test_the_alternative_text_tells_the_means():
    plot = trajectory(a_panel(), "fidelity")
    mean = plot.data.query("level == 'arm' and arm == 'control'")["value"].iloc[0]
    assert f"Control: {mean:.1f} (" in plot.alt
    assert "8 teams" in plot.alt
