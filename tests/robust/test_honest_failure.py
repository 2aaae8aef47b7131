"""What cannot be estimated, or is not what it seems, is said with the column and what to do."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import core_trial as ct


@pytest.fixture
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    team = np.repeat(np.arange(10), 6)
    return pd.DataFrame(
        {
            "team": [f"t{i}" for i in team],
            "arm": np.where(team % 2 == 1, "intervention", "control"),
            "age": rng.normal(45, 10, 60).round(),
            "visit": np.tile(np.arange(6), 10),
            "years": rng.uniform(0.5, 2, 60),
            "event": rng.binomial(1, 0.4, 60),
            "score": rng.normal(size=60),
            "days": rng.poisson(rng.gamma(1.0, 3, 60)),
        }
    )


def gee(rows, formula="event ~ arm", family="binomial", **options):
    return ct.gee(formula, rows, cluster="team", family=family, **options)


@pytest.mark.parametrize("family", ["binomial", "poisson", "negative_binomial"])
def test_an_arm_without_events_is_named(rows, family):
    rows.loc[rows["arm"] == "intervention", "event"] = 0
    for fit in (gee, ct.cluster_robust):
        options = {} if fit is gee else {"cluster": "team"}
        with pytest.raises(ct.FitError, match=r"separation by 'arm\[T.intervention\]': no events in the 30 rows where"):
            fit(formula="event ~ arm + age", **{"rows" if fit is gee else "data": rows}, family=family, **options)


def test_an_arm_with_nothing_but_events_is_named(rows):
    rows.loc[rows["arm"] == "control", "event"] = 1
    with pytest.raises(ct.FitError, match=r"nothing but events in the 30 rows where it is 0"):
        gee(rows)


def test_complete_separation_by_a_number_is_named(rows):
    rows["event"] = (rows["age"] > 44).astype(int)
    with pytest.raises(ct.FitError, match=r"^complete separation by 'age': it tells the outcome of 60 rows"):
        gee(rows, "event ~ arm + age")


def test_separation_by_a_cell_of_an_interaction_is_named(rows):
    late = rows["visit"] > 2
    rows = rows.assign(late=late.astype(int))
    rows.loc[(rows["arm"] == "intervention") & late, "event"] = 0
    with pytest.raises(ct.FitError, match=r"quasi-complete separation by .*late"):
        gee(rows, "event ~ arm * late")


def test_rare_events_that_are_not_separated_are_fitted(rows):
    rows["event"] = 0
    rows.loc[[0, 7], "event"] = 1
    fit = gee(rows, correlation="independence")
    assert fit.estimate[1] == pytest.approx(0, abs=12)
    assert any("no events in team 't2', 't3'" in note for note in fit.notes)


def test_a_cluster_without_events_is_noted_and_its_indicator_refused(rows):
    rows.loc[rows["team"] == "t3", "days"] = 0
    assert "no events in team 't3'" in gee(rows, "days ~ arm", "poisson").notes
    with pytest.raises(ct.FitError, match=r"'team\[T.t3\]': no events in the 6 rows"):
        ct.cluster_robust("days ~ team", rows, cluster="team", family="poisson")


def totals(rows):
    frame = rows.groupby(["team", "arm"], as_index=False)[["days", "years"]].sum()
    return frame.assign(even=[4, 5, 4, 5, 4, 5, 4, 5, 4, 5])


def test_the_poisson_limit_is_the_poisson_fit(rows):
    frame = totals(rows)
    frame["even"] = [3, 5, 4, 6, 5, 5, 4, 7, 5, 6]
    with pytest.warns(ct.TrialWarning, match="theta"):
        limit = ct.count_regression("even ~ arm", frame, cluster="team", exposure="years")
    poisson = ct.count_regression("even ~ arm", frame, cluster="team", exposure="years", family="poisson")
    pd.testing.assert_frame_equal(limit.tidy(), poisson.tidy())
    assert np.isinf(limit.theta)
    assert any("theta runs to infinity" in note for note in limit.notes)


def test_theta_is_estimated_where_counts_vary_more(rows):
    fit = ct.count_regression("days ~ arm", totals(rows), cluster="team", exposure="years")
    assert 0 < fit.theta < 100
    assert fit.glance()["theta"].iloc[0] == fit.theta


def test_theta_is_estimated_where_counts_are_large():
    """Bed days of teams by the thousand, as overdispersed as one day's; the numbers of glmmTMB 1.1.5."""
    teams = pd.DataFrame(
        {
            "team": list("abcdefghij"),
            "arm": [0, 0, 1, 0, 0, 1, 1, 1, 1, 1],
            "x": [0.11, 0.76, -0.76, 1.43, -1.57, -0.92, 0.53, 0.09, 0.73, -1.21],
            "days": [3387, 5234, 741, 21521, 16591, 1401, 13498, 23522, 10951, 13338],
            "bed_days": [35, 760, 142, 187, 10837, 0, 3138, 16915, 26420, 8357],
        }
    )
    fit = ct.count_regression("bed_days ~ arm + x", teams, cluster="team", exposure="days")
    assert fit.theta == pytest.approx(0.42031923, rel=1e-5)
    assert fit.estimate == pytest.approx([-1.87682337, 1.613505716, -0.304273723], rel=1e-5)


def test_more_than_one_row_a_cluster_is_refused(rows):
    with pytest.raises(ct.DataError, match="'team' has more than one row"):
        ct.count_regression("days ~ arm", rows, cluster="team")


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_exposure_must_be_positive(rows, value):
    frame = totals(rows)
    frame.loc[4, ["days", "years"]] = [0, value]
    with pytest.raises(ct.DataError, match="'years' is not positive in row 5"):
        ct.count_regression("days ~ arm", frame, cluster="team", exposure="years")


def test_an_offset_of_no_exposure_names_the_row(rows):
    rows.loc[7, "years"] = 0
    with pytest.raises(ct.DataError, match="-inf in row 8"):
        gee(rows, "days ~ arm + offset(log(years))", "poisson")


def test_missing_exposure_is_counted(rows):
    frame = totals(rows)
    frame.loc[4, "years"] = np.nan
    fit = ct.count_regression("days ~ arm", frame, cluster="team", exposure="years")
    assert "1 of 10 rows left out, with no value of years (1)" in fit.notes


def test_an_offset_without_its_logarithm_is_recognised(rows):
    frame = rows.assign(person_days=rows["years"] * 365)
    with pytest.raises(ct.DataError, match=r"offset runs from .* write 'offset\(log\(person_time\)\)'"):
        gee(frame, "days ~ arm + offset(person_days)", "poisson")


def test_a_large_constant_offset_does_not_overflow(rows):
    one = gee(rows, "days ~ arm", "poisson")
    other = gee(rows.assign(much=2000.0), "days ~ arm + offset(much)", "poisson")
    np.testing.assert_allclose(other.estimate, one.estimate - [2000, 0], rtol=1e-9)
    np.testing.assert_allclose(other.covariance, one.covariance, rtol=1e-6)


def test_counts_are_whole_and_not_negative(rows):
    rows["days"] = rows["days"].astype(float)
    rows.loc[0, "days"] = 1.5
    assert any("not whole counts" in note for note in gee(rows, "days ~ arm", "poisson").notes)
    with pytest.raises(ct.DataError, match="'days' is no count in row 1"):
        gee(rows, "days ~ arm", "negative_binomial")
    with pytest.raises(ct.DataError, match="not whole counts"):
        ct.count_regression("days ~ 1", rows.drop_duplicates("team"), cluster="team", family="poisson")
    rows.loc[3, "days"] = -2
    with pytest.raises(ct.DataError, match="'days' is negative in row 4"):
        gee(rows, "days ~ arm", "poisson")


def test_nothing_out_of_nothing_is_named(rows):
    frame = totals(rows).assign(events=[0, 1, 2, 3, 2, 1, 2, 3, 2, 1], others=[0, 3, 2, 3, 2, 1, 4, 3, 2, 1])
    with pytest.raises(ct.DataError, match="'events' is 0 out of 0 in row 1"):
        gee(frame, "cbind(events, others) ~ arm")
    with pytest.raises(ct.PlanError, match="binomial"):
        gee(frame, "cbind(events, others) ~ arm", "poisson")


def test_an_outcome_that_is_no_zero_or_one_is_named(rows):
    rows.loc[11, "event"] = 2
    with pytest.raises(ct.DataError, match="'event' is neither 0 nor 1 in row 12"):
        gee(rows)


@pytest.mark.parametrize(
    ("value", "match"), [(0, "'times' is no weight in rows 1"), (1.5, "'times' is no number of rows")]
)
def test_weights_are_whole_and_positive(rows, value, match):
    with pytest.raises(ct.DataError, match=match):
        gee(rows.assign(times=value), weights="times")


def test_missing_rows_are_counted_and_nothing_else_changes(rows):
    rows = rows.astype({"event": float})
    rows.loc[[2, 9], "event"] = np.nan
    rows.loc[20, "team"] = None
    fit = gee(rows)
    assert fit.notes[0] == "3 of 60 rows left out, with no value of event (2), team (1)"
    left = rows.drop(index=[2, 9, 20])
    np.testing.assert_allclose(fit.estimate, gee(left).estimate, rtol=1e-9)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"family": "gamma"}, "family 'gamma' is unknown; choose from gaussian"),
        ({"link": "probit"}, "no link 'probit'; choose from logit, log, identity"),
        ({"correlation": "toeplitz"}, "correlation 'toeplitz' is unknown"),
        ({"correction": "hc3"}, "correction 'hc3' is unknown; choose from none, cr2"),
        ({"ddf": "kenward-roger"}, "ddf 'kenward-roger' is unknown"),
        ({"correction": "mbn", "ddf": "satterthwaite"}, "Satterthwaite"),
        ({"correlation": "autoregressive"}, "needs time="),
        ({"correlation": "nested"}, "needs subcluster="),
        ({"time": "visit"}, "takes no time"),
        ({"formula": "event ~ arm + (1 | team)"}, "random term"),
    ],
)
def test_wrong_options_list_the_right_ones(rows, options, match):
    with pytest.raises(ct.PlanError, match=match):
        gee(rows, **options)


def test_a_family_that_is_not_for_counts_is_refused(rows):
    with pytest.raises(ct.PlanError, match="choose from poisson, negative_binomial"):
        ct.count_regression("days ~ arm", totals(rows), cluster="team", family="gaussian")


def test_two_rows_at_a_time_have_no_autoregression(rows):
    with pytest.raises(ct.DesignError, match="team t0 has more than one row at a time"):
        gee(rows.assign(visit=1), correlation="autoregressive", time="visit")


def test_a_single_cluster_is_refused(rows):
    with pytest.raises(ct.DesignError, match="at least two"):
        gee(rows[rows["team"] == "t1"], "event ~ age")


def test_outcomes_that_are_fitted_exactly_are_refused(rows):
    with pytest.raises(ct.FitError, match="exactly"):
        ct.cluster_robust("score ~ age", rows.assign(score=2 * rows["age"] + 1), cluster="team")


def test_columns_that_depend_on_others_are_noted(rows):
    fit = gee(rows.assign(again=rows["age"] * 2), "event ~ age + again + arm")
    assert fit.terms == ("(Intercept)", "age", "arm[T.intervention]")
    assert any("no coefficient for again" in note for note in fit.notes)


def test_what_one_cluster_determines_has_no_standard_error(rows):
    fit = ct.cluster_robust("score ~ age + team", rows, cluster="team", correction="cr3")
    table = fit.tidy().set_index("term")
    assert np.isfinite(table.loc["age"]).all()
    assert table.drop(index="age")["std_error"].isna().all()
    assert np.isnan(fit.test("team[T.t1], age")["p_value"].iloc[0])
    assert any("one team alone determines" in note for note in fit.notes)


def test_neither_the_package_nor_a_regression_loads_statsmodels():
    code = (
        "import sys, core_trial as ct, pandas as pd\n"
        "d = pd.DataFrame({'team': [1, 1, 2, 2, 3, 3], 'x': [1, 2, 3, 1, 2, 4], 'y': [2, 1, 3, 2, 5, 4]})\n"
        "ct.cluster_robust('y ~ x', d, cluster='team').tidy(); ct.gee; ct.count_regression\n"
        "assert not {'statsmodels', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_few_degrees_of_freedom_are_warned_of_once(rows):
    few = rows[rows["team"].isin(["t0", "t1", "t2", "t3"])]
    with pytest.warns(ct.TrialWarning, match=r"few degrees of freedom \(arm\[T.intervention\] 2") as caught:
        fit = ct.cluster_robust("score ~ arm", few, cluster="team")
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert any("depend on normal means" in note for note in fit.notes)
    with pytest.warns(ct.TrialWarning, match="intervention\\] 2, age 2") as caught:
        gee(few, "score ~ arm + age", "gaussian")
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_a_correlation_that_cannot_be_is_taken_as_none_and_said():
    """Pairs of opposite outcomes, and one large cluster whose outcomes cannot all be so correlated."""
    team = np.concatenate([np.repeat(np.arange(20), 2), np.full(12, 20)])
    y = np.concatenate([np.tile([0, 1], 20), np.tile([0, 1], 6)])
    frame = pd.DataFrame({"team": team, "x": np.arange(52) % 5, "y": y})
    fit, independent = gee(frame, "y ~ x"), gee(frame, "y ~ x", correlation="independence")
    assert "which an exchangeable correlation of up to 12 rows cannot follow" in fit.notes[-1]
    np.testing.assert_array_equal(fit.covariance, independent.covariance)
    assert independent.correlations()["estimate"].iloc[0] < 0
    assert not independent.notes


def test_an_exposure_column_twice_is_named(rows):
    totals = rows.groupby("team", as_index=False).agg(
        arm=("arm", "first"), days=("days", "sum"), years=("years", "sum")
    )
    with pytest.raises(ct.DataError, match="more than one column 'years'"):
        ct.count_regression(
            "days ~ arm", pd.concat([totals, totals[["years"]]], axis=1), cluster="team", exposure="years"
        )


def test_a_missing_cluster_is_left_out_and_is_no_repeat(rows):
    totals = rows.groupby("team", as_index=False).agg(
        arm=("arm", "first"), days=("days", "sum"), years=("years", "sum")
    )
    totals.loc[[0, 1], "team"] = None
    fit = ct.count_regression("days ~ arm", totals, cluster="team", exposure="years")
    assert fit.notes[0] == "2 of 10 rows left out, with no value of team (2)"


def test_weights_of_arrow_count_rows(rows):
    weights = pd.Series([1, 2, 3] * 20)
    fits = [gee(rows.assign(n=weights.astype(dtype)), weights="n") for dtype in ("int64", "Int64", "int64[pyarrow]")]
    for fit in fits[1:]:
        np.testing.assert_array_equal(fit.estimate, fits[0].estimate)


@pytest.mark.parametrize("teams", [["t0", "t1"], ["t0", "t1", "t3"]])
def test_an_arm_of_one_cluster_has_no_standard_error_and_a_note(rows, teams):
    fit = ct.cluster_robust("score ~ arm", rows[rows["team"].isin(teams)], cluster="team")
    assert any("one team alone determines it" in note for note in fit.notes)
    assert fit.tidy()[["std_error", "df", "p_value"]].isna().all(axis=None)


def test_an_overflow_is_no_solution():
    """Unequal clusters whose rows are less alike than by chance: statsmodels calls coefficients of -1293 converged."""
    size = [10, 6, 49, 2, 15, 24, 9, 10, 3, 33, 37, 17, 20, 11, 5, 10, 12, 2, 26, 68, 30, 35, 9, 50, 4]
    events = [3, 2, 14, 1, 7, 7, 3, 3, 1, 6, 10, 5, 6, 3, 2, 3, 2, 1, 6, 16, 8, 7, 4, 16, 2]
    arm = np.repeat([1, 0, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 1, 0, 0], size)
    well = np.concatenate([np.arange(n) < k for n, k in zip(size, events, strict=True)]).astype(int)
    people = pd.DataFrame({"team": np.repeat(np.arange(25), size), "arm": arm, "well": well})
    fit = ct.gee("well ~ arm", people, cluster="team", family="binomial")
    assert any("a working correlation of 0 is used" in note for note in fit.notes)
    independent = ct.gee("well ~ arm", people, cluster="team", family="binomial", correlation="independence")
    np.testing.assert_allclose(fit.estimate, independent.estimate, rtol=1e-6)
