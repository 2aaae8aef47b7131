"""From a formula and a data frame to arrays, and every rule that the data must keep."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from formulaic import model_matrix

import core_trial as ct
from core_trial.formula.matrices import Matrices, model_matrices
from core_trial.formula.parse import parse_formula


@pytest.fixture
def data() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 24
    return pd.DataFrame(
        {
            "team": np.repeat(list("dbca"), 6),
            "ward": np.tile(["w1", "w2"], 12),
            "arm": np.repeat(["intervention", "control"], 12),
            "band": pd.Categorical(np.tile(["low", "high", "low"], 8), categories=["low", "high", "never"]),
            "x": rng.normal(size=n),
            "count": rng.integers(0, 9, n),
            "flag": rng.random(n) < 0.5,
            "y": rng.normal(size=n),
        }
    )


def matrices(text: str, data: pd.DataFrame) -> Matrices:
    return model_matrices(parse_formula(text), data)


@pytest.mark.parametrize(
    "fixed",
    [
        *("arm", "x + arm + band", "x:count", "0 + x", "0 + arm", "arm * x", "band:arm", "C(count)", "poly(x, 2)"),
        *(
            "arm * team",
            "team * arm * x",
            "x + x:team",
            "arm + x:team",
            "team:arm + arm + team",
            "x * count + flag:team",
        ),
    ],
)
def test_columns_are_those_of_formulaic(fixed, data):
    ours = matrices(f"y ~ {fixed} + (1 | team)", data)
    theirs = model_matrix(fixed, data.assign(band=data["band"].cat.remove_unused_categories()))
    assert ours.names == tuple(str(name).replace("Intercept", "(Intercept)") for name in theirs.columns)
    np.testing.assert_allclose(ours.x, theirs.to_numpy(float))


@pytest.mark.parametrize(
    ("fixed", "names"),
    [
        ("log1p(total.stays)", ["log1p(total.stays)"]),
        ("`total.stays` + I(total.stays / `the x`)", ["total.stays", "I(total.stays / `the x`)"]),
        ("scale(x, scale=FALSE) + ifelse(x > 0.5, 1, 0)", ["scale(x, scale=False)", "ifelse(x > 0.5, 1, 0)"]),
        ("as.factor(ward)", ["factor(ward)[T.w2]"]),
        ("C(ward, contr.treatment('w2'))", ["C(ward, contr.treatment('w2'))[T.w1]"]),
        ("x * arm + count * x", ["x", "arm[T.intervention]", "count", "x:arm[T.intervention]", "x:count"]),
        ("count:x + x + count", ["x", "count", "count:x"]),
    ],
)
def test_formulas_are_written_as_in_r(fixed, names, data):
    dotted = data.assign(**{"total.stays": data["count"], "the x": data["x"], "ward.team": data["team"]})
    found = matrices(f"y ~ {fixed} + (1 | ward.team)", dotted)
    assert found.names == ("(Intercept)", *names)
    assert found.random[0].grouping.name == "ward.team"


def test_the_event_of_a_text_is_an_outcome(data):
    np.testing.assert_array_equal(matrices("I(ward == 'w2') ~ x + (1 | team)", data).y, data["ward"] == "w2")


def test_text_is_a_factor_with_levels_in_alphabetical_order(data):
    assert matrices("y ~ team + (1 | ward)", data).names == ("(Intercept)", "team[T.b]", "team[T.c]", "team[T.d]")


@pytest.mark.parametrize("backend", ["numpy_nullable", "pyarrow"])
def test_types_of_storage_do_not_matter(backend, data):
    other = data.drop(columns="band").convert_dtypes(dtype_backend=backend)
    for text in ("y ~ arm + count + flag + (1 | team)", "y ~ arm * x + C(count) + (x | team)"):
        np.testing.assert_allclose(matrices(text, other).x, matrices(text, data).x)


def test_functions_of_r_are_known(data):
    ours = matrices(
        "log(count + 1) ~ factor(flag) + sqrt(abs(x)) + I(x^2) + (1 | team)", data.assign(flag=data.flag * 1)
    )
    assert ours.names == ("(Intercept)", "factor(flag)[T.1]", "sqrt(abs(x))", "I(x ** 2)")
    np.testing.assert_allclose(ours.x[:, 3], data["x"] ** 2)
    np.testing.assert_allclose(ours.y, np.log(data["count"] + 1))


def test_levels_of_groups_are_sorted_and_only_those_that_occur(data):
    (random,) = matrices(
        "y ~ x + (1 | team)", data.assign(team=data["team"].astype("category"))[lambda d: d.team != "b"]
    ).random
    assert random.grouping.labels == ("a", "c", "d")
    np.testing.assert_array_equal(random.grouping.level, np.repeat([2, 1, 0], 6))


def test_nested_groups_are_combinations(data):
    inner, outer = matrices("y ~ x + (1 | team/ward)", data).random
    assert inner.grouping.name == "ward:team"
    assert inner.grouping.labels == tuple(f"{w}:{t}" for w in ("w1", "w2") for t in "abcd")
    labels = np.array(inner.grouping.labels)[inner.grouping.level]
    np.testing.assert_array_equal(labels, data["ward"] + ":" + data["team"])
    assert outer.grouping.labels == tuple("abcd")


def test_rows_with_missing_values_are_counted_by_column(data):
    data.loc[[0, 3], "x"] = np.nan
    data.loc[[3, 5], "team"] = None
    data.loc[7, "ward"] = None
    ours = matrices("y ~ x + (1 | team)", data)
    assert len(ours.y) == 21
    assert ours.notes == ("3 of 24 rows left out, with no value of x (2), team (2)",)


def test_the_index_of_the_data_does_not_matter(data):
    other = data.set_index("x", drop=False)
    np.testing.assert_array_equal(
        matrices("y ~ arm * x + (1 | team)", other).x, matrices("y ~ arm * x + (1 | team)", data).x
    )


@pytest.mark.parametrize(
    ("text", "error", "complaint"),
    [
        ("y ~ amr + (1 | team)", ct.PlanError, "no column 'amr'; did you mean 'arm'"),
        ("y ~ x + (1 | taem)", ct.PlanError, "did you mean 'team'"),
        ("team ~ x + (1 | ward)", ct.PlanError, "outcome 'team' is not a number"),
        ("when ~ x + (1 | team)", ct.PlanError, "outcome 'when' is not a number"),
        ("y ~ when + (1 | team)", ct.PlanError, "'when' is neither a number nor a category"),
        ("y + x ~ arm + (1 | team)", ct.PlanError, "must be one column"),
        (
            "team ~ x + (1 | ward)",
            ct.PlanError,
            r"'team' is not a number; .*, or name the event, as in I\(team == 'yes'\)",
        ),
        ("y ~ (x > 1) + (1 | team)", ct.PlanError, r"Write comparisons as I\(a == b\)"),
        ("y ~ unheard(x) + (1 | team)", ct.PlanError, "there is no function 'unheard'; choose from C"),
        ("y ~ big + (1 | team)", ct.DataError, "'big' is infinite in rows 2, 4"),
        ("huge ~ x + (1 | team)", ct.DataError, r"'huge' is above 1e\+100 in size in row 3"),
        ("y ~ x + (1 | lists)", ct.DataError, "'lists' is no label in rows 1, 2"),
        ("y ~ x + (1 | twice)", ct.DataError, "more than one column 'twice'"),
        ("y ~ log(zero) + (1 | team)", ct.DataError, r"'log\(zero\)' is -inf in row 5"),
        ("log(zero) ~ x + (1 | team)", ct.DataError, r"'log\(zero\)' is -inf in row 5"),
        ("same ~ x + (1 | team)", ct.DataError, "is 2 in every row"),
        ("y ~ nothing + (1 | team)", ct.DataError, "no row is complete: values are missing of nothing"),
        ("y ~ x + (1 | one)", ct.DesignError, "'one' has only the level 'a'"),
        ("y ~ one + (1 | team)", ct.DesignError, "'one' has only the level 'a'"),
        ("y ~ one * x + (1 | team)", ct.DesignError, "one"),
        ("y ~ C(same) + (1 | team)", ct.DesignError, "single level"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_what_is_wrong_is_said(text, error, complaint, data):
    row = np.arange(24)
    data = data.assign(
        big=np.where(np.isin(row, [1, 3]), np.inf, row),
        huge=np.where(row == 2, 1e300, row),
        lists=[["a"]] * 24,
        zero=np.where(row == 4, 0.0, 1.0 + row),
        same=2.0,
        one="a",
        nothing=np.nan,
        when=pd.Timestamp("2020-01-01"),
        twice=1,
    )
    data = pd.concat([data, data[["twice"]]], axis=1)
    with pytest.raises(error, match=complaint):
        matrices(text, data)


def test_rows_are_counted_as_in_the_data_when_others_are_left_out(data):
    data = data.assign(zero=np.where(data.index == 4, 0.0, 1.0 + data.index))
    data.loc[[0, 1], "y"] = np.nan
    with pytest.raises(ct.DataError, match="in row 5"), np.errstate(divide="ignore"):
        matrices("y ~ log(zero) + (1 | team)", data)


def test_a_column_that_occurs_twice_is_refused_only_if_it_is_used(data):
    twice = pd.concat([data, data[["x"]]], axis=1)
    with pytest.raises(ct.DataError, match="more than one column 'x'"):
        matrices("y ~ x + (1 | team)", twice)
    assert len(matrices("y ~ arm + (1 | team)", twice).y) == 24


def test_no_rows_at_all(data):
    with pytest.raises(ct.DataError, match="the data have no rows"):
        matrices("y ~ x + (1 | team)", data.iloc[:0])
