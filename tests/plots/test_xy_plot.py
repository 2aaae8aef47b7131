import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core_trial as ct
from core_trial.errors import DataError, PlanError
from core_trial.plots import xy_plot
from core_trial.plots.label_places import boxes, place_labels

CASES = pd.DataFrame(
    {
        "team": ["T1", "T2", "T3", "T4", "T5", "T6"],
        "COACH": [0.9, 0.8, 0.2, 0.1, 0.5, 0.8],
        "RISE": [0.95, 0.3, 0.7, 0.2, 0.6, 0.3],
    }
)
FIT = {"Consistency": 0.7521, "Coverage": 0.8}


def words(plot):
    return [text.get_text() for text in plot.figure.findobj(lambda artist: hasattr(artist, "get_text"))]


def labels(figure):
    return figure.findobj(lambda artist: artist.get_gid() == "label")


def test_quadrants_are_told_apart_by_shape_as_well_as_colour():
    plot = xy_plot(CASES, "COACH", "RISE", parameters=FIT)
    assert plot.data.set_index("case")["quadrant"].to_dict() == {
        "T1": "in both",
        "T2": "in the condition only",
        "T3": "in the outcome only",
        "T4": "in neither",
        "T5": "on a line at 0.5",
        "T6": "in the condition only",
    }
    marks = plot.figure.findobj(lambda artist: (artist.get_gid() or "").startswith("marks"))
    looks = {(mark.get_marker(), mark.get_markerfacecolor() == "white") for mark in marks}
    assert len(looks) == len(marks) == 5


def test_parameters_and_lines_are_there():
    plot = xy_plot(CASES, "COACH", "RISE", parameters=FIT)
    assert {"Consistency 0.75", "Coverage 0.80"} <= set(words(plot))
    gids = {artist.get_gid() for artist in plot.figure.findobj()}
    assert {"diagonal", "quadrant-x", "quadrant-y"} <= gids
    assert "Exploratory: n = 6 teams. 4 of 6 on the diagonal or above it" in " ".join(words(plot))


def test_cases_of_one_place_share_a_label():
    assert "T2, T6" in words(xy_plot(CASES, "COACH", "RISE", parameters=FIT))


def test_necessity_looks_below_the_diagonal():
    data = xy_plot(CASES, "COACH", "RISE", parameters=FIT, relation="necessary").data
    assert data.loc[data["in_line"], "case"].tolist() == ["T2", "T6"]


def test_pseudonyms_replace_cases():
    names = {f"T{i}": f"Team {i}" for i in range(1, 7)}
    plot = xy_plot(CASES, "COACH", "RISE", parameters=FIT, names=names)
    everything = "".join([*words(plot), plot.alt, plot.data.to_csv()])
    assert "Team 4" in everything
    assert not any(code in everything for code in names)
    with pytest.raises(PlanError, match="no pseudonym for T2"):
        xy_plot(CASES.head(2), "COACH", "RISE", parameters=FIT, names={"T1": "Team A"})


@pytest.mark.parametrize(
    ("cases", "options", "error", "message"),
    [
        (CASES, {"relation": "both"}, PlanError, "relation 'both': it is one of sufficient, necessary"),
        (CASES.rename(columns={"RISE": "RISES"}), {}, PlanError, "did you mean 'RISES'"),
        (CASES.head(0), {}, DataError, "no case"),
        (CASES.assign(team="T1"), {}, DataError, "'team' names a case twice"),
        (CASES.assign(RISE=1.2), {}, DataError, "'RISE' is no membership in rows 1"),
        (CASES.assign(RISE=None), {}, DataError, "'RISE' is missing"),
    ],
)
def test_faults_are_named(cases, options, error, message):
    with pytest.raises(error, match=message):
        xy_plot(cases, "COACH", "RISE", parameters=FIT, **options)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=15, unique=True),
    st.integers(8, 40),
)
def test_labels_cover_neither_points_nor_each_other(places, width):
    points = np.array(places, dtype=float) * 9 + 8
    sizes = np.tile([float(width), 8.0], (len(points), 1))
    centres = place_labels(points, sizes, (196.0, 196.0), np.empty((0, 2)))
    areas = boxes(centres, sizes)
    assert (areas >= 0).all()
    assert (areas <= 196).all()
    inner = (points[:, None] > areas[:, :2]).all(axis=2) & (points[:, None] < areas[:, 2:]).all(axis=2)
    assert not inner.any()
    overlap = np.minimum(areas[:, None, 2:], areas[:, 2:]) - np.maximum(areas[:, None, :2], areas[:, :2])
    assert not ((overlap > 1e-9).all(axis=2) & ~np.eye(len(points), dtype=bool)).any()


@pytest.mark.parametrize("width", ["single", "double"])
def test_labels_of_fifteen_teams_are_apart_and_within_the_figure(width):
    draw = np.random.default_rng(5)
    cases = pd.DataFrame({"team": [f"Team {c}" for c in "ABCDEFGHIJKLMNO"], "x": draw.beta(1, 2, 15).round(2)})
    plot = xy_plot(cases.assign(y=draw.beta(1, 2, 15).round(2)), "x", "y", parameters=FIT)
    figure = plot.figure if width == "double" else plot.figure.redraw(89 * 72 / 25.4)
    areas = [label.get_window_extent() for label in labels(figure)]
    assert len(areas) == 15
    for place, one in enumerate(areas):
        assert one.x0 >= 0
        assert one.x1 <= figure.width
        assert not any(one.overlaps(other) for other in areas[place + 1 :])


def test_the_same_cases_give_the_same_bytes():
    plots = [xy_plot(CASES, "COACH", "RISE", parameters=FIT).files(("png", "svg")) for _ in range(2)]
    assert plots[0] == plots[1]


def test_a_set_plot_computes_its_parameters():
    x, y = CASES["COACH"], CASES["RISE"]
    both = np.minimum(x, y).sum()
    plot = ct.mixed_methods.set_plot(CASES, "COACH", "RISE")
    assert f"Consistency {both / x.sum():.2f}" in words(plot)
    assert f"Coverage {both / y.sum():.2f}" in words(plot)
    assert any(word.startswith("PRI ") for word in words(plot))
    needed = ct.mixed_methods.set_plot(CASES, "COACH", "RISE", relation="necessary")
    assert f"Consistency {both / y.sum():.2f}" in words(needed)
    assert any(word.startswith("RoN ") for word in words(needed))


def test_negations_are_one_minus():
    plot = ct.mixed_methods.set_plot(CASES, "~COACH", "~RISE")
    np.testing.assert_allclose(plot.data["x"], 1 - CASES["COACH"])
    np.testing.assert_allclose(plot.data["y"], 1 - CASES["RISE"])
    assert "“~COACH” as sufficient for “~RISE”" in words(plot)


def test_a_model_is_drawn_by_its_membership():
    draw = np.random.default_rng(2)
    cases = pd.DataFrame(draw.uniform(0.02, 0.48, (10, 2)) + [[0.5, 0], [0, 0.5]] * 5, columns=["COACH", "LEARN"])
    cases = cases.assign(team=[f"T{i}" for i in range(10)], RISE=cases["COACH"].pow(0.8).round(3))
    table = ct.mixed_methods.qca.truth_table(cases, "RISE", ["COACH", "LEARN"])
    model = ct.mixed_methods.qca.minimize(table).models[0]
    plot = ct.mixed_methods.set_plot(cases, model, "RISE")
    np.testing.assert_allclose(plot.data["x"], model.membership)
    assert f"Consistency {model.consistency:.2f}" in words(plot)
    with pytest.raises(DataError, match="10 cases and the data 5"):
        ct.mixed_methods.set_plot(cases.head(5), model, "RISE")
