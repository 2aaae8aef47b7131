"""The test of informative cluster size against fits of both averages, refits, and its own distribution."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core_trial as ct
from core_trial.errors import DataError, DesignError, FitError, PlanError

ROLES = {"cluster": "team", "arm": "arm"}
PROPORTION = ROLES | {"kind": "proportion", "denominator": "people"}
RATE = ROLES | {"kind": "rate", "person_time": "years"}


def teams(seed=1, clusters=25, slope=0.0):
    """A row a cluster; `slope` is what the effect of the arm gains with each person more."""
    rng = np.random.default_rng(seed)
    people = 4 + rng.negative_binomial(2, 0.1, clusters)
    arm = (np.arange(clusters) % 5 < 3).astype(int)
    risk = np.clip(rng.beta(4, 8, clusters) + arm * slope * (people - 20), 0.02, 0.98)
    years = people * rng.uniform(0.8, 1.2, clusters)
    return pd.DataFrame(
        {
            "team": np.arange(clusters),
            "arm": arm,
            "people": people,
            "events": rng.binomial(people, risk),
            "years": years,
            "admissions": rng.poisson(years * risk),
        }
    )


def test_it_is_the_difference_of_the_fits_of_both_averages():
    rows = teams(2)
    rows["others"] = rows["people"] - rows["events"]
    test = ct.informative_size("events", rows, **PROPORTION)
    participant = ct.marginal_effect(
        ct.cluster_robust("cbind(events, others) ~ arm", rows, cluster="team", family="binomial"), "arm"
    )
    cluster = ct.cluster_level("events", rows, **PROPORTION)
    assert test.estimate[0] == pytest.approx(participant.estimate[0] - cluster.estimate[0])
    found = test.glance().loc[0]
    assert found["participant_average"] == pytest.approx(participant.estimate[0])
    assert found["cluster_average"] == pytest.approx(cluster.estimate[0])


@pytest.mark.parametrize(("outcome", "options"), [("events", PROPORTION), ("admissions", RATE)])
def test_variances_leave_out_clusters_one_at_a_time(outcome, options):
    rows = teams(3)
    test = ct.informative_size(outcome, rows, **options)
    without = np.array([ct.informative_size(outcome, rows.drop(i), **options).estimate for i in range(25)])
    np.testing.assert_allclose(test.covariance, 24 / 25 * 24 * np.cov(without.T), rtol=1e-10)
    assert test.tidy()["df"].tolist() == [23, 23]


def test_rows_of_individuals_say_what_their_totals_say():
    rows = teams(4)
    each = rows.loc[rows.index.repeat(rows["people"])]
    each = each.assign(events=(each.groupby("team").cumcount() < each["events"]).astype(int))
    first = ct.informative_size("events", rows, **PROPORTION)
    for kind in ("proportion", "mean"):
        second = ct.informative_size("events", each, **ROLES, kind=kind)
        np.testing.assert_allclose(second.estimate, first.estimate, atol=1e-12)
        np.testing.assert_allclose(second.covariance, first.covariance, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 5000), st.randoms())
def test_relabelled_arms_flip_the_effect_and_leave_the_outcome(seed, random):
    rows = teams(seed)
    order = list(range(len(rows)))
    random.shuffle(order)
    other = rows.assign(arm=1 - rows["arm"]).iloc[order]
    first, second = (ct.informative_size("events", d, **PROPORTION) for d in (rows, other))
    np.testing.assert_allclose(second.estimate, first.estimate * [-1, 1], atol=1e-12)
    np.testing.assert_allclose(second.covariance, first.covariance * [[1, -1], [-1, 1]], atol=1e-12)


def test_it_keeps_its_size_and_sees_informative_clusters():
    def rejected(slope):
        tests = (ct.informative_size("events", teams(seed, slope=slope), **PROPORTION) for seed in range(60))
        return np.mean([test.tidy().loc[0, "p_value"] < 0.05 for test in tests])

    null, power = rejected(0.0), rejected(0.02)
    assert null <= 0.12
    assert power > 0.3


def test_both_terms_together():
    test = ct.informative_size("admissions", teams(5), **RATE)
    together = test.test("effect, outcome").loc[0]
    wald = test.estimate @ np.linalg.solve(test.covariance, test.estimate) / 2
    assert together["statistic"] == pytest.approx(wald)
    assert together["df"] == 23
    assert test.measure == "participant-average less cluster-average rate ratio"


ROWS = teams(6)
BAD = {
    "measure": ("events", ROWS, PROPORTION | {"measure": "odds ratio"}, PlanError, "'risk difference', 'risk ratio'"),
    "column": ("event", ROWS, PROPORTION, PlanError, "did you mean 'events'"),
    "time": ("admissions", ROWS.assign(years=0), RATE, DataError, "'years' is zero or negative"),
    "equal sizes": ("events", ROWS.assign(people=60), PROPORTION, FitError, "all clusters have the same size"),
    "rows are clusters": ("people", ROWS, ROLES, FitError, "all clusters have the same size"),
    "single cluster": ("events", ROWS.head(4).iloc[[0, 1, 3]], PROPORTION, DesignError, "a single cluster"),
    "all in one": (
        "admissions", ROWS.assign(admissions=np.where(ROWS["team"].isin([0, 3, 4]), 9, 0)), RATE, FitError,
        "a single cluster has all events of the intervention arm"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    outcome, data, options, error, message = BAD[case]
    with pytest.raises(error, match=message):
        ct.informative_size(outcome, data, **options)
