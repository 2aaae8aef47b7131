"""Outcomes drawn from a fit have the mean and covariance of its model, whatever the chunks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import core_trial as ct
from core_trial.mixed import simulation

DRAWS = 20_000


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    team = np.repeat(np.arange(6), [1, 2, 3, 4, 5, 5])
    rows = pd.DataFrame(
        {"team": team, "site": team // 2, "month": rng.normal(size=20), "rater": rng.integers(0, 4, 20)}
    )
    effects = rng.normal(0, 2, (6, 2))[team]
    return rows.assign(y=10 + effects[:, 0] + (1 + effects[:, 1]) * rows["month"] + rng.normal(size=20))


def covariance(fit: ct.LmmFit) -> np.ndarray:
    """V written out."""
    v = fit.result.sigma**2 * np.eye(fit.matrices.n_rows)
    for random, g in zip(fit.matrices.random, fit.result.covariances, strict=True):
        same = random.grouping.level[:, None] == random.grouping.level
        v += same * (random.columns @ g @ random.columns.T)
    return v


def assert_drawn_from(drawn: np.ndarray, mean: np.ndarray, v: np.ndarray) -> None:
    """Means and covariances within five Monte Carlo standard errors."""
    assert np.all(np.abs(drawn.mean(axis=0) - mean) < 5 * np.sqrt(np.diag(v) / len(drawn)))
    error = np.sqrt((np.outer(np.diag(v), np.diag(v)) + v**2) / len(drawn))
    assert np.all(np.abs(np.cov(drawn.T) - v) < 5 * error)


@pytest.mark.filterwarnings("ignore:boundary fit:core_trial.TrialWarning")
@pytest.mark.parametrize(
    "formula",
    [
        "y ~ month + (1 | team)",
        "y ~ month + (month | team)",
        "y ~ 1 + (1 | site / team)",
        "y ~ 1 + (1 | team) + (1 | rater)",
    ],
)
def test_draws_have_the_marginal_moments(people, formula):
    fit = ct.lmm(formula, people)
    drawn = fit.simulate(DRAWS, seed=1)
    assert drawn.shape == (DRAWS, 20)
    assert_drawn_from(drawn, fit.matrices.x @ fit.estimate, covariance(fit))


def test_conditional_draws_are_about_the_modes(people):
    fit = ct.lmm("y ~ month + (month | team)", people)
    drawn = fit.simulate(DRAWS, seed=2, conditional=True)
    fitted = people["y"] - fit.residuals("conditional")
    assert_drawn_from(drawn, fitted.to_numpy(), fit.result.sigma**2 * np.eye(20))


@pytest.mark.parametrize("spread", [0.1, 3])
def test_a_variance_of_either_sign_is_drawn_as_correlation(people, spread):
    within = people["y"] - people.groupby("team")["y"].transform("mean")
    between = spread * np.array([1, -2, 3, -1, 2, 0])[people["team"]]
    fit = ct.lmm("y ~ 1 + (1 | team)", people.assign(y=within + between), unconstrained=True, ddf="satterthwaite")
    assert (fit.result.covariances[0][0, 0] > 0) == (spread > 1)
    assert_drawn_from(fit.simulate(DRAWS, seed=3), fit.matrices.x @ fit.estimate, covariance(fit))


def test_a_draw_depends_on_its_seed_and_place_only(people, monkeypatch):
    fit = ct.lmm("y ~ month + (1 | team)", people)
    drawn = fit.simulate(300, seed=4)
    np.testing.assert_array_equal(fit.simulate(100, seed=4), drawn[:100])
    monkeypatch.setattr(simulation, "AT_ONCE", 1)
    np.testing.assert_array_equal(fit.simulate(300, seed=4), drawn)
    assert not np.any(fit.simulate(300, seed=5) == drawn)
    assert len(np.unique(drawn)) == drawn.size


def test_no_draws_are_refused(people):
    fit = ct.lmm("y ~ month + (1 | team)", people)
    with pytest.raises(ct.PlanError, match="n is 0: ask for at least one draw"):
        fit.simulate(0, seed=1)


def test_a_streamed_fit_has_no_rows_to_draw(people, tmp_path: Path):
    people.to_parquet(tmp_path / "people.parquet")
    fit = ct.lmm("y ~ month + (1 | team)", tmp_path / "people.parquet")
    for use in (lambda: fit.simulate(1, seed=1), lambda: fit.bootstrap(9, seed=1), lambda: fit.influence("month")):
        with pytest.raises(ct.PlanError, match="needs the rows of the data"):
            use()
