"""The team by theme matrix: counts against counting one by one, the hierarchy, groups, ratings and faults."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core_trial as ct
from core_trial.mixed_methods import theme_matrix

PARENTS = {
    "leadership": None,
    "workforce": None,
    "managers": "leadership",
    "ward managers": "managers",
    "rota": "workforce",
}


def codes() -> pd.DataFrame:
    return pd.DataFrame({"code": list(PARENTS), "parent": list(PARENTS.values())})


def sources() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "source": ["I1", "I2", "I3", "I4"],
            "team": ["T2", "T1", "T1", "T3"],
            "group": ["staff", "staff", "managers", "staff"],
        }
    )


def coded(*rows: tuple[str, str, int, str]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=["source", "code", "start", "coder"])
    return frame.assign(end=frame["start"] + 10)


@st.composite
def codings(draw: st.DrawFn) -> pd.DataFrame:
    row = st.tuples(
        st.sampled_from(["I1", "I2", "I3"]), st.sampled_from(list(PARENTS)), st.integers(0, 3), st.sampled_from("AB")
    )
    return coded(*draw(st.lists(row, min_size=1, max_size=25)))


@settings(deadline=None, max_examples=30)
@given(codings())
def test_counts_are_those_of_passages_one_by_one(rows: pd.DataFrame) -> None:
    top = {"leadership": "leadership", "managers": "leadership", "ward managers": "leadership"}
    team = sources().set_index("source")["team"]
    passages = {(team[row.source], top.get(row.code, "workforce"), row.source, row.start) for row in rows.itertuples()}
    matrix = theme_matrix(rows, sources=sources(), codes=codes())
    for name in ("T1", "T2", "T3"):
        for theme in ("leadership", "workforce"):
            assert matrix.loc[name, theme] == sum(passage[:2] == (name, theme) for passage in passages)


@settings(deadline=None, max_examples=20)
@given(codings())
def test_presence_is_a_count_above_none(rows: pd.DataFrame) -> None:
    counts, presence = (
        theme_matrix(rows, measure=measure, sources=sources(), codes=codes()) for measure in ("count", "presence")
    )
    pd.testing.assert_frame_equal(presence, (counts > 0).astype("Int64"))


@settings(deadline=None, max_examples=20)
@given(codings())
def test_groups_of_a_team_add_up(rows: pd.DataFrame) -> None:
    by_group = theme_matrix(rows, group="group", sources=sources(), codes=codes())
    together = theme_matrix(rows, sources=sources(), codes=codes())
    pd.testing.assert_frame_equal(by_group.groupby(level="team").sum(), together)


def test_a_zero_says_that_they_were_asked() -> None:
    rows = coded(("I1", "rota", 0, "A"))
    matrix = theme_matrix(rows, group="group", sources=sources(), codes=codes())
    assert matrix.index.tolist() == [("T1", "managers"), ("T1", "staff"), ("T2", "staff"), ("T3", "staff")]
    assert matrix["workforce"].tolist() == [0, 0, 1, 0]
    assert matrix["leadership"].eq(0).all()


def test_codes_roll_up_to_the_nearest_theme() -> None:
    rows = coded(("I1", "ward managers", 0, "A"), ("I1", "leadership", 5, "A"), ("I1", "rota", 9, "A"))
    matrix = theme_matrix(rows, sources=sources(), codes=codes(), themes=pd.Series(["rota", "managers", "leadership"]))
    assert matrix.columns.tolist() == ["rota", "managers", "leadership"]
    assert matrix.loc["T2"].tolist() == [1, 1, 1]
    apart = theme_matrix(rows, sources=sources())
    assert apart.columns.tolist() == ["leadership", "rota", "ward managers"]


def test_identifiers_are_shown_by_name() -> None:
    named = pd.DataFrame({"code": ["c1", "c2"], "parent": [None, "c1"], "name": ["Leadership", "Managers"]})
    rows = pd.DataFrame({"team": ["T1", "T1"], "code": ["c1", "c2"]})
    assert theme_matrix(rows, codes=named).to_dict("index") == {"T1": {"Leadership": 2}}


def test_themes_of_one_name_are_shown_by_path() -> None:
    named = pd.DataFrame(
        {
            "code": ["c1", "c2", "c3", "c4"],
            "parent": [None, "c1", None, "c3"],
            "name": ["Coaching", "high", "Events", "high"],
            "path": ["Coaching", "Coaching > high", "Events", "Events > high"],
        }
    )
    rows = pd.DataFrame({"team": ["T1", "T1"], "code": ["c2", "c4"]})
    matrix = theme_matrix(rows, codes=named, themes=["c4", "c2"])
    assert matrix.to_dict("index") == {"T1": {"Events > high": 1, "Coaching > high": 1}}


def test_teams_may_stand_in_the_codings() -> None:
    rows = pd.DataFrame({"case_name": ["T2", "T1", "T2"], "code_name": ["rota", "rota", "managers"]})
    matrix = theme_matrix(rows, team="case_name", code="code_name", teams=["T1", "T2", "T9"])
    assert matrix.to_dict("index") == {"T1": {"managers": 0, "rota": 1}, "T2": {"managers": 1, "rota": 1}}


def ratings() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "team": ["T1", "T1", "T1", "T2", "T2"],
            "code": ["leadership", "leadership", "rota", "leadership", "rota"],
            "coder": ["A", "B", "A", "A", "A"],
            "rating": [3, 2, 0, None, 1],
        }
    )


def test_ratings_are_means_over_coders_and_missing_stays_missing() -> None:
    matrix = theme_matrix(ratings(), measure="rating")
    np.testing.assert_array_equal(matrix.to_numpy(), [[2.5, 0], [np.nan, 1]])


def test_two_ratings_by_one_coder_are_named() -> None:
    twice = ratings().assign(coder="A")
    with pytest.raises(
        ct.DataError, match=r"two ratings by one coder in rows 1, 2: keep one of \(T1, leadership, A\)"
    ) as error:
        theme_matrix(twice, measure="rating")
    assert error.value.failures is not None
    assert error.value.failures["row"].tolist() == [1, 2]


def test_a_team_that_is_not_in_the_trial_is_named(trial: ct.Trial) -> None:
    teams = trial.table("teams")["team"]
    rows = pd.DataFrame({"team": [teams.iloc[0], "T99"], "code": "rota"})
    with pytest.raises(ct.DataError, match=r"'team' is no team of the trial in row 2: correct T99; the teams are"):
        theme_matrix(rows, teams=teams)
    with pytest.raises(ct.DataError, match=r"'team' is no team of the trial in row 4: correct T3"):
        theme_matrix(coded(("I1", "rota", 0, "A")), sources=sources(), teams=["T1", "T2"])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"measure": "share"}, ct.PlanError, "choose one of 'count', 'presence', 'rating'"),
        ({"themes": ["climate"]}, ct.PlanError, "themes names climate, which the table of codes has not got"),
        ({"themes": ["workforce"]}, ct.DataError, r"'code' stands below no theme in row 1"),
        ({"codes": codes().iloc[1:]}, ct.DataError, r"'code' stands below no theme in row 1"),
        ({"codes": pd.concat([codes(), codes()])}, ct.DataError, r"'code' is there twice in rows 1, 2"),
        ({"sources": sources().iloc[1:]}, ct.DataError, r"'source' is in no interview in row 1"),
        ({"sources": pd.concat([sources(), sources()])}, ct.DataError, r"'source' is there twice in rows 1, 2"),
        ({"sources": sources().iloc[:0]}, ct.DataError, "there are no interviews"),
        ({"sources": sources().assign(team=None)}, ct.DataError, r"'team' is missing in rows 1, 2, 3, 4"),
        ({"group": "role"}, ct.PlanError, "no column 'role'"),
    ],
)
def test_faults(options: dict[str, object], error: type[Exception], message: str) -> None:
    rows = coded(("I1", "leadership", 0, "A"))
    with pytest.raises(error, match=message):
        theme_matrix(rows, **{"sources": sources(), "codes": codes(), **options})


def test_a_code_below_itself_is_refused() -> None:
    circle = pd.DataFrame({"code": ["top", "a", "b"], "parent": [None, "b", "a"]})
    with pytest.raises(ct.DataError, match="code 'a' stands below itself: a < b < a"):
        theme_matrix(pd.DataFrame({"team": ["T1"], "code": ["a"]}), codes=circle)


@pytest.mark.parametrize("rating", [-1, 4])
def test_ratings_out_of_bounds_are_refused(rating: float) -> None:
    with pytest.raises(ct.DataError, match=r"'rating' is out of bounds in row 2: ratings are from 0 to 3"):
        theme_matrix(ratings().assign(rating=[0, rating, 1, 2, 3]), measure="rating")
