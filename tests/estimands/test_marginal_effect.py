"""Standardised effects against R, explicit refits, and what they must equal where models are simple."""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

import core_trial as ct
from core_trial.engine.generalised.links import LINKS
from core_trial.errors import DesignError, FitError, PlanError, TrialWarning
from core_trial.estimands.integrals import expected_square, integrated
from core_trial.estimands.standardise import Question, standardise

REFERENCE = Path(__file__).parents[1] / "reference" / "marginal"


def people(seed=1, clusters=14, size=8):
    """Individuals of two arms in clusters unequal in size: a score, a relapse, visits in so many years."""
    rng = np.random.default_rng(seed)
    sizes = 3 + rng.poisson(size, clusters)
    team = np.repeat(np.arange(clusters), sizes)
    arm, age, shift = team % 2, rng.normal(0, 1, len(team)), rng.normal(0, 0.5, clusters)[team]
    years = rng.uniform(0.2, 2, len(team))
    return pd.DataFrame(
        {
            "team": team,
            "arm": arm,
            "age": age,
            "years": years,
            "score": 10 + arm + age + shift + rng.normal(0, 1, len(team)),
            "relapse": rng.binomial(1, special.expit(-0.5 * arm + 0.5 * age + shift)),
            "visits": rng.poisson(years * np.exp(1 - 0.3 * arm + 0.3 * age + shift)),
        }
    )


def relapse(rows, formula="relapse ~ arm + age", ddf="clusters"):
    return ct.cluster_robust(formula, rows, cluster="team", family="binomial", ddf=ddf)


def visits(rows, formula="visits ~ arm + age + offset(log(years))"):
    return ct.cluster_robust(formula, rows, cluster="team", family="poisson", ddf="clusters")


def score(rows):
    return ct.lmm("score ~ arm + age + (1 | team)", rows)


def only(fit, **options):
    return ct.marginal_effect(fit, "arm", **options).tidy().iloc[0]


# -- Against R --------------------------------------------------------------------------------------------------------

EXPECTED = json.loads((REFERENCE / "expected.json").read_text())


@pytest.mark.parametrize("case", EXPECTED["marginal"], ids=lambda case: f"{case['average']} {case['measure']}")
def test_agrees_with_r(case):
    outcome, offset = case["outcome"], "" if case["outcome"] == "relapse" else " + offset(log(years))"

    def analysis(rows):
        family = "poisson" if offset else "binomial"
        formula = f"{outcome} ~ arm * age{offset}"
        return ct.cluster_robust(formula, rows, cluster="team", family=family, correction="cr0", ddf="clusters")

    data = pd.read_csv(REFERENCE / "data.csv")
    options = {"measure": case["measure"], "average": case["average"]}
    delta = only(analysis(data), **options)
    jackknife = only(analysis(data), **options, refit=analysis)
    assert delta["estimate"] == jackknife["estimate"] == pytest.approx(case["estimate"], rel=1e-8)
    assert delta["std_error"] == pytest.approx(case["delta"], rel=1e-6)
    assert jackknife["std_error"] == pytest.approx(case["jackknife"], rel=1e-8)
    assert delta["df"] == jackknife["df"] == 18


def test_agrees_with_risks_over_the_random_effects_of_glmer():
    data = pd.read_csv(REFERENCE / "data.csv")
    fit = ct.glmm("relapse ~ arm * age + (1 | team)", data, family="binomial", n_agq=25)
    effect = ct.marginal_effect(fit, "arm")
    np.testing.assert_allclose(effect.means, EXPECTED["mixed"]["risks"], rtol=2e-5)


# -- Identities -------------------------------------------------------------------------------------------------------


def test_a_saturated_model_gives_the_difference_of_the_proportions_of_the_arms():
    rows = people(2)
    risk = rows.groupby("arm")["relapse"].mean()
    assert only(relapse(rows, "relapse ~ arm"))["estimate"] == pytest.approx(risk[1] - risk[0])
    by_cluster = rows.groupby(["arm", "team"])["relapse"].mean().groupby("arm").mean()
    options = {"average": "cluster", "augmented": True, "refit": lambda d: relapse(d, "relapse ~ arm")}
    assert only(relapse(rows, "relapse ~ arm"), **options)["estimate"] == pytest.approx(by_cluster[1] - by_cluster[0])


def test_rates_of_a_saturated_model_are_events_over_person_time():
    rows = people(3)
    total = rows.groupby("arm")[["visits", "years"]].sum()
    rate = total["visits"] / total["years"]
    fit = visits(rows, "visits ~ arm + offset(log(years))")
    assert only(fit, measure="rate difference")["estimate"] == pytest.approx(rate[1] - rate[0])
    assert only(fit)["estimate"] == pytest.approx(np.log(rate[1] / rate[0]))
    np.testing.assert_allclose(ct.marginal_effect(fit, "arm").arm_means()["estimate"], rate)


def test_of_linear_models_it_is_the_coefficient():
    rows = people(4)
    for fit in (score(rows), ct.gee("score ~ arm + age", rows, cluster="team", family="gaussian")):
        coefficient = fit.tidy().set_index("term").loc["arm"]
        for average in ("participant", "cluster"):
            np.testing.assert_allclose(only(fit, average=average).drop("term").astype(float), coefficient, rtol=1e-8)


def test_of_collapsible_links_it_is_the_coefficient():
    """Rate ratios of Poisson models, mixed too, and the odds ratio of a logistic model of the arm alone."""
    rows = people(5)
    mixed = ct.glmm("visits ~ arm + age + offset(log(years)) + (1 | team)", rows, family="poisson")
    for fit, measure in (
        (visits(rows), "rate ratio"),
        (mixed, "rate ratio"),
        (relapse(rows, "relapse ~ arm"), "odds ratio"),
    ):
        coefficient = fit.tidy().set_index("term").loc["arm"]
        np.testing.assert_allclose(only(fit, measure=measure).drop("term").astype(float), coefficient, rtol=1e-7)


def test_an_odds_ratio_over_random_effects_is_nearer_one():
    rows = people(6, clusters=30)
    fit = ct.glmm("relapse ~ arm + age + (1 | team)", rows, family="binomial")
    own = fit.tidy().set_index("term").loc["arm", "estimate"]
    marginal = only(fit, measure="odds ratio")["estimate"]
    assert 0.7 * abs(own) < abs(marginal) < abs(own)
    differences = [fit.predict(rows.assign(arm=arm), kind="marginal")["estimate"].mean() for arm in (0, 1)]
    assert only(fit)["estimate"] == pytest.approx(differences[1] - differences[0], rel=1e-8)


def test_the_delta_method_takes_the_slope_of_the_effect():
    rows = people(7, clusters=30)
    fit = relapse(rows, "relapse ~ arm * age", "satterthwaite")

    def log_ratio(beta):
        designs = [
            np.column_stack([np.ones(len(rows)), np.full(len(rows), a), rows["age"], a * rows["age"]]) for a in (0, 1)
        ]
        low, high = (special.expit(design @ beta).mean() for design in designs)
        return np.log(high / low)

    steps = 1e-6 * np.eye(4)
    gradient = np.array([(log_ratio(fit.estimate + s) - log_ratio(fit.estimate - s)) / 2e-6 for s in steps])
    effect = only(fit, measure="risk ratio")
    assert effect["std_error"] == pytest.approx(np.sqrt(gradient @ fit.covariance @ gradient), rel=1e-6)
    assert effect["df"] == pytest.approx(fit.degrees(gradient), rel=1e-5)


@pytest.mark.parametrize("augmented", [False, True])
def test_the_jackknife_leaves_out_clusters_one_at_a_time(augmented):
    rows = people(8)
    effect = ct.marginal_effect(
        relapse(rows), "arm", measure="risk ratio", average="cluster", augmented=augmented, refit=relapse
    )
    question = Question("arm", "cluster", None, {}, augmented)
    without = []
    for team in range(14):
        control, intervention = standardise(relapse(rows[rows["team"] != team]), question).means
        without.append(np.log(intervention / control))
    assert effect.covariance[0, 0] == pytest.approx(13 / 14 * np.sum((without - np.mean(without)) ** 2), rel=1e-9)
    assert effect.degrees(np.ones(1)) == 12


@pytest.mark.parametrize("average", ["participant", "cluster"])
def test_augmented_means_add_the_mean_residual_of_the_arm(average):
    rows = people(9)
    fit = relapse(rows)
    beta = dict(zip(fit.terms, fit.estimate, strict=True))
    weight = 1 / rows.groupby("team")["team"].transform("size") if average == "cluster" else np.ones(len(rows))
    expected = []
    for arm in (0, 1):
        mean = special.expit(beta["(Intercept)"] + beta["arm"] * arm + beta["age"] * rows["age"])
        own = rows["arm"] == arm
        residual = np.average((rows["relapse"] - mean)[own], weights=np.asarray(weight)[own])
        expected.append(np.average(mean, weights=weight) + residual)
    np.testing.assert_allclose(standardise(fit, Question("arm", average, None, {}, True)).means, expected)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 5000), st.sampled_from(["participant", "cluster"]), st.randoms())
def test_relabelled_arms_flip_the_sign_and_order_is_irrelevant(seed, average, random):
    rows = people(seed)
    order = list(range(len(rows)))
    random.shuffle(order)
    other = rows.assign(arm=1 - rows["arm"], team=50 - rows["team"]).iloc[order]
    for fit in (relapse, visits, score):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TrialWarning)  # of a variance at its boundary
            first, second = (only(fit(d), average=average) for d in (rows, other))
        assert second["estimate"] == pytest.approx(-first["estimate"], rel=1e-6, abs=1e-8)
        assert second["std_error"] == pytest.approx(first["std_error"], rel=1e-5)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 5000), st.floats(0.01, 100))
def test_the_unit_of_person_time_scales_rates_alone(seed, unit):
    rows = people(seed)
    other = rows.assign(years=unit * rows["years"])
    assert only(visits(other))["estimate"] == pytest.approx(only(visits(rows))["estimate"], rel=1e-7, abs=1e-9)
    first, second = (only(visits(d), measure="rate difference") for d in (rows, other))
    assert unit * second["estimate"] == pytest.approx(first["estimate"], rel=1e-7, abs=1e-9)


def test_words_for_arms_and_events_of_several_trials():
    rows = people(10)
    words = rows.assign(arm=rows["arm"].map({0: "control", 1: "intervention"}))
    category = words.assign(arm=words["arm"].astype("category"))
    first, *others = (only(relapse(d)) for d in (rows, words, category))
    assert [other["estimate"] for other in others] == [pytest.approx(first["estimate"])] * 2
    totals = rows.groupby(["team", "arm"], as_index=False).agg(events=("relapse", "sum"), n=("relapse", "size"))
    totals["others"] = totals["n"] - totals["events"]
    grouped = relapse(totals, "cbind(events, others) ~ arm")
    for average in ("participant", "cluster"):
        one, each = only(grouped, average=average), only(relapse(rows, "relapse ~ arm"), average=average)
        assert one["estimate"] == pytest.approx(each["estimate"], rel=1e-8)


def test_at_sets_other_variables():
    """Between whole numbers too, of a column that has none but these."""
    rows = people(11).assign(age=lambda d: (4 * d["age"]).round().astype(int))
    fit = relapse(rows, "relapse ~ arm * age")
    beta = dict(zip(fit.terms, fit.estimate, strict=True))
    risks = [
        special.expit(beta["(Intercept)"] + a * beta["arm"] + 2.5 * (beta["age"] + a * beta["arm:age"])) for a in (0, 1)
    ]
    np.testing.assert_allclose(ct.marginal_effect(fit, "arm", at={"age": 2.5}).means, risks)


def _moment(inverse, eta, variance, power):
    """E inverse(eta + u)^power."""
    spread = np.sqrt(variance)
    value = lambda z: inverse(eta + spread * z) ** power * stats.norm.pdf(z)  # noqa: E731
    return integrate.quad(value, -12, 12 + power * spread, limit=400, epsabs=0)[0]


@pytest.mark.parametrize("variance", [0.1, 1.0, 9.0, 20.0])
def test_integrals_over_random_effects(variance):
    eta = np.array([-6.0, -1.0, 0.0, 2.5])
    for name, inverse in (("logit", special.expit), ("log", np.exp)):
        mean, slope = integrated(LINKS[name], eta, np.full(4, variance))
        moments = [[_moment(inverse, e, variance, power) for power in (1, 2)] for e in eta]
        moments = np.array(moments)
        np.testing.assert_allclose(mean, moments[:, 0], rtol=2e-5)
        np.testing.assert_allclose(expected_square(LINKS[name], moments[:, 0], variance), moments[:, 1], rtol=2e-4)
        ahead, behind = (integrated(LINKS[name], eta + step, np.full(4, variance))[0] for step in (1e-5, -1e-5))
        np.testing.assert_allclose(slope, (ahead - behind) / 2e-5, rtol=1e-5)


# -- What is reported -------------------------------------------------------------------------------------------------


def test_words_and_table():
    rows = people(12)
    effect = ct.marginal_effect(relapse(rows), "arm", measure="risk ratio", refit=relapse)
    assert effect.measure == "risk ratio"
    assert effect.link == "log"
    assert effect.method.startswith(
        "Marginal risk ratio by standardisation, averaged over the participants of 14 clusters (team), jackknife (one"
        " cluster left out at a time) interval; Generalised linear model"
    )
    means = effect.arm_means()
    assert means["arm"].tolist() == ["control", "intervention"]
    ratio = means["estimate"][1] / means["estimate"][0]
    assert effect.tidy(exponentiate=True).loc[0, "estimate"] == pytest.approx(ratio)
    assert effect.glance().loc[0, ["n_clusters", "nobs"]].tolist() == [14, len(rows)]


def test_of_repeated_measures_at_one_visit_it_is_the_contrast():
    rng = np.random.default_rng(3)
    team = np.repeat(np.arange(14), 3)
    rows = pd.DataFrame({"team": team, "month": np.tile([0, 6, 12], 14), "arm": team % 2})
    rows["score"] = rng.normal(0, 2, 14)[team] + rows["arm"] * rows["month"] / 6 + rng.normal(0, 1, 42)
    fit = ct.mmrm("score ~ arm * C(month)", rows, subject="team", visit="month")
    contrast = fit.contrast({"arm": 1, "arm:C(month)[T.12]": 1}).loc[0].drop("term")
    effect = only(fit, at={"month": 12}, average="cluster").drop("term")
    np.testing.assert_allclose(effect.astype(float), contrast.astype(float), rtol=1e-8)


def test_the_arm_of_the_coarsest_grouping_with_one_arm():
    rows = people(13).assign(trust=lambda d: d["team"] // 4, half=lambda d: d.groupby("team").cumcount() % 2)
    with pytest.warns(TrialWarning, match="boundary"):
        fit = ct.lmm("score ~ arm + (1 | team) + (1 | team:half)", rows)
    assert ct.marginal_effect(fit, "arm", average="cluster").summary["n_clusters"] == 14


def test_an_arm_that_is_a_category_of_numbers():
    rows = people(14)
    coded = rows.assign(arm=rows["arm"].astype("category"))
    for fit in (relapse, score):
        found, expected = ct.marginal_effect(fit(coded), "arm"), ct.marginal_effect(fit(rows), "arm")
        np.testing.assert_allclose(found.estimate, expected.estimate, rtol=1e-9)
        np.testing.assert_allclose(found.covariance, expected.covariance, rtol=1e-7)


# -- Bad input --------------------------------------------------------------------------------------------------------

ROWS = people(14)
SINGLE = ROWS[(ROWS["team"] == 0) | (ROWS["arm"] == 1)]
BAD = {
    "unknown arm": (relapse(ROWS), {"arm": "group"}, PlanError, "'group' is no variable of the model; it has arm, age"),
    "no arm": (relapse(ROWS), {"arm": "age"}, PlanError, "'age' does not tell two arms apart"),
    "measure": (relapse(ROWS), {"measure": "rate ratio"}, PlanError, "'risk difference', 'risk ratio', 'odds ratio'"),
    "measure of means": (score(ROWS), {"measure": "odds ratio"}, PlanError, "'mean difference', 'ratio of means'"),
    "average": (relapse(ROWS), {"average": "team"}, PlanError, "choose one of 'participant', 'cluster'"),
    "interval": (relapse(ROWS), {"interval": "bootstrap"}, PlanError, "choose one of 'delta', 'jackknife'"),
    "no refit": (relapse(ROWS), {"interval": "jackknife"}, PlanError, "give refit=lambda rows"),
    "augmented by delta": (relapse(ROWS), {"augmented": True}, PlanError, "augmented=True needs the jackknife"),
    "unknown cluster": (relapse(ROWS), {"cluster": "site"}, PlanError, "the fit knows no column 'site'"),
    "arm in at": (relapse(ROWS), {"at": {"arm": 1}}, PlanError, "leave 'arm' out"),
    "unknown at": (relapse(ROWS), {"at": {"month": 6}}, PlanError, "'month' is no variable of the model"),
    "cluster summaries": (
        ct.cluster_level("score", ROWS, cluster="team", arm="arm"), {}, PlanError, "marginal as it is: read its tidy"),
    "plain fit": (ct.marginal_effect(score(ROWS), "arm"), {}, PlanError, "a MarginalFit cannot be standardised"),
    "single cluster": (score(SINGLE), {"refit": score}, DesignError, "the control arm has a single cluster"),
    "refit fails": (
        relapse(ROWS), {"refit": lambda rows: relapse(rows.assign(relapse=1))}, FitError, "no fit without team 0"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    fit, options, error, message = BAD[case]
    with pytest.raises(error, match=message):
        ct.marginal_effect(fit, **({"arm": "arm"} | options))


def test_no_ratio_of_a_risk_of_zero():
    rows = people(15)
    rows["relapse"] = np.where(rows["arm"] == 1, rows["relapse"], 0)
    fit = ct.cluster_robust("relapse ~ arm", rows, cluster="team", family="gaussian")
    with pytest.raises(
        FitError, match="the mean of the control arm is 0, so there is no ratio of means; ask for the mean diff"
    ):
        ct.marginal_effect(fit, "arm", measure="ratio of means")
