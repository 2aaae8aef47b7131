"""Agreement of raters: published numbers, other programs, the definitions pair by pair, and faults in the data."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import aggregate_raters, cohens_kappa, fleiss_kappa

import core_trial as ct
from core_trial.mixed_methods import agreement

KRIPPENDORFF = """
1 2 3 3 2 1 4 1 2 . . .
1 2 3 3 2 2 4 1 2 5 . 3
. 3 3 3 2 3 4 2 2 5 1 .
1 2 3 3 2 4 4 1 2 5 1 .
"""
"""Four observers of twelve units, from Krippendorff 2011, Computing Krippendorff's Alpha-Reliability."""

FLEISS = """
0 0 0 0 14
0 2 6 4 2
0 0 3 5 6
0 3 9 2 0
2 2 8 1 1
7 7 0 0 0
3 2 6 3 0
2 5 3 2 2
6 5 2 1 0
0 2 2 3 7
"""
"""Ratings of ten subjects by fourteen raters in five categories: the worked example of Fleiss's kappa, 0.210."""


def ratings_of(table: np.ndarray) -> pd.DataFrame:
    """A row a rating, from (raters, units) with nan for what is missing."""
    rater, unit = np.indices(table.shape)
    return pd.DataFrame({"unit": unit.ravel(), "rater": rater.ravel(), "value": table.ravel()})


def estimates(data: pd.DataFrame, **options: object) -> pd.Series:
    found = agreement.of_ratings(data, unit="unit", rater="rater", value="value", resamples=1, **options)
    return found.table.set_index("coefficient")["estimate"]


def observers() -> pd.DataFrame:
    rows = [line.replace(".", "nan").split() for line in KRIPPENDORFF.strip().splitlines()]
    return ratings_of(np.array(rows, dtype=float))


@pytest.mark.parametrize(
    ("level", "alpha"), [("nominal", 0.743421), ("ordinal", 0.815388), ("interval", 0.849107), ("ratio", 0.797403)]
)
def test_krippendorff_alpha(level: str, alpha: float) -> None:
    assert estimates(observers(), level=level)["Krippendorff alpha"] == pytest.approx(alpha, abs=5e-7)


def test_coefficients_of_the_four_observers() -> None:
    """As irrCAC 0.4.4 gives them."""
    found = estimates(observers())
    known = {
        "percent agreement": 0.81818,
        "Fleiss kappa": 0.76117,
        "Conger kappa": 0.76207,
        "Gwet AC1": 0.77544,
        "Brennan-Prediger": 0.77273,
    }
    assert {name: found[name] for name in known} == pytest.approx(known, abs=5e-6)
    assert estimates(observers(), weights="quadratic")["Gwet AC2"] == pytest.approx(0.914, abs=5e-4)


def test_fleiss_kappa() -> None:
    counts = np.array([line.split() for line in FLEISS.strip().splitlines()], dtype=int)
    found = estimates(ratings_of(np.array([np.repeat(np.arange(5), row) for row in counts]).T))
    assert found["Fleiss kappa"] == pytest.approx(0.20993, abs=5e-6)
    assert found["Fleiss kappa"] == pytest.approx(fleiss_kappa(counts))


def test_cohen_kappa() -> None:
    """Two readers of fifty proposals: 20 times both yes, 15 times both no, 5 and 10 times not the same."""
    pairs = np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], [20, 5, 10, 15], axis=0)
    assert estimates(ratings_of(pairs.T))["Cohen kappa"] == pytest.approx(0.4)


@st.composite
def scored(draw: st.DrawFn, raters: int, *, missing: bool) -> np.ndarray:
    units = draw(st.integers(3, 12))
    score = st.sampled_from([0, 1, 2, 3, np.nan] if missing else [0, 1, 2, 3])
    cells = draw(st.lists(score, min_size=raters * units, max_size=raters * units))
    table = np.array(cells, dtype=float).reshape(raters, units)
    table[:, 0] = np.arange(raters) % 4
    return table


@settings(deadline=None, max_examples=25)
@given(scored(2, missing=False), st.sampled_from(["unweighted", "linear", "quadratic"]))
def test_weighted_kappa_is_that_of_statsmodels(table: np.ndarray, weights: str) -> None:
    crossed, _ = np.histogramdd(table.T, bins=[np.arange(5)] * 2)
    known = cohens_kappa(crossed, wt=None if weights == "unweighted" else weights, return_results=False)
    assert estimates(ratings_of(table), weights=weights, categories=[0, 1, 2, 3])["Cohen kappa"] == pytest.approx(known)


@settings(deadline=None, max_examples=25)
@given(scored(4, missing=False))
def test_fleiss_kappa_is_that_of_statsmodels(table: np.ndarray) -> None:
    counts, _ = aggregate_raters(table.T)
    assert estimates(ratings_of(table))["Fleiss kappa"] == pytest.approx(fleiss_kappa(counts))


@settings(deadline=None, max_examples=25)
@given(scored(3, missing=True), st.sampled_from(["interval", "ordinal", "ratio", "nominal"]))
def test_alpha_pair_by_pair(table: np.ndarray, level: str) -> None:
    """Krippendorff's definition: mean difference within units over mean difference of any two ratings."""
    units = [column[~np.isnan(column)] for column in table.T]
    units = [ratings for ratings in units if len(ratings) > 1]
    everything = np.concatenate(units)

    def difference(one: float, other: float) -> float:
        low, high = sorted((one, other))
        if level == "ordinal":
            between = ((everything >= low) & (everything <= high)).sum()
            return float(between - ((everything == low).sum() + (everything == high).sum()) / 2) ** 2
        return {
            "nominal": float(one != other),
            "interval": (one - other) ** 2,
            "ratio": ((one - other) / (one + other)) ** 2 if one + other else 0.0,
        }[level]

    within = sum(sum(difference(*pair) for pair in permutations(unit, 2)) / (len(unit) - 1) for unit in units)
    among = sum(difference(*pair) for pair in permutations(everything, 2)) / (len(everything) - 1)
    assert estimates(ratings_of(table), level=level)["Krippendorff alpha"] == pytest.approx(1 - within / among)


@settings(deadline=None, max_examples=25)
@given(scored(3, missing=True), st.permutations(range(3)))
def test_names_and_order_of_raters_do_not_matter(table: np.ndarray, order: list[int]) -> None:
    one, other = (
        estimates(ratings_of(rows), weights="linear", categories=[0, 1, 2, 3]) for rows in (table, table[order])
    )
    pd.testing.assert_series_equal(one, other)


@settings(deadline=None, max_examples=15)
@given(scored(3, missing=True), st.integers(2, 4))
def test_repeated_units_change_no_coefficient_but_alpha(table: np.ndarray, times: int) -> None:
    """A bootstrap sample is one in which units are repeated."""
    one, many = (estimates(ratings_of(rows)) for rows in (table, np.tile(table, times)))
    pd.testing.assert_series_equal(one.drop("Krippendorff alpha"), many.drop("Krippendorff alpha"))


def test_intervals_are_quantiles_over_samples_of_units() -> None:
    """Percent agreement of a sample of units is binomial: 24 of 30 units agree."""
    table = np.zeros((2, 30))
    table[1, :6] = 1
    found = agreement.of_ratings(ratings_of(table), unit="unit", rater="rater", value="value", resamples=20_000)
    low, high = found.table.loc[0, ["conf_low", "conf_high"]]
    assert (low, high) == pytest.approx((20 / 30 - 1 / 30, 28 / 30), abs=1e-9)


def test_the_same_seed_gives_the_same_intervals() -> None:
    one, again, other = (
        agreement.of_ratings(observers(), unit="unit", rater="rater", value="value", resamples=200, seed=seed).table
        for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(one, again)
    assert not one["conf_low"].equals(other["conf_low"])


def test_codes_are_pooled_unit_by_unit() -> None:
    one, other = (ratings_of(np.array(rows)) for rows in ([[1, 0, 1], [1, 0, 0]], [[0, 0, 1], [0, 1, 1]]))
    coded = pd.concat([one.assign(code="leadership"), other.assign(code="workload")])
    found = agreement.of_ratings(
        coded, unit="unit", rater="rater", value="value", code="code", resamples=50
    ).table.set_index(["code", "coefficient"])
    assert found.index.unique("code").tolist() == ["leadership", "workload", "(pooled)"]
    stacked = pd.concat([one, other.assign(unit=other["unit"] + 3)])
    pd.testing.assert_series_equal(found.loc["(pooled)"]["estimate"], estimates(stacked))
    assert found.loc["(pooled)", "units"].eq(6).all()


def test_one_rater_only_is_undefined_and_said_so() -> None:
    found = agreement.of_ratings(observers().query("rater == 1"), unit="unit", rater="rater", value="value")
    assert found.table["estimate"].isna().all()
    assert found.table["conf_low"].isna().all()
    assert found.table["note"].eq("undefined: there is one rater only").all()
    assert found.notes == ("agreement is undefined: 1 is the only rater",)


def test_raters_of_different_units_are_undefined_and_said_so() -> None:
    apart = pd.DataFrame({"unit": [1, 2, 3, 4], "rater": ["A", "A", "B", "B"], "value": [0, 1, 0, 1]})
    found = agreement.of_ratings(apart, unit="unit", rater="rater", value="value").table
    assert found["estimate"].isna().all()
    assert found["note"].eq("undefined: no unit has two ratings").all()


def test_ratings_that_do_not_vary() -> None:
    found = agreement.of_ratings(
        ratings_of(np.ones((2, 5))), unit="unit", rater="rater", value="value", categories=[0, 1]
    ).table.set_index("coefficient")
    defined = found.index[found["estimate"].notna()]
    assert defined.tolist() == ["percent agreement", "Gwet AC1", "Brennan-Prediger"]
    assert found.loc[defined, "estimate"].eq(1).all()
    assert found.drop(defined)["note"].eq("undefined: the ratings do not vary").all()


def test_samples_without_variation_are_counted() -> None:
    table = np.array([[1, 0, 0, 0], [1, 0, 0, 0]])
    found = agreement.of_ratings(ratings_of(table), unit="unit", rater="rater", value="value", resamples=400).table
    kappa = found.set_index("coefficient").loc["Cohen kappa"]
    assert kappa["estimate"] == kappa["conf_low"] == kappa["conf_high"] == 1
    assert "of 400 resamples, which are left out of the interval" in kappa["note"]


def test_two_ratings_by_one_rater_are_named() -> None:
    twice = pd.DataFrame({"unit": ["T1", "T1", "T2"], "rater": ["R1", "R1", "R1"], "value": [0, 1, 1]})
    with pytest.raises(
        ct.DataError, match=r"two ratings by one rater in rows 1, 2: keep one of those by R1 of T1"
    ) as error:
        agreement.of_ratings(twice, unit="unit", rater="rater", value="value")
    assert error.value.failures is not None
    assert error.value.failures["row"].tolist() == [1, 2]
    by_code = twice.assign(code=["leadership", "workload", "workload"])
    assert agreement.of_ratings(by_code, unit="unit", rater="rater", value="value", code="code").raters == ("R1",)


def test_words_are_categories_in_the_order_given() -> None:
    order = ["none", "some", "much"]
    words = pd.DataFrame(
        {"unit": [1, 2, 3] * 2, "rater": ["A"] * 3 + ["B"] * 3, "value": [*order, "none", "much", "much"]}
    )
    numbers = words.assign(value=words["value"].map(order.index))
    one, other = (
        estimates(data, weights="linear", categories=each) for data, each in ((words, order), (numbers, None))
    )
    pd.testing.assert_series_equal(one, other)
    with pytest.raises(ct.DataError, match=r"'value' is no category in rows 3, 5, 6: choose one of none, some"):
        estimates(words, categories=order[:2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": "cubic"}, "choose one of 'unweighted', 'linear', 'quadratic'"),
        ({"level": "metric"}, "choose one of 'nominal', 'ordinal', 'interval', 'ratio'"),
        ({"resamples": 0}, "resamples is 0"),
        ({"conf_level": 95}, "conf_level is 95"),
        ({"value": "score"}, "no column 'score'"),
    ],
)
def test_faults_in_the_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(ct.PlanError, match=message):
        agreement.of_ratings(observers(), **{"unit": "unit", "rater": "rater", "value": "value", **options})


def test_measurements_are_no_categories() -> None:
    with pytest.raises(ct.PlanError, match="202 values are measurements"):
        estimates(ratings_of(np.arange(202.0).reshape(2, 101)))


def test_samples_are_weighed_in_parts_that_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"unit": "unit", "rater": "rater", "value": "value", "level": "ordinal", "resamples": 50}
    whole = agreement.of_ratings(observers(), **options)
    monkeypatch.setattr("core_trial.mixed_methods.agreement.bootstrap.ELEMENTS", 200)
    pd.testing.assert_frame_equal(agreement.of_ratings(observers(), **options).table, whole.table)


@pytest.mark.parametrize("dtype", ["bool", "boolean"])
def test_ratings_of_yes_and_no_are_those_of_one_and_zero(dtype: str) -> None:
    value = pd.Series([1, 0, 1, 1, 0, 0, 1, 0, 1, 1])
    rows = pd.DataFrame({"unit": list(range(5)) * 2, "rater": ["A"] * 5 + ["B"] * 5, "value": value})
    found, expected = (
        agreement.of_ratings(frame, unit="unit", rater="rater", value="value").table["estimate"]
        for frame in (rows.assign(value=value.astype(dtype)), rows)
    )
    pd.testing.assert_series_equal(found, expected)
