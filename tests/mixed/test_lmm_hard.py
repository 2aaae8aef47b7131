"""`ct.lmm` on data that are numerically hard, or that leave something with nothing to estimate."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import numpy as np
import pandas as pd
import pytest

import core_trial as ct

MEANS = (0.4, 0.3, 0.1, 0.5, 0.4, 0.6, 0.4, 0.5, 0.6)


@cache
def one_way(rows: int, offset: int) -> pd.DataFrame:
    """In the manner of NIST's SmLs series: nine clusters that differ by tenths about a large constant."""
    steps = np.append(0.0, np.tile([-0.1, 0.1], rows // 2))
    y = offset + np.repeat(MEANS, rows) + np.tile(steps, len(MEANS))
    return pd.DataFrame({"team": np.repeat([f"t{i}" for i in range(9)], rows), "y": y})


def exact_mean_squares(data: pd.DataFrame) -> tuple[Fraction, Fraction]:
    """Between and within clusters, of the numbers as the computer holds them, without rounding."""
    groups = [[Fraction(value) for value in group] for _, group in data.groupby("team")["y"]]
    rows, means = len(groups[0]), [sum(group) / len(group) for group in groups]
    grand = sum(means) / len(means)
    within = sum((v - m) ** 2 for group, m in zip(groups, means, strict=True) for v in group) / (
        len(data) - len(groups)
    )
    return rows * sum((m - grand) ** 2 for m in means) / (len(groups) - 1), within


@pytest.mark.parametrize("unconstrained", [False, True])
@pytest.mark.parametrize("offset", [1, 10**6, 10**12])
@pytest.mark.parametrize("rows", [21, 201, 2001])
def test_small_variance_about_a_large_constant_agrees_with_exact_arithmetic(rows, offset, unconstrained):
    """Exact arithmetic starts from the numbers as the computer holds them: at 1e12, tenths to about three digits."""
    data = one_way(rows, offset)
    between, within = exact_mean_squares(data)
    fit = ct.lmm("y ~ 1 + (1 | team)", data, unconstrained=unconstrained)
    expected = [float((between - within) / rows), float(within)]
    np.testing.assert_allclose(fit.variance_components()["covariance"], expected, rtol=1e-10)
    row = fit.tidy().iloc[0]
    np.testing.assert_allclose(row["std_error"] ** 2, float(between / len(data)), rtol=1e-10)
    np.testing.assert_allclose(row["df"], 8, rtol=1e-8)
    # X'V^-1 X is a difference of two sums that agree but for one part in as many as a cluster has rows.
    rounding = max(1e-14, rows * np.finfo(float).eps)
    np.testing.assert_allclose(row["estimate"], float(sum(map(Fraction, data["y"])) / len(data)), rtol=rounding)


@pytest.fixture(scope="module")
def trial_rows() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    team = np.concatenate([np.arange(12), rng.integers(0, 12, 108)])
    period = rng.integers(0, 3, 120)
    y = 4 + (team % 2) + rng.normal(size=(12, 3))[team, period] + rng.normal(size=12)[team] + rng.normal(size=120)
    frame = pd.DataFrame({"team": team, "trust": team // 2 % 3, "period": period, "arm": team % 2, "y": y})
    return frame.assign(x=rng.normal(size=120))


@pytest.mark.parametrize("scale", [1e-9, 1e9])
@pytest.mark.parametrize(
    ("bars", "options"),
    [
        ("(1 | team)", {"unconstrained": True}),
        ("cs(0 + C(period) | team)", {}),
        ("ar1(0 + C(period) | team)", {}),
        ("ar1h(0 + C(period) | team)", {"ddf": "satterthwaite"}),
        ("(1 | trust) + (1 | team)", {}),
        ("(x | team)", {"ddf": "satterthwaite"}),
    ],
)
@pytest.mark.filterwarnings("ignore::core_trial.TrialWarning")
def test_units_of_outcome_and_covariate_change_nothing_else(bars, options, scale, trial_rows):
    base = ct.lmm(f"y ~ arm + x + {bars}", trial_rows, **options).tidy()
    other = trial_rows.assign(y=scale * trial_rows["y"], x=trial_rows["x"] / scale)
    ours = ct.lmm(f"y ~ arm + x + {bars}", other, **options).tidy()
    units = [scale, scale, scale**2]
    for column in ("estimate", "std_error"):
        np.testing.assert_allclose(ours[column], base[column] * units, rtol=1e-6)
    np.testing.assert_allclose(ours["df"], base["df"], rtol=1e-5)


def test_clusters_of_one_row_each_leave_two_variances_that_are_one(trial_rows):
    single = trial_rows.drop_duplicates("team")
    for unconstrained in (False, True):
        with pytest.raises(ct.DesignError, match="team cannot be told from"):
            ct.lmm("y ~ arm + (1 | team)", single, unconstrained=unconstrained)


def test_some_clusters_of_one_row_are_no_hindrance(trial_rows):
    some = trial_rows[(trial_rows["team"] > 5) | ~trial_rows.duplicated("team")]
    fit = ct.lmm("y ~ arm + (1 | team)", some)
    assert fit.glance()["n_clusters"].item() == 12
    assert 0 < fit.tidy()["df"][1] < len(some)


def test_a_single_cluster_is_refused(trial_rows):
    with pytest.raises(ct.DesignError, match="'team' has only the level 3; it needs at least two"):
        ct.lmm("y ~ x + (1 | team)", trial_rows[trial_rows["team"] == 3])


@pytest.mark.parametrize("value", [0.0, 7.5, 1e12])
def test_a_constant_outcome_is_refused(value, trial_rows):
    with pytest.raises(ct.DataError, match="there is no variation to analyse"):
        ct.lmm("y ~ arm + (1 | team)", trial_rows.assign(y=value))


def test_an_outcome_that_the_coefficients_fit_is_refused(trial_rows):
    with pytest.raises(ct.DesignError, match="fit the outcome exactly"):
        ct.lmm("y ~ arm + x + (1 | team)", trial_rows.assign(y=3 + 2 * trial_rows["arm"] - trial_rows["x"]))


def test_an_outcome_that_is_constant_within_clusters_is_refused(trial_rows):
    for unconstrained in (False, True):
        with pytest.raises(ct.FitError, match="does not vary within the grouping factors"):
            ct.lmm(
                "y ~ arm + (1 | team)", trial_rows.assign(y=np.sqrt(trial_rows["team"])), unconstrained=unconstrained
            )


@pytest.mark.parametrize("noise", [0.0, 1e-13])
def test_collinear_columns_have_no_coefficient_and_are_named(noise, trial_rows):
    sum_of = trial_rows["arm"] + 2 * trial_rows["x"] + noise * np.arange(120)
    fit = ct.lmm("y ~ arm + x + total + (1 | team)", trial_rows.assign(total=sum_of))
    base = ct.lmm("y ~ arm + x + (1 | team)", trial_rows)
    assert fit.notes == ("no coefficient for total: a linear combination of the columns before it",)
    pd.testing.assert_frame_equal(fit.tidy(), base.tidy())


def test_nearly_collinear_columns_keep_their_coefficients(trial_rows):
    near = trial_rows["x"] + 1e-5 * np.sin(np.arange(120))
    apart = ct.lmm("y ~ x + wave + (1 | team)", trial_rows.assign(wave=np.sin(np.arange(120))))
    together = ct.lmm("y ~ x + near + (1 | team)", trial_rows.assign(near=near))
    np.testing.assert_allclose(together.estimate[2], 1e5 * apart.estimate[2], rtol=1e-6)
    np.testing.assert_allclose(together.glance()["sigma"], apart.glance()["sigma"], rtol=1e-9)


def test_an_arm_that_does_not_vary_within_a_trust_loses_its_interaction_there(trial_rows):
    """With trusts 0 to 2 of both arms but trust 2 of one alone, one effect by trust has nothing to come from."""
    one_armed = trial_rows[(trial_rows["trust"] < 2) | (trial_rows["arm"] == 1)]
    fit = ct.lmm("y ~ arm * C(trust) + (1 | team)", one_armed)
    assert fit.notes == ("no coefficient for arm:C(trust)[T.2]: a linear combination of the columns before it",)
    assert "arm:C(trust)[T.1]" in fit.terms


def test_an_arm_with_an_effect_by_trust_needs_both_arms_in_a_trust(trial_rows):
    """Where no trust has both arms, the arm is a combination of the trusts, and random effects of it are too."""
    apart = trial_rows.assign(trust=trial_rows["team"] % 4)
    fit = ct.lmm("y ~ C(trust) + arm + (1 | team)", apart)
    assert fit.notes == ("no coefficient for arm: a linear combination of the columns before it",)
    with pytest.raises(ct.DesignError, match="team cannot be told from the fixed effects"):
        ct.lmm("y ~ arm + (arm | team)", trial_rows)


def test_the_way_of_the_search_is_kept(trial_rows):
    path = ct.lmm("y ~ arm + ar1(0 + C(period) | team)", trial_rows, ddf="normal").result.path
    assert path.shape[1] == 2 + 2
    assert np.all(np.diff(path[:, 0]) <= 1e-9)
    assert path[-1, 1] < 1e-6
