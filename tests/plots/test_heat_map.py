import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from core_trial.errors import DataError, PlanError
from core_trial.plots import heat_map
from core_trial.plots.heat_marks import TINTS
from core_trial.plots.style import FONT

COMPONENTS = ["scoping_day", "coaching", "actions"]


def engagement():
    rows = [
        ("T1", "scoping_day", True, 3.0),
        ("T1", "coaching", True, 1.5),
        ("T1", "actions", None, np.nan),
        ("T2", "scoping_day", False, 0.0),
        ("T2", "coaching", True, np.nan),
        ("T2", "actions", True, 0.0),
        ("T3", "scoping_day", True, 2.0),
    ]
    frame = pd.DataFrame(rows, columns=["team", "component", "delivered", "rating"])
    return frame.astype({"delivered": "boolean"})


def panel():
    scores = {"T1": (110, 115, 120), "T2": (100, 118, 130), "T3": (120, np.nan, np.nan)}
    rows = [
        (team, "intervention", time, score)
        for team, values in scores.items()
        for time, score in zip((0, 6, 12), values, strict=True)
    ]
    frame = pd.DataFrame([*rows, ("C1", "control", 0, 90), ("C1", "control", 12, 170)])
    return frame.set_axis(["team", "arm", "timepoint", "fidelity"], axis=1)


def level(plot, name):
    return plot.data[plot.data["level"] == name]


def artists(plot, prefix):
    return plot.figure.findobj(lambda artist: (artist.get_gid() or "").startswith(prefix))


def texts(plot):
    return [text for text in plot.figure.findobj(lambda artist: hasattr(artist, "get_text")) if text.get_text()]


def words(plot):
    return [text.get_text() for text in texts(plot)]


def test_teams_stand_by_change_and_the_unknown_last():
    plot = heat_map(engagement(), panel())
    assert plot.data["team"].unique().tolist() == ["T2", "T1", "T3"]
    assert level(plot, "change")["value"].tolist()[:2] == [30, 10]
    drawn = [word for word in words(plot) if word in {"T1", "T2", "T3"}]
    assert drawn == ["T2", "T1", "T3"]
    assert {"+30", "+10", "–"} <= set(words(plot))


def test_missing_differs_from_not_delivered_and_from_zero():
    plot = heat_map(engagement(), panel())
    cells = level(plot, "engagement").set_index(["team", "component"])
    assert len(cells) == 9
    assert cells.loc[("T2", "scoping_day"), "note"] == "not delivered"
    assert cells.loc[("T2", "coaching"), "note"] == "delivered, not rated"
    assert cells.loc[("T2", "actions"), "value"] == 0
    assert cells.loc[("T1", "actions"), "note"] == cells.loc[("T3", "coaching"), "note"] == "missing"
    missing, not_delivered = artists(plot, "cell-missing"), artists(plot, "cell-not delivered")
    assert (len(missing), len(not_delivered)) == (3, 1)
    assert all(cell.get_hatch() for cell in missing)
    assert not not_delivered[0].get_hatch()
    assert {"no", "yes", "0", "1.5"} <= set(words(plot))


def test_the_numbers_stand_in_cells_that_darken_with_them():
    plot = heat_map(engagement(), panel())
    shades = {to_hex(cell.get_facecolor()) for cell in artists(plot, "cell-value")}
    assert shades == {to_hex(TINTS(share)) for share in (1.0, 0.5, 0.0, 2 / 3)}
    luminance = [np.dot(TINTS(share)[:3], [0.2126, 0.7152, 0.0722]) for share in np.linspace(0, 1, 20)]
    assert (np.diff(luminance) < 0).all()


def test_controls_and_teams_without_engagement_are_left_out():
    assert "C1" not in set(heat_map(engagement(), panel()).data["team"])


def test_the_course_is_drawn_where_it_is_known():
    plot = heat_map(engagement(), panel())
    assert len(artists(plot, "threshold")) == 2
    assert len([line for line in artists(plot, "course") if line.get_gid() == "course"]) == 3
    course = level(plot, "course").set_index(["team", "timepoint"])
    assert course.loc[("T3", 12.0), "note"] == "missing"


def test_pseudonyms_replace_teams_in_figure_data_and_words():
    plot = heat_map(engagement(), panel(), names={"T1": "Team A", "T2": "Team B", "T3": "Team C"})
    everything = "".join([*words(plot), plot.alt, plot.data.to_csv(), plot.svg()])
    assert "Team B" in everything
    assert not any(code in everything for code in ("T1", "T2", "T3"))
    with pytest.raises(PlanError, match="no pseudonym for T2, T3"):
        heat_map(engagement(), panel(), names={"T1": "Team A"})


def test_a_change_known_without_scores_orders_the_teams():
    plot = heat_map(engagement(), panel(), change={"T3": 37, "T1": 99})
    assert level(plot, "change")[["team", "value"]].to_numpy().tolist() == [["T3", 37], ["T2", 30], ["T1", 10]]


def test_delivery_alone_has_no_scale():
    plot = heat_map(engagement().drop(columns="rating"), panel())
    assert not artists(plot, "scale-value")
    assert set(level(plot, "engagement")["note"]) == {"delivered, not rated", "not delivered", "missing"}


def test_points_on_small_counts_are_neither_drawn_nor_in_the_data():
    rates = panel().assign(admissions=[3, 30, 40, 50, 9, 70, 80, 90, 99, 50, 60], admission_rate=2.5)
    rates["admission_rate"] = np.arange(11.0)
    plot = heat_map(engagement(), rates, outcome="admission_rate")
    course = level(plot, "course").set_index(["team", "timepoint"])
    assert course.loc[("T1", 0.0), "note"] == "withheld: small count"
    assert np.isnan(course.loc[("T1", 0.0), "value"])
    assert level(plot, "change").set_index("team").loc["T1", "note"] == "missing"


def test_it_says_that_it_is_exploratory_and_how_many_teams():
    plot = heat_map(engagement(), panel())
    assert "Exploratory: n = 3 teams" in " ".join(words(plot))
    assert "3 teams, exploratory" in plot.alt


@pytest.mark.parametrize("width", ["single", "double"])
def test_no_text_is_small_leaves_the_figure_or_covers_another(width, trial):
    names = {f"T{i:02}": f"Team {i}" for i in range(1, 26)}
    frame = trial.table("engagement").query("rater == 'researcher'")
    cells = frame.assign(delivered=frame["delivered"].map({"yes": True, "no": False}), rating=frame["rating"])
    plot = heat_map(cells, trial.panel(), names=names)
    points = {"single": 89, "double": 183}[width] * 72 / 25.4
    figure = plot.figure if width == "double" else plot.figure.redraw(points)
    renderer = figure.canvas.get_renderer() if hasattr(figure.canvas, "get_renderer") else None
    shown = [text for text in figure.findobj(lambda artist: hasattr(artist, "get_fontsize")) if text.get_text()]
    assert min(text.get_fontsize() for text in shown) >= FONT
    boxes = [text.get_window_extent(renderer) for text in shown]
    assert all(box.x0 >= 0 and box.x1 <= figure.width and box.y0 >= 0 for box in boxes)
    overlaps = [
        (one.get_text(), other.get_text())
        for place, (one, first) in enumerate(zip(shown, boxes, strict=True))
        for other, second in zip(shown[place + 1 :], boxes[place + 1 :], strict=True)
        if min(first.x1, second.x1) - max(first.x0, second.x0) > 0.8
        and min(first.y1, second.y1) - max(first.y0, second.y0) > 2.5
    ]
    assert overlaps == []


def test_grey_keeps_the_order_of_ratings():
    frame = pd.DataFrame({"team": ["T1"] * 4, "component": list("abcd"), "rating": [0, 1, 2, 3]})
    grey = [np.asarray(TINTS(value / 3)[:3]) @ [0.299, 0.587, 0.114] for value in range(4)]
    assert min(-np.diff(grey)) > 0.12
    picture = Image.open(io.BytesIO(heat_map(frame, panel()).png(dpi=100))).convert("L")
    assert len(np.unique(np.asarray(picture))) > 4


def test_the_same_data_give_the_same_bytes():
    plots = [heat_map(engagement(), panel()).files(("png", "svg")) for _ in range(2)]
    assert plots[0] == plots[1]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"components": ["coachin"]}, PlanError, "no component 'coachin'"),
        ({"outcome": "fidelty"}, PlanError, "did you mean 'fidelity'"),
    ],
)
def test_wrong_options_are_named(change, error, message):
    with pytest.raises(error, match=message):
        heat_map(engagement(), panel(), **change)


def test_bad_tables_are_refused():
    with pytest.raises(DataError, match="'component' has a second row for its team in rows"):
        heat_map(pd.concat([engagement(), engagement()]), panel())
    with pytest.raises(DataError, match="the engagement has no row"):
        heat_map(engagement().head(0), panel())
    with pytest.raises(DataError, match="'rating' is not a number in row 1"):
        heat_map(engagement().astype({"rating": object}).replace({"rating": {3.0: "lots"}}), panel())


def test_more_components_than_fit_are_refused_at_that_width():
    wide = pd.DataFrame({"team": "T1", "component": [f"part {i}" for i in range(25)], "rating": 1.0})
    plot = heat_map(wide, panel())
    with pytest.raises(PlanError, match=r"25 components do not fit in 89 mm"):
        plot.png(width="single")
