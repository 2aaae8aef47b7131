import numpy as np
import pandas as pd
import pytest

from core_trial.errors import PlanError
from core_trial.plots import forest
from core_trial.plots.style import FONT

NAN = float("nan")


def frame(*rows, **columns):
    table = pd.DataFrame(rows, columns=["label", "estimate", "conf_low", "conf_high"])
    return table.assign(**columns)


def three(**columns):
    return frame(("First", 1, -1, 3), ("Second", 2, 1, 3), ("Third", -0.5, -2, 1), **columns)


def texts(plot):
    return [text.get_text() for text in plot.figure.texts]


def artists(plot, prefix):
    return {
        artist.get_gid(): artist
        for axes in plot.figure.axes
        for artist in [*axes.lines, *axes.patches]
        if (artist.get_gid() or "").startswith(prefix)
    }


def effects_of_a_trial():
    table = frame(
        ("Satisfaction", 0.97, -1.02, 2.97),
        ("Fidelity", 13.0, 5.0, 21.0),
        ("Admissions", 0.85, 0.7, 1.04),
        ("Bed days", 0.8, 0.6, 1.1),
        ("Engagement", NAN, NAN, NAN),
    )
    return table.assign(
        outcome=["csq8", "fidelity", "admissions", "bed_days", "engagement"],
        measure=["mean difference", "mean difference", "rate ratio", "rate ratio", "not estimated"],
        ratio=[False, False, True, True, False],
        unit=["points", "points", "rate", "rate", "points"],
        direction=["higher is better"] * 2 + ["lower is better"] * 2 + ["higher is better"],
        role=["primary", "secondary", "secondary", "secondary", "secondary"],
        p_value=[0.34, 0.002, 0.11, 0.18, NAN],
        clusters_intervention=15,
        clusters_control=10,
        n_intervention=[225, 15, 15, 15, 225],
        n_control=[150, 10, 10, 10, 150],
    )


def test_every_row_is_drawn_with_its_numbers():
    plot = forest(three(n=[375, 1200, 25]))
    assert {"First", "Second", "Third", "1.00 (−1.00 to 3.00)", "1,200"} <= set(texts(plot))
    assert len(artists(plot, "marker-")) == len(artists(plot, "interval-")) == 3
    np.testing.assert_allclose(artists(plot, "interval-2")["interval-2"].get_xdata(), [1, 3])


def test_the_header_is_always_there():
    plot = forest(frame(("Only", 1, 0, 2)))
    assert {"Effect", "(95% CI)"} <= set(texts(plot))


def test_equal_labels_are_kept():
    assert texts(forest(frame(("Same", 1, 0, 2), ("Same", 2, 1, 3)))).count("Same") == 2


def test_rows_without_estimate_or_interval_are_drawn():
    plot = forest(frame(("Whole", 1, 0, 2), ("Point", 1.5, NAN, NAN), ("None", NAN, NAN, NAN)))
    assert {"1.50 (no interval)", "not estimated", "None"} <= set(texts(plot))
    assert set(artists(plot, "marker-")) == {"marker-1", "marker-2"}


def test_nothing_estimated_draws_a_table_without_axes():
    plot = forest(frame(("None", NAN, NAN, NAN)))
    assert plot.figure.axes == []
    assert "not estimated" in texts(plot)


def test_an_interval_that_leaves_the_axis_ends_in_an_arrow():
    plot = forest(three(), limits=(-1.5, 2.5))
    assert set(artists(plot, "arrow-")) == {"arrow-high-1", "arrow-high-2", "arrow-low-3"}
    assert plot.data["beyond_high"].tolist() == [True, True, False]
    assert "Arrow: the interval goes beyond the axis." in texts(plot)[-1]
    drawn = artists(plot, "interval-")["interval-3"].get_xdata()
    np.testing.assert_allclose(drawn, [-1.5, 1])


def test_an_estimate_off_the_axis_has_an_arrow_and_no_marker():
    plot = forest(frame(("In", 1, 0, 2), ("Out", 9, 8, 10)), limits=(-3, 3))
    assert set(artists(plot, "marker-")) == {"marker-1"}
    assert set(artists(plot, "arrow-")) == {"arrow-high-2"}


def test_extreme_intervals_are_cut_by_default_and_others_are_not():
    plot = forest(frame(("a", 1, 0.5, 2), ("b", 1.1, 0.8, 1.6), ("Wild", 3, 0.001, 900), measure="odds ratio"))
    assert plot.data["beyond_high"].tolist() == [False, False, True]
    assert plot.data["beyond_low"].tolist() == [False, False, True]


def test_ratios_have_a_log_axis_with_its_line_at_one():
    plot = forest(frame(("a", 1, 0.5, 2), measure="rate ratio"))
    (axes,) = plot.figure.axes
    assert axes.get_xscale() == "log"
    assert artists(plot, "reference-")["reference-1"].get_xdata()[0] == 1
    assert "Rate ratio (log scale)" in texts(plot)


def test_an_effects_table_has_an_axis_a_unit_with_no_effect_in_one_place():
    plot = forest(effects_of_a_trial())
    assert [axes.get_xscale() for axes in plot.figure.axes] == ["linear", "linear", "log"]
    places = [
        (axes.transScale + axes.transLimits).transform((reference, 1))[0]
        for axes, reference in zip(plot.figure.axes, [0, 0, 1], strict=True)
    ]
    assert np.ptp(places) == pytest.approx(0, abs=1e-9)
    assert {"Primary outcome", "Secondary outcomes", "15 / 10", "225 / 150", "0.002"} <= set(texts(plot))


def test_sides_are_named_by_the_direction_of_the_outcome():
    words = texts(forest(effects_of_a_trial()))
    assert words.index("← Favours control") < words.index("← Favours intervention")
    assert forest(three(), favours=("Worse", "Better")).figure.findobj(
        lambda artist: getattr(artist, "get_text", str)() == "Better →"
    )


def test_summaries_are_diamonds_and_the_last_gives_the_overall_line():
    plot = forest(three(summary=[False, True, True]), overall=True)
    diamonds = artists(plot, "diamond-")
    assert set(diamonds) == {"diamond-2", "diamond-3"}
    assert sorted(set(diamonds["diamond-2"].get_xy()[:, 0])) == [1, 2, 3]
    assert artists(plot, "overall-")["overall-1"].get_xdata()[0] == -0.5


def test_the_area_of_a_marker_is_its_weight():
    plot = forest(three(size=[1, 4, 0.25]), weights="size")
    sides = [marker.get_markersize() for marker in artists(plot, "marker-").values()]
    assert sides[1] == pytest.approx(2 * sides[0])


def test_what_was_not_prespecified_has_an_open_marker():
    plot = forest(three(prespecified=[True, False, True]))
    markers = artists(plot, "marker-")
    assert markers["marker-2"].get_markerfacecolor() == "white"
    assert markers["marker-1"].get_markerfacecolor() != "white"
    assert "Filled marker: pre-specified; open: not." in texts(plot)


def test_cells_show_numbers_words_and_dates_and_nothing_for_the_missing():
    table = three(dose=[1.234, 2.0, NAN], teams=[1200, 9.0, NAN], df=[14.96, 23, np.inf], p_value=0.0)
    table["day"] = pd.Timestamp("2015-01-02").date()
    words = texts(forest(table, left=["dose", "teams", "df", "day"]))
    assert {"1.23", "2.00", "1,200", "9", "15.0", "23.0", "∞", "2015-01-02", "<0.001"} <= set(words)


def test_columns_and_headers_are_chosen():
    plot = forest(three(site=["x", "y", "z"]), left={"label": "Analysis", "site": "Place"}, right=["estimate"])
    assert {"Analysis", "Place", "y"} <= set(texts(plot))
    assert "p" not in texts(plot)


def test_text_neither_overlaps_nor_leaves_the_figure():
    plot = forest(
        effects_of_a_trial(), title="Effects of the programme on every outcome of the trial, in words too long" * 2
    )
    figure = plot.figure
    boxes = [text.get_window_extent().padded(-0.5) for text in figure.texts]
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y0 >= 0 and box.y1 <= figure.bbox.y1 for box in boxes)
    overlaps = [
        (figure.texts[i].get_text(), figure.texts[j].get_text())
        for i in range(len(boxes))
        for j in range(i)
        if boxes[i].overlaps(boxes[j])
    ]
    assert overlaps == []
    assert min(text.get_fontsize() for text in figure.findobj(lambda a: hasattr(a, "get_fontsize"))) >= FONT


def test_long_labels_are_wrapped_at_one_column():
    label = "Adjusted for the mean of the team at baseline and for the trust that runs it"
    plot = forest(frame((label, 1, 0, 2)))
    narrow = plot.figure.redraw(252.0)
    lines = [text.get_text() for text in narrow.texts if text.get_text() and text.get_text() in label]
    assert len(lines) > 1
    assert narrow.height > plot.figure.height


def test_columns_that_leave_no_room_are_refused():
    wide = three(remark="a remark that is much too long to stand in a column beside the axes of a figure " * 2)
    with pytest.raises(PlanError, match=r"leave 0 mm for the axes of a figure of 183 mm"):
        forest(wide, right=["remark"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"left": ["sites"]}, "no column 'sites'"),
        ({"group": "grp"}, "no column 'grp'"),
        ({"weights": "size"}, "no column 'size'"),
        ({"limits": (3, -3)}, "must rise"),
        ({"limits": {"elsewhere": (0, 1)}}, "no panel 'elsewhere'; the panels are 'effect'"),
        ({"conf_level": 95}, "between 0 and 1"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(PlanError, match=message):
        forest(three(), **options)


@pytest.mark.parametrize("options", [{"limits": (0, 2)}, {"reference": 0}])
def test_an_axis_of_ratios_is_above_zero(options):
    with pytest.raises(PlanError, match="above 0"):
        forest(frame(("a", 1, 0.5, 2), measure="rate ratio"), **options)


def test_the_data_are_the_rows_with_all_their_columns():
    table = effects_of_a_trial()
    data = forest(table).data
    assert data["label"].tolist() == table["label"].tolist()
    assert set(table.columns) <= set(data.columns)


def test_the_alternative_text_tells_every_effect():
    alt = forest(effects_of_a_trial()).alt
    assert alt.startswith("Forest plot of 5 effects with 95% intervals.")
    assert "Primary outcome – Satisfaction: mean difference 0.97 (−1.02 to 2.97)" in alt
    assert "Engagement: not estimated not estimated" not in alt
