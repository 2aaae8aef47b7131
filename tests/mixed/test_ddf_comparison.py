"""Every small-sample method side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import core_trial as ct
from core_trial.mixed.comparison import METHODS

FOLDER = Path(__file__).parents[1] / "reference"


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "lmm/data.csv")


@pytest.mark.parametrize(("ddf", "information"), METHODS)
def test_each_row_is_the_fit_by_that_method(data, ddf, information):
    formula = "score ~ arm + month + (1 | team)"
    table = ct.lmm(formula, data).compare_ddf("month").set_index(["ddf", "information"])
    own = ct.lmm(formula, data, ddf=ddf, information=information)
    expected = own.tidy().set_index("term").loc["month"]
    row = table.loc[(ddf, information or "")]
    for column in expected.index:
        assert row[column] == expected[column]
    chosen = own.compare_ddf("month")
    assert chosen.loc[chosen["chosen"], ["ddf", "information"]].to_numpy().tolist() == [[ddf, information or ""]]


def test_the_whole_table_has_each_coefficient_by_each_method(data):
    table = ct.lmm("score ~ arm + month + (1 | team)", data, ddf="satterthwaite").compare_ddf(conf_level=0.8)
    assert len(table) == 3 * len(METHODS)
    assert table["chosen"].sum() == 3
    assert (table["note"] == "").all()
    wide = ct.lmm("score ~ arm + month + (1 | team)", data, ddf="normal").tidy(conf_level=0.8)
    normal = table[table["ddf"] == "normal"].reset_index(drop=True)
    np.testing.assert_array_equal(normal["conf_low"], wide["conf_low"])


def test_a_method_that_does_not_apply_says_why(data):
    crossed = ct.lmm("score ~ arm + (1 | team) + (1 | rater)", data).compare_ddf("arm[T.intervention]")
    row = crossed.set_index("ddf").loc["between-within"]
    assert "nested" in row["note"]
    assert np.isnan(row["p_value"])
    ml = ct.lmm("score ~ arm + (1 | team)", data, reml=False, ddf="satterthwaite").compare_ddf("arm[T.intervention]")
    assert ml.loc[ml["ddf"].str.startswith("kenward"), "note"].str.contains("needs REML").all()
    assert ml.loc[ml["chosen"], "ddf"].tolist() == ["satterthwaite"]


def test_linear_covariances_have_one_kenward_roger(data):
    """That of 2009 adds what nonlinear parameters need, and changes nothing else."""
    linear = ct.lmm("score ~ arm + month + (month | team)", data).compare_ddf("arm[T.intervention]")
    old, new = (linear[linear["ddf"] == name].iloc[0] for name in ("kenward-roger", "kenward-roger-2009"))
    assert (old["std_error"], old["df"]) == (new["std_error"], new["df"])
    decay = ct.lmm("score ~ arm + C(month) + ar1(0 + C(month) | team)", data).compare_ddf("arm[T.intervention]")
    old, new = (decay[decay["ddf"] == name].iloc[0] for name in ("kenward-roger", "kenward-roger-2009"))
    assert 0 < abs(old["std_error"] / new["std_error"] - 1) < 0.05


def test_clusters_less_parameters_is_the_count(data):
    one = ct.lmm("score ~ arm + baseline + month + (1 | team)", data, ddf="clusters")
    assert one.tidy()["df"].tolist() == [25 - 3] * 4
    assert "clusters (team) less cluster-level parameters" in one.method
    persons = ct.lmm("score ~ arm + month + (1 | team/person)", data, ddf="clusters")
    assert persons.tidy()["df"].tolist() == [25 - 2] * 3
    trusts = ct.lmm("score ~ arm + month + (1 | trust/team)", data, ddf="clusters")
    assert trusts.tidy()["df"].tolist() == [25 - 2] * 3
    none = ct.lmm("score ~ month + (1 | trust/team)", data, ddf="clusters")
    assert none.tidy()["df"].tolist() == [8 - 1] * 2


def test_an_unknown_coefficient_is_refused(data):
    with pytest.raises(ct.PlanError, match=r"no coefficient 'arm'; the fit has \(Intercept\), arm\[T.intervention\]"):
        ct.lmm("score ~ arm + (1 | team)", data).compare_ddf("arm")
