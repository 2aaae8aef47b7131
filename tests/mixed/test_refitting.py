"""Refits of other outcomes are what `lmm` makes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import core_trial as ct

FOLDER = Path(__file__).parents[1] / "reference"
FORMULAS = [
    "score ~ arm + baseline + (1 | team)",
    "score ~ arm * month + (month | team)",
    "score ~ arm + month + (1 | trust / team)",
    "score ~ arm + month + (1 | team) + (1 | rater)",
]
pytestmark = pytest.mark.filterwarnings("ignore:boundary fit:core_trial.TrialWarning")


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "lmm/data.csv")


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("options", [{}, {"reml": False, "ddf": "satterthwaite"}], ids=["REML", "ML"])
def test_a_refit_is_a_fit(data, formula, options):
    fit = ct.lmm(formula, data, **options)
    for response in [*fit.simulate(3, seed=1), data["noise"]]:
        ours, expected = fit.refit(response), ct.lmm(formula, data.assign(score=np.asarray(response)), **options)
        pd.testing.assert_frame_equal(ours.tidy(), expected.tidy(), rtol=1e-8, atol=1e-10)
        pd.testing.assert_frame_equal(ours.glance(), expected.glance(), rtol=1e-8)
        pd.testing.assert_frame_equal(ours.ranef(), expected.ranef(), rtol=1e-7, atol=1e-9)
        assert (ours.notes, ours.method) == (expected.notes, expected.method)


@pytest.mark.parametrize("ddf", ["kenward-roger", "satterthwaite", "between-within", "clusters", "normal"])
def test_refits_of_many_have_the_inference_of_the_fit(data, ddf):
    fit = ct.lmm("score ~ arm + baseline + (1 | team)", data, ddf=ddf)
    responses = fit.simulate(5, seed=2)
    fits = fit.refit_each(responses)
    assert fits.converged.all()
    for i, response in enumerate(responses):
        table = fit.refit(response).tidy()
        for name in ("estimate", "std_error", "df"):
            np.testing.assert_allclose(getattr(fits, name)[i], table[name], rtol=1e-8)


def test_a_refit_can_be_refitted(data):
    fit = ct.lmm("score ~ arm + (1 | team)", data)
    again = fit.refit(data["noise"]).refit(data["score"])
    pd.testing.assert_frame_equal(again.tidy(), fit.tidy(), rtol=1e-10)


def test_a_refit_on_the_boundary_warns(data):
    fit = ct.lmm("score ~ 1 + (1 | team)", data)
    alike = data["noise"] - data.groupby("team")["noise"].transform("mean")
    with pytest.warns(ct.TrialWarning, match="boundary fit"):
        refit = fit.refit(alike)
    assert "boundary fit" in refit.notes[0]
    assert refit.result.singular


def test_responses_that_do_not_fit_are_refused(data):
    fit = ct.lmm("score ~ arm + (1 | team)", data)
    with pytest.raises(ct.PlanError, match=r"shape \(1, 9\) do not go with the 451 rows"):
        fit.refit(np.zeros(9))
    with pytest.raises(ct.PlanError, match="do not go with"):
        fit.refit_each(data["score"])
    with pytest.raises(ct.DataError, match="response 1 has no number in row 4"):
        fit.refit(data["score"].where(np.arange(451) != 3))
    with pytest.raises(ct.DesignError, match="fitted exactly"):
        fit.refit(np.ones(451))
    with pytest.raises(ct.FitError, match="residual variance is zero"):
        fit.refit(data["team"].str[1:].astype(float) ** 2)


def test_the_later_kenward_roger_is_for_single_fits(data):
    fit = ct.lmm("score ~ arm + (1 | team)", data, ddf="kenward-roger-2009")
    with pytest.raises(ct.PlanError, match="fit with ddf='kenward-roger'"):
        fit.refit_each(fit.simulate(1, seed=1))
