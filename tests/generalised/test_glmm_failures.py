"""What `ct.glmm` refuses or notes: separation, groups without events, wrong counts, exposures and options."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import core_trial as ct

COUNT = "count ~ arm + offset(log(people)) + (1 | team)"


def with_value(visits: pd.DataFrame, column: str, row: int, value: float) -> pd.DataFrame:
    changed = visits.astype({column: float})
    changed.loc[row, column] = value
    return changed


@pytest.mark.parametrize(
    ("formula", "family", "column"),
    [("yes ~ arm + (1 | team)", "binomial", "yes"), (COUNT, "poisson", "count"), (COUNT, "negative_binomial", "count")],
)
def test_an_arm_without_events_is_named(visits, formula, family, column):
    none = visits.assign(**{column: visits[column].where(visits["arm"] == "control", 0)})
    with pytest.raises(
        ct.FitError,
        match=r"quasi-complete separation by .arm\[T.intervention\].*: no events in the 60 rows where it is 1",
    ):
        ct.glmm(formula, none, family=family)


def test_complete_separation_names_the_column(visits):
    told = visits.assign(told=(visits["people"] > 200).astype(int))
    with pytest.raises(ct.FitError, match=r"^complete separation by 'people': it tells the outcome of 100 rows"):
        ct.glmm("told ~ people + (1 | team)", told, family="binomial")


def test_rare_events_are_no_separation(visits):
    rare = visits.assign(count=(np.arange(100) % 9 == 0).astype(int), people=visits["people"] * 100_000)
    with pytest.warns(ct.TrialWarning, match="a variance of zero"):
        fit = ct.glmm(COUNT, rare, family="poisson")
    assert fit.estimate[0] < -15


def test_clusters_without_events_are_noted(visits):
    none = visits.assign(count=visits["count"].where(visits["team"] != "T03", 0))
    fit = ct.glmm(COUNT, none, family="poisson")
    assert "no events in team 'T03'" in fit.notes
    assert fit.ranef().set_index("level").loc["T03", "mode"] < -1


def test_clusters_of_all_or_no_events_are_refused(visits):
    constant = visits.assign(yes=visits.groupby("team").ngroup() % 2)
    with pytest.raises(ct.FitError, match="every team has events only, or none"):
        ct.glmm("yes ~ arm + (1 | team)", constant, family="binomial")


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("people", 0.0, "column 'people' is an exposure of zero or less in row 3"),
        ("people", -5.0, "column 'people' is an exposure of zero or less in row 3"),
        ("count", 2.5, "column 'count' is not a whole number in row 3"),
        ("count", -1.0, "column 'count' is negative in row 3"),
    ],
)
def test_wrong_values_are_named_by_row(visits, column, value, words):
    with pytest.raises(ct.DataError, match=words) as error:
        ct.glmm(COUNT, with_value(visits, column, 2, value), family="poisson")
    assert error.value.failures["row"].tolist() == [3]


def test_rows_left_out_do_not_shift_the_numbers_of_rows(visits):
    gaps = with_value(with_value(visits, "count", 0, np.nan), "count", 4, 0.5)
    with pytest.raises(ct.DataError, match="in row 5"):
        ct.glmm(COUNT, gaps, family="poisson")


def test_an_exposure_in_place_of_its_logarithm_overflows(visits):
    with pytest.raises(ct.DataError, match=r"write offset\(log\(exposure\)\)"):
        ct.glmm(COUNT.replace("log(people)", "people"), visits, family="poisson")


def test_proportions_of_no_trials_are_named(visits):
    empty = visits.assign(admitted=visits["readmitted"].where(visits["team"] == "T01", visits["admitted"]))
    empty.loc[4, ["readmitted", "admitted"]] = 0
    with pytest.raises(ct.DataError, match="is out of no trials in row 5: the proportion 0/0"):
        ct.glmm("cbind(readmitted, admitted - readmitted) ~ arm + (1 | team)", empty, family="binomial")


@pytest.mark.parametrize(
    ("formula", "options", "error", "words"),
    [
        ("people ~ arm + (1 | team)", {"family": "binomial"}, ct.DataError, "is not between 0 and 1"),
        ("I(yes / 2) ~ arm + (1 | team)", {"family": "binomial"}, ct.DataError, "proportion of unknown trials"),
        ("yes ~ arm", {"family": "binomial"}, ct.PlanError, "no random term"),
        ("yes ~ arm + (1 | team)", {"family": "binomial", "n_agq": 0}, ct.PlanError, "from 1"),
        ("yes ~ arm + (1 | team)", {"family": "binomial", "ddf": "kr"}, ct.PlanError, "choose from between-within"),
        ("yes ~ arm + (1 | team)", {"family": "binomial", "covariance": "x"}, ct.PlanError, "choose from model"),
        ("yes ~ arm + (1 | team) + (1 | period)", {"family": "binomial", "n_agq": 3}, ct.PlanError, "one grouping"),
        ("cbind(yes, count) ~ arm + (1 | team)", {"family": "poisson"}, ct.PlanError, "is for proportions"),
        ("cbind(yes) ~ arm + (1 | team)", {"family": "binomial"}, ct.PlanError, "two columns of counts"),
    ],
)
def test_wrong_models_say_what_to_do(visits, formula, options, error, words):
    with pytest.raises(error, match=words):
        ct.glmm(formula, visits, **options)


def test_a_variance_of_zero_is_a_fit_with_a_warning(visits):
    level = visits.assign(count=np.random.default_rng(5).binomial(40, 0.5, 100))
    with pytest.warns(ct.TrialWarning, match="a variance of zero"):
        fit = ct.glmm("count ~ arm + (1 | team)", level, family="poisson")
    assert bool(fit.glance()["singular"][0])
    assert np.isfinite(fit.tidy()["std_error"]).all()


def test_linear_models_refuse_offsets(visits):
    with pytest.raises(ct.PlanError, match="for generalised models"):
        ct.lmm(COUNT, visits)


def test_two_rows_leave_no_degrees_of_freedom(visits):
    two = visits.groupby("arm", as_index=False).first().assign(team=["a", "b"])
    with pytest.raises(ct.DesignError, match="as many coefficients as rows"):
        ct.glmm("count ~ arm + (1 | team)", two, family="poisson")


def test_an_exposure_column_twice_is_named(visits):
    twice = pd.concat([visits.assign(years=2.0), pd.Series(2.0, visits.index, name="years")], axis=1)
    with pytest.raises(ct.DataError, match="more than one column 'years'"):
        ct.glmm("count ~ arm + offset(log(years)) + (1 | team)", twice, family="poisson")


@pytest.mark.parametrize("data", [None, {"team": [1]}, "visits.csv"])
def test_what_is_no_data_frame(data):
    for formula in ("count ~ arm + (1 | team)", "visits ~ arm + offset(log(years)) + (1 | team)"):
        with pytest.raises(ct.PlanError, match="no data frame"):
            ct.glmm(formula, data, family="poisson")
