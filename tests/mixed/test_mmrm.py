"""The mixed model for repeated measures against R, other routes to the same numbers, and its own identities."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import core_trial as ct
from core_trial.errors import DataError, DesignError, FitError, PlanError, TrialWarning

REFERENCE = Path(__file__).parents[1] / "reference" / "mmrm"
EXPECTED = json.loads((REFERENCE / "expected.json").read_text())
FORMULA = "score ~ base + arm * visit"
COHORT = {"subject": "patient", "visit": "visit"}
STRUCTURES = ("us", "toep", "toeph", "ar1", "ar1h", "cs", "csh", "ad", "adh", "sp_exp")


@pytest.fixture(scope="module")
def cohort():
    """Synthetic patients in teams over four visits, some missed (drawn by tests/reference/mmrm/fit.R)."""
    return pd.read_csv(REFERENCE / "data.csv")


def fitted(data, covariance="us", formula=FORMULA, **options):
    visit = "month" if covariance == "sp_exp" else "visit"
    return ct.mmrm(formula, data, **{**COHORT, "visit": visit, "covariance": covariance, **options})


def loglik(fit):
    return fit.glance()["loglik"].iloc[0]


def row(fit, term="arm[T.intervention]"):
    return fit.tidy().set_index("term").loc[term]


def _five(rows):
    """Two patients of one arm and three of the other."""
    arms = rows.groupby("arm")["patient"].unique()
    return [*arms["control"][:2], *arms["intervention"][:3]]


def balanced(seed=1, subjects=20, visits=4):
    """Complete data of two arms."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(subjects, visits)).cumsum(axis=1) + np.arange(subjects)[:, None] % 2
    frame = pd.DataFrame(y, columns=[f"v{i}" for i in range(visits)]).rename_axis("person").reset_index()
    long = frame.melt("person", var_name="visit", value_name="y")
    return long.assign(arm=np.where(long["person"] % 2, "b", "a"), time=long["visit"].str[1:].astype(float)), y


# -- Against R --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", EXPECTED["subjects"], ids=lambda case: f"{case['covariance']}-{case['reml']}")
def test_agrees_with_nlme(cohort, case):
    fit = fitted(cohort, case["covariance"], reml=case["reml"], ddf="satterthwaite")
    assert loglik(fit) == pytest.approx(case["loglik"], rel=1e-9)
    np.testing.assert_allclose(fit.estimate, case["estimate"], atol=2e-5 * np.abs(case["std_error"]).max())
    np.testing.assert_allclose(fit.residual_covariance(), case["matrix"], rtol=2e-4)
    ml = 1.0 if case["reml"] else np.sqrt(1 - len(fit.terms) / fit.summary["nobs"])  # gls multiplies by this
    np.testing.assert_allclose(fit.tidy()["std_error"], np.array(case["std_error"]) * ml, rtol=2e-5)


@pytest.mark.parametrize("case", EXPECTED["clusters"], ids=["reml", "ml"])
def test_agrees_with_nlme_where_subjects_are_in_clusters(cohort, case):
    fit = fitted(cohort, reml=case["reml"], ddf="satterthwaite", cluster="team")
    assert loglik(fit) == pytest.approx(case["loglik"], rel=1e-8)
    np.testing.assert_allclose(fit.estimate, case["estimate"], rtol=2e-4)
    assert fit.variance_components()["covariance"].iloc[0] == pytest.approx(case["cluster"], rel=2e-3)


@pytest.mark.parametrize(("ddf", "information"), [("kenward-roger", "expected"), ("satterthwaite", "observed")])
def test_agrees_with_lme4_where_effects_are_nested(cohort, ddf, information):
    """cs within subjects and an intercept of teams is `(1 | team) + (1 | patient)`: pbkrtest and lmerTest."""
    case = EXPECTED["nested"]
    fit = fitted(cohort, "cs", ddf=ddf, information=information, cluster="team")
    assert loglik(fit) == pytest.approx(case["loglik"], rel=1e-10)
    expected = case[ddf.replace("-", "_")]
    np.testing.assert_allclose(fit.tidy()["std_error"], expected["std_error"], rtol=1e-5)
    np.testing.assert_allclose(fit.tidy()["df"], expected["df"], rtol=1e-3 if ddf == "satterthwaite" else 1e-5)
    patient, team, residual = case["variances"]
    covariance = fit.residual_covariance().to_numpy()
    np.testing.assert_allclose(covariance, patient + residual * np.eye(4), rtol=1e-4)
    assert fit.result.cluster_variance == pytest.approx(team, rel=1e-4)


# -- Other routes to the same numbers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("ddf", ["kenward-roger", "satterthwaite"])
@pytest.mark.parametrize("information", ["expected", "observed"])
def test_compound_symmetry_is_a_random_intercept(cohort, ddf, information):
    mixed = ct.lmm(f"{FORMULA} + (1 | patient)", cohort, ddf=ddf, information=information)
    fit = fitted(cohort, "cs", ddf=ddf, information=information)
    assert loglik(fit) == pytest.approx(loglik(mixed), rel=1e-12)
    pd.testing.assert_frame_equal(fit.tidy(), mixed.tidy(), rtol=1e-6)


def test_compound_symmetry_may_be_negative():
    """Within pairs that add up to a constant, but for noise, no random intercept exists."""
    rng = np.random.default_rng(1)
    first = rng.normal(size=30)
    second = -first + 0.5 * rng.normal(size=30)
    data = pd.DataFrame({"id": np.tile(np.arange(30), 2), "t": np.repeat([0, 1], 30), "y": [*first, *second]})
    fit = ct.mmrm("y ~ 1", data, subject="id", visit="t", covariance="cs")
    assert fit.residual_covariance().iloc[0, 1] < 0
    sums = first + second
    assert row(fit, "(Intercept)")["std_error"] == pytest.approx(np.std(sums, ddof=1) / 2 / np.sqrt(30), rel=1e-3)


def test_complete_data_give_the_t_test_of_each_visit():
    """Unstructured with arm by visit: at each visit the means of the arms, with its own variance and its own df."""
    data, y = balanced()
    for visit in range(4):
        shifted = data.assign(visit=data["visit"].replace(f"v{visit}", "a first"))
        fit = ct.mmrm("y ~ arm * visit", shifted, subject="person", visit="visit")
        t = stats.ttest_ind(y[1::2, visit], y[::2, visit])
        found = row(fit, "arm[T.b]")
        assert found["statistic"] == pytest.approx(t.statistic, rel=1e-7)
        assert found["df"] == pytest.approx(18, rel=1e-6)
        assert found["p_value"] == pytest.approx(t.pvalue, rel=1e-6)


@pytest.mark.parametrize("information", ["expected", "observed"])
def test_complete_data_give_hotelling(information):
    """All visits together: Kenward-Roger's scaled F is that of Hotelling's T^2, with n - 1 - visits degrees."""
    data, y = balanced(seed=2)
    fit = ct.mmrm("y ~ arm * visit", data, subject="person", visit="visit", information=information)
    difference = y[1::2].mean(axis=0) - y[::2].mean(axis=0)
    within = (9 * np.cov(y[1::2].T) + 9 * np.cov(y[::2].T)) / 18
    t2 = difference @ np.linalg.solve(within * (2 / 10), difference)
    rows = np.zeros((4, 8))
    rows[:, fit.terms.index("arm[T.b]")] = 1
    for i in (1, 2, 3):
        rows[i, fit.terms.index(f"arm[T.b]:visit[T.v{i}]")] = 1
    found = fit.test(rows).iloc[0]
    assert found["statistic"] == pytest.approx(t2 * (18 - 4 + 1) / (18 * 4), rel=1e-6)
    assert found["df"] == pytest.approx(18 - 4 + 1, rel=1e-6)


def test_two_visits_give_the_paired_t_test():
    """The standard error is the exact one, which the adjustment that depends on the parameterisation misses."""
    data, y = balanced(seed=3, visits=2)
    fit = ct.mmrm("y ~ visit", data, subject="person", visit="visit")
    t = stats.ttest_rel(y[:, 1], y[:, 0])
    found = row(fit, "visit[T.v1]")
    assert found["statistic"] == pytest.approx(t.statistic, rel=1e-8)
    assert found["df"] == pytest.approx(19, rel=1e-8)
    assert found["std_error"] == pytest.approx(np.std(y[:, 1] - y[:, 0], ddof=1) / np.sqrt(20), rel=1e-8)


def test_groups_that_share_nothing_are_fits_of_their_own(cohort):
    formula = "score ~ arm * (base + visit)"
    both = fitted(cohort, formula=formula, group="arm", reml=False, ddf="normal")
    apart = {
        arm: fitted(rows, formula="score ~ base + visit", reml=False, ddf="normal")
        for arm, rows in cohort.groupby("arm")
    }
    assert loglik(both) == pytest.approx(sum(map(loglik, apart.values())), rel=1e-10)
    for arm, covariance in both.residual_covariance().items():
        np.testing.assert_allclose(covariance, apart[arm].residual_covariance(), rtol=1e-5)


# -- Identities -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"cluster": "team"}, {"group": "arm"}], ids=["subjects", "clusters", "groups"])
def test_a_structure_fits_no_worse_than_its_special_cases(cohort, options):
    found = {name: loglik(fitted(cohort, name, ddf="normal", **options)) for name in STRUCTURES}
    nested = [
        "cs csh",
        "cs toep",
        "ar1 toep",
        "ar1 ad",
        "ar1 ar1h",
        "toep toeph",
        "csh toeph",
        "ar1h toeph",
        "ar1h adh",
    ]
    nested += ["ad adh", "toeph us", "adh us", "csh us"]
    for special, general in map(str.split, nested):
        assert found[special] < found[general] + 1e-9


def test_structures_that_are_the_same_at_two_visits(cohort):
    two = cohort[cohort["visit"].isin(["m03", "m12"])]
    one_variance = [fitted(two, name) for name in ("cs", "ar1", "toep", "ad", "sp_exp")]
    two_variances = [fitted(two, name) for name in ("us", "csh", "ar1h", "toeph", "adh")]
    for first, *others in (one_variance, two_variances):
        for other in others:
            pd.testing.assert_frame_equal(first.tidy(), other.tidy(), rtol=1e-6)


def test_distances_in_time_are_lags_where_visits_are_equally_spaced():
    data, _ = balanced(seed=4)
    lags = ct.mmrm("y ~ arm", data, subject="person", visit="visit", covariance="ar1")
    for unit in (1, 30.4, 1e-6):
        times = data.assign(time=5 + unit * data["time"])
        distances = ct.mmrm("y ~ arm", times, subject="person", visit="time", covariance="sp_exp")
        pd.testing.assert_frame_equal(distances.tidy(), lags.tidy(), rtol=1e-6)


def test_visits_at_times_of_their_own():
    """Each subject is seen at days that no other is seen at: as many patterns as subjects."""
    rng = np.random.default_rng(5)
    person = np.repeat(np.arange(50), 4)
    day = np.sort(rng.uniform(0, 365, (50, 4)), axis=1).ravel()
    y = rng.normal(size=50)[person] + 0.01 * day + 0.3 * rng.normal(size=200)
    fit = ct.mmrm("y ~ day", pd.DataFrame({"person": person, "day": day, "y": y}), subject="person", visit="day",
                  covariance="sp_exp")  # fmt: skip
    correlation = fit.residual_covariance() / fit.residual_covariance().iloc[0, 0]
    distance = np.abs(np.subtract.outer(np.sort(day), np.sort(day)))
    rate = -np.log(correlation.iloc[0, 1]) / distance[0, 1]
    np.testing.assert_allclose(correlation, np.exp(-rate * distance), rtol=1e-6)


@given(
    covariance=st.sampled_from(STRUCTURES),
    clustered=st.booleans(),
    seed=st.integers(0, 1000),
    names=st.permutations(range(90)),
)
@settings(max_examples=15, deadline=None)
def test_neither_names_nor_order_of_rows_matter(cohort, covariance, clustered, seed, names):
    options = {"cluster": "team"} if clustered else {}
    first = fitted(cohort, covariance, **options)
    patients = dict(zip(sorted(cohort["patient"].unique()), names, strict=True))
    again = cohort.assign(patient=cohort["patient"].map(patients)).sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(fitted(again, covariance, **options).tidy(), first.tidy(), rtol=1e-6)


def test_relabelled_visits_permute_the_covariance(cohort):
    order = ["m12", "m00", "m06", "m03"]
    columns = cohort.assign(visit=pd.Categorical(cohort["visit"], order))
    first, again = fitted(cohort).residual_covariance(), fitted(columns).residual_covariance()
    assert again.index.tolist() == order
    np.testing.assert_allclose(again, first.loc[order, order], rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("covariance", ["us", "ar1h", "cs"])
def test_units_do_not_matter(cohort, covariance, scale, offset):
    first = fitted(cohort, covariance, cluster="team").tidy()
    again = fitted(cohort.assign(score=scale * (cohort["score"] + offset)), covariance, cluster="team").tidy()
    np.testing.assert_allclose(again["std_error"], scale * first["std_error"], rtol=1e-6)
    np.testing.assert_allclose(again["df"], first["df"], rtol=1e-5)
    np.testing.assert_allclose(again["statistic"][1:], first["statistic"][1:], rtol=1e-5, atol=1e-8)


def test_visits_of_very_different_variance(cohort):
    sizes = np.array([1e-2, 1, 10, 1e2])
    size = cohort["visit"].map(dict(zip(["m00", "m03", "m06", "m12"], sizes, strict=True)))
    first = fitted(cohort, formula="score ~ visit")
    again = fitted(cohort.assign(score=cohort["score"] * size), formula="score ~ visit")
    ratio = again.residual_covariance() / first.residual_covariance()
    np.testing.assert_allclose(ratio, np.outer(sizes, sizes), rtol=1e-5)


def test_kenward_roger_needs_no_more_than_satterthwaite_in_large_samples(cohort):
    """With observed information and one contrast their degrees of freedom are the same."""
    np.testing.assert_allclose(fitted(cohort).tidy()["df"], fitted(cohort, ddf="satterthwaite").tidy()["df"], rtol=1e-9)


def test_degrees_of_freedom_by_level(cohort):
    """90 patients in 9 teams; base and arm are constant within patients, arm within teams; 6 columns vary by visit."""
    rows = cohort["score"].notna().sum()
    within, between = rows - 90 - 6, 90 - 3
    expected = [within, between, between, *[within] * 6]
    assert fitted(cohort, ddf="between-within").tidy()["df"].tolist() == expected
    expected = [within, 90 - 9 - 1, 9 - 2, *[within] * 6]
    assert fitted(cohort, ddf="between-within", cluster="team").tidy()["df"].tolist() == expected
    assert fitted(cohort, ddf="residual").tidy()["df"].tolist() == [rows - 9] * 9
    assert np.isinf(fitted(cohort, ddf="normal").tidy()["df"]).all()
    assert fitted(cohort, ddf="clusters", cluster="team").tidy()["df"].tolist() == [9 - 2] * 9


def test_methods_side_by_side(cohort):
    fit = fitted(cohort, cluster="team")
    table = fit.compare_ddf("arm[T.intervention]").set_index(["ddf", "information"])
    assert table.index[table["chosen"]].tolist() == [("kenward-roger", "observed")]
    assert table.loc[("kenward-roger", "observed"), "df"] == row(fit)["df"]
    assert table.loc[("between-within", ""), "df"] == 9 - 2
    assert "with clusters beside the visits there is no" in table.loc[("kenward-roger-2009", "expected"), "note"]
    alone = fitted(cohort, cluster="team", ddf="satterthwaite", information="expected")
    assert table.loc[("satterthwaite", "expected"), "p_value"] == row(alone)["p_value"]


# -- What the fit says ------------------------------------------------------------------------------------------------


def test_glance_and_method(cohort):
    fit = fitted(cohort, cluster="team")
    glance = fit.glance().iloc[0]
    assert (glance["nobs"], glance["n_subjects"], glance["n_clusters"]) == (len(cohort.dropna()), 90, 9)
    assert glance["aic"] == pytest.approx(-2 * glance["loglik"] + 2 * 11)
    assert glance["bic"] == pytest.approx(-2 * glance["loglik"] + np.log(9) * 11)
    assert fit.method == (
        "Mixed model for repeated measures fitted by restricted maximum likelihood to"
        f" {len(cohort.dropna())} rows of 90 subjects, with unstructured covariance of visit (4 visits) and random"
        " intercepts by team (9 levels); standard errors and degrees of freedom of Kenward and Roger (1997) with"
        " observed information, second derivatives of the covariance left out"
    )
    ml = fitted(cohort, reml=False, ddf="normal", group="arm").glance().iloc[0]
    assert ml["aic"] == pytest.approx(-2 * ml["loglik"] + 2 * (20 + 9))


def test_variance_components(cohort):
    fit = fitted(cohort, cluster="team", group="arm")
    table = fit.variance_components()
    assert table["group"].unique().tolist() == ["team", "Residual control", "Residual intervention"]
    assert len(table) == 1 + 2 * 10
    found = table.set_index(["group", "term", "other"])["covariance"]["Residual control", "m00", "m12"]
    assert found == pytest.approx(fit.residual_covariance()["control"].loc["m00", "m12"])


def test_marginal_means_are_those_of_complete_arms():
    data, y = balanced(seed=6)
    fit = ct.mmrm("y ~ arm * visit", data, subject="person", visit="visit")
    means = fit.marginal_means(["arm", "visit"]).set_index(["arm", "visit"])
    assert means.loc[("b", "v2"), "estimate"] == pytest.approx(y[1::2, 2].mean())


def test_what_is_left_out_is_said(cohort):
    data = cohort.copy()
    data.loc[data["patient"] == "P001", "score"] = np.nan
    data.loc[data["visit"].eq("m12") & data["patient"].ne("P005"), "score"] = np.nan
    data.loc[data["patient"].eq("P005") & data["visit"].eq("m12"), "score"] = 30.0
    notes = fitted(data, "ar1", formula="score ~ base + arm").notes
    missing = data["score"].isna().sum()
    assert notes == (
        f"{missing} of 360 rows left out, with no value of score ({missing})",
        "1 subject of patient left out, without a complete row",
        "observed for one subject only: visit 'm12'",
    )
    without = data[~(data["patient"].eq("P005") & data["visit"].eq("m12"))]
    fit = fitted(without.assign(copy=without["base"]), formula="score ~ base + copy + arm * visit")
    assert "1 visit of visit left out, without a complete row" in fit.notes
    assert "no coefficient for copy: a linear combination of the columns before it" in fit.notes
    assert fit.residual_covariance().shape == (3, 3)


def test_visits_that_no_subject_shares(cohort):
    data = cohort[(cohort["visit"] != "m12") | (cohort["patient"] < "P045")]
    data = data[(data["visit"] != "m00") | (data["patient"] >= "P045")]
    fit = fitted(data)
    assert np.argwhere(np.isnan(fit.residual_covariance().to_numpy())).tolist() == [[0, 3], [3, 0]]
    assert any("at which no subject was seen: m00 and m12" in note for note in fit.notes)
    assert np.isfinite(fit.tidy().drop(columns="term").to_numpy()).all()


def test_a_variance_of_zero_between_clusters(cohort):
    teams = cohort.assign(team=cohort["patient"].str[-1])
    with pytest.warns(TrialWarning, match="a variance of zero is estimated for the random effects of team"):
        fit = fitted(teams, cluster="team")
    assert fit.glance()["singular"].iloc[0]
    assert fit.result.cluster_variance == pytest.approx(0, abs=1e-6)
    pd.testing.assert_frame_equal(fit.tidy(), fitted(teams).tidy(), rtol=1e-4)


def test_a_correlation_of_zero_over_time():
    """Where it would be negative, and the structure has none."""
    rng = np.random.default_rng(7)
    first = rng.normal(size=40)
    second = rng.normal(size=40) - 0.5 * first
    data = pd.DataFrame({"id": np.tile(np.arange(40), 2), "day": np.repeat([0.0, 30.0], 40), "y": [*first, *second]})
    with pytest.warns(TrialWarning, match="a correlation of zero is estimated between any two of day"):
        fit = ct.mmrm("y ~ day", data, subject="id", visit="day", covariance="sp_exp")
    assert fit.glance()["singular"].iloc[0]
    assert row(fit, "day")["df"] == pytest.approx(78)
    assert row(fit, "day")["p_value"] == pytest.approx(stats.ttest_ind(first, second).pvalue, rel=1e-6)


# -- What cannot be analysed ------------------------------------------------------------------------------------------


def test_repeated_rows_are_named(cohort):
    data = pd.concat([cohort.dropna(), cohort.dropna().iloc[[3, 8]]], ignore_index=True)
    names = "', '".join(sorted(data["patient"].iloc[[3, 8]]))
    with pytest.raises(DataError, match=f"'visit' has a value more than once for patient '{names}'") as caught:
        fitted(data)
    assert caught.value.failures["row"].tolist() == [4, 9, len(data) - 1, len(data)]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"formula": "score ~ arm + (1 | team)"}, PlanError, "bar term"),
        ({"covariance": "arma"}, PlanError, "choose from us, toep"),
        ({"ddf": "kr"}, PlanError, "choose from kenward-roger"),
        ({"ddf": "kenward-roger-2009", "cluster": "team"}, PlanError, "there is no kenward-roger-2009"),
        ({"information": "average"}, PlanError, "choose from expected, observed"),
        ({"reml": False}, PlanError, "needs REML"),
        ({"subject": "person"}, PlanError, "no column 'person'"),
        ({"cluster": "patient"}, PlanError, "both subject and cluster"),
        ({"group": "visit"}, PlanError, "both visit and group"),
        ({"visit": "visit", "covariance": "sp_exp"}, PlanError, "needs times of visits"),
        ({"cluster": "visit", "visit": "month"}, DesignError, "'visit' varies within patient 'P001'"),
        ({"formula": "arm ~ visit"}, PlanError, "not a number"),
    ],
)
def test_options_that_are_refused(cohort, options, error, message):
    with pytest.raises(error, match=message):
        ct.mmrm(**{"formula": FORMULA, "data": cohort, **COHORT, **options})


def test_data_that_are_refused(cohort):
    with pytest.raises(DesignError, match="'visit' has only the level 'm00'"):
        fitted(cohort[cohort["visit"] == "m00"], formula="score ~ arm")
    with pytest.raises(DesignError, match="'team' has only the level 'T01'"):
        fitted(cohort[cohort["team"] == "T01"], formula="score ~ base", cluster="team")
    with pytest.raises(DataError, match="'score' is infinite in row"):
        fitted(cohort.assign(score=cohort["score"].where(cohort["patient"] != "P003", np.inf)))
    with pytest.raises(DesignError, match="does not vary about the fixed effects at visit m12 of arm control"):
        fitted(cohort[(cohort["arm"] != "control") | (cohort["visit"] != "m12")], "csh", group="arm")


def test_too_few_subjects_for_the_covariance(cohort):
    complete = cohort.groupby("patient")["score"].transform("count") == 4
    few = cohort[complete & cohort["patient"].isin(_five(cohort[complete]))]
    with pytest.raises(FitError, match="singular at m00, m03, m06, m12, at all of which 5 subjects were seen"):
        fitted(few, formula="score ~ arm * visit")
