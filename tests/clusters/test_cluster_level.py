"""The two-stage analysis against hand calculation, scipy, statsmodels, R, and its own identities."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import core_trial as ct
from core_trial.errors import DataError, DesignError, FitError, PlanError, TrialWarning

REFERENCE = Path(__file__).parents[1] / "reference" / "cluster_level"
EXACT = {"rtol": 1e-10, "atol": 1e-12}
"""Two routes to one closed form."""
ITERATED = {"rtol": 1e-7, "atol": 1e-9}
"""A logistic or Poisson regression lies between the two routes."""

TEAMS = pd.DataFrame(
    {
        "team": list("abcdef"),
        "arm": ["intervention"] * 3 + ["control"] * 3,
        "admissions": [31, 28, 40, 45, 38, 52],
        "person_years": [400, 390, 450, 420, 380, 460],
    }
)
RATE = {"cluster": "team", "arm": "arm", "kind": "rate", "person_time": "person_years"}


def people(seed=1, clusters=20, mean_size=12, effect=0.5):
    """Individuals in clusters of unequal size: a continuous, a binary and a count outcome, covariates and strata."""
    rng = np.random.default_rng(seed)
    teams = pd.DataFrame({"team": [f"t{i:02d}" for i in range(clusters)], "size": rng.poisson(mean_size, clusters) + 6})
    teams["intervention"] = (np.arange(clusters) % 5 < 3).astype(int)
    teams["trust"] = np.array(["north", "east", "south", "west"])[np.arange(clusters) // 5 % 4]
    teams["baseline"] = rng.normal(0, 1, clusters)
    teams["u"] = rng.normal(0, 0.5, clusters)
    rows = teams.loc[teams.index.repeat(teams["size"])].drop(columns="size").reset_index(drop=True)
    n = len(rows)
    rows["age"] = rng.normal(45, 12, n)
    rows["gender"] = rng.choice(["female", "male", "other"], n)
    linear = effect * rows["intervention"] + 0.3 * rows["baseline"] + 0.02 * (rows["age"] - 45) + rows["u"]
    rows["score"] = 20 + 3 * linear + rng.normal(0, 4, n)
    rows["relapse"] = rng.binomial(1, 1 / (1 + np.exp(-linear)))
    rows["years"] = rng.uniform(0.2, 2, n)
    rows["visits"] = rng.poisson(rows["years"] * np.exp(0.3 + linear))
    return rows


def effect_row(fit, **options):
    return fit.tidy(**options).iloc[0]


def cluster_means(rows, outcome):
    return rows.groupby(["team", "intervention", "trust"], as_index=False)[outcome].mean()


# -- Against other routes ---------------------------------------------------------------------------------------------


def test_unweighted_means_are_the_t_test_of_cluster_means():
    rows = people()
    means = cluster_means(rows, "score")
    treated, control = (means.loc[means["intervention"] == code, "score"] for code in (1, 0))
    expected = stats.ttest_ind(treated, control)
    interval = expected.confidence_interval(0.9)
    row = effect_row(ct.cluster_level("score", rows, cluster="team", arm="intervention"), conf_level=0.9)
    assert row["term"] == "intervention"
    assert row["df"] == 18
    np.testing.assert_allclose(
        row[["estimate", "statistic", "p_value", "conf_low", "conf_high"]].astype(float),
        [treated.mean() - control.mean(), expected.statistic, expected.pvalue, *interval],
        **EXACT,
    )


def test_log_rate_ratio_by_hand():
    rates = TEAMS["admissions"] / TEAMS["person_years"]
    treated, control = np.log(rates[:3]), np.log(rates[3:])
    pooled = (2 * treated.var() + 2 * control.var()) / 4
    row = effect_row(ct.cluster_level("admissions", TEAMS, **RATE))
    assert row["estimate"] == pytest.approx(treated.mean() - control.mean(), rel=1e-12)
    assert row["std_error"] == pytest.approx(math.sqrt(pooled * 2 / 3), rel=1e-12)
    assert row["df"] == 4


def test_taylor_rate_ratio_by_hand():
    rates = TEAMS["admissions"] / TEAMS["person_years"]
    treated, control = rates[:3], rates[3:]
    variance = treated.var() / (3 * treated.mean() ** 2) + control.var() / (3 * control.mean() ** 2)
    row = effect_row(ct.cluster_level("admissions", TEAMS, **RATE, interval="taylor"), exponentiate=True)
    assert row["estimate"] == pytest.approx(treated.mean() / control.mean(), rel=1e-12)
    half = stats.t.ppf(0.975, 4) * math.sqrt(variance)
    assert math.log(row["conf_high"] / row["estimate"]) == pytest.approx(half, rel=1e-12)


@pytest.mark.parametrize("strata", [None, "trust"])
def test_weights_by_size_of_cluster_means_are_weighted_least_squares(strata):
    means = cluster_means(people(2), "score")
    means["n"] = people(2).groupby("team").size().to_numpy()
    expected = smf.wls("score ~ intervention" + (" + C(trust)" if strata else ""), means, weights=means["n"]).fit()
    fit = ct.cluster_level(
        "score", means, cluster="team", arm="intervention", denominator="n", strata=strata, weights="size"
    )
    row = effect_row(fit)
    assert row["df"] == expected.df_resid == (15 if strata else 18)
    assert row["estimate"] == pytest.approx(expected.params["intervention"], rel=1e-10)
    assert row["p_value"] == pytest.approx(expected.pvalues["intervention"], rel=1e-9)
    assert fit.notes == ("no variance within clusters: that of a cluster is taken as proportional to 1 / size",)


def analysis_of_variance(rows):
    """Size, mean and arm of each cluster, and the variances between (two arms, n0 of each) and within."""
    cluster = rows.groupby("team")["score"]
    size, mean = cluster.size().to_numpy(), cluster.mean().to_numpy()
    arm = rows.groupby("team")["intervention"].first().to_numpy()
    within = ((rows["score"] - cluster.transform("mean")) ** 2).sum() / (len(rows) - len(size))
    squares, n0 = 0.0, 0.0
    for code in (0, 1):
        m, y = size[arm == code], mean[arm == code]
        squares += m @ (y - np.average(y, weights=m)) ** 2
        n0 += (m.sum() - (m**2).sum() / m.sum()) / (len(size) - 2)
    return size, mean, arm, (squares / (len(size) - 2) - within) / n0, within


def test_inverse_variance_weights_of_means():
    rows = people(3)
    size, mean, arm, between, within = analysis_of_variance(rows)
    assert between > 0
    expected = sm.WLS(mean, sm.add_constant(arm), weights=1 / (between + within / size)).fit()
    row = effect_row(ct.cluster_level("score", rows, cluster="team", arm="intervention", weights="inverse-variance"))
    np.testing.assert_allclose(
        [row["estimate"], row["std_error"], row["df"]], [expected.params[1], expected.bse[1], 18], **EXACT
    )


def test_weights_by_size_take_the_variance_of_weighted_means():
    rows = people(3)
    size, mean, arm, between, within = analysis_of_variance(rows)
    variance = between + within / size
    factor = sm.WLS(mean, sm.add_constant(arm), weights=1 / variance).fit().scale
    estimate = rows.groupby("intervention")["score"].mean().diff()[1]
    squared = sum((size**2 * variance)[arm == code].sum() / size[arm == code].sum() ** 2 for code in (0, 1))
    row = effect_row(ct.cluster_level("score", rows, cluster="team", arm="intervention", weights="size"))
    np.testing.assert_allclose([row["estimate"], row["std_error"]], [estimate, math.sqrt(factor * squared)], **EXACT)


STAGE_ONE = {
    "mean": lambda rows: smf.ols("score ~ age + C(gender) + baseline", rows).fit().fittedvalues,
    "proportion": lambda rows: smf.logit("relapse ~ age + C(gender) + baseline", rows).fit(disp=0).predict(),
    "rate": lambda rows: smf.poisson(
        "visits ~ age + C(gender) + baseline", rows, offset=np.log(rows["years"])
    ).fit(disp=0).predict(),
}  # fmt: skip
OUTCOME = {"mean": "score", "proportion": "relapse", "rate": "visits"}


@pytest.mark.parametrize(
    ("kind", "measure"),
    [
        ("mean", "mean difference"),
        ("proportion", "risk difference"),
        ("proportion", "risk ratio"),
        ("rate", "rate difference"),
        ("rate", "rate ratio"),
    ],
)
def test_covariate_adjusted_residuals(kind, measure):
    rows = people(4)
    rows["expected"] = np.asarray(STAGE_ONE[kind](rows))
    rows["unit"] = rows["years"] if kind == "rate" else 1.0
    sums = rows.groupby(["team", "intervention"], as_index=False)[[OUTCOME[kind], "expected", "unit"]].sum()
    observed = sums[OUTCOME[kind]]
    sums["summary"] = (
        np.log(observed / sums["expected"])
        if measure.endswith("ratio")
        else (observed - sums["expected"]) / sums["unit"]
    )
    expected = smf.ols("summary ~ intervention", sums).fit()
    fit = ct.cluster_level(
        OUTCOME[kind],
        rows,
        cluster="team",
        arm="intervention",
        kind=kind,
        measure=measure,
        person_time="years" if kind == "rate" else None,
        covariates=["age", "gender", "baseline"],
    )
    row = effect_row(fit)
    np.testing.assert_allclose(
        [row["estimate"], row["std_error"]], [expected.params["intervention"], expected.bse["intervention"]], **ITERATED
    )
    assert row["df"] == 20 - 2 - 1  # baseline is constant within teams, age and gender are not
    assert fit.measure == measure
    assert fit.link == ("log" if measure.endswith("ratio") else "identity")


def test_stratified_analysis_with_a_transformed_cluster_level_covariate():
    teams = people(5).groupby(["team", "intervention", "trust"], as_index=False)[["visits", "years", "baseline"]].sum()
    teams["before"] = np.exp(teams["baseline"] / 10)
    stage_one = smf.poisson("visits ~ np.log(before) + C(trust)", teams, offset=np.log(teams["years"])).fit(disp=0)
    teams["summary"] = np.log(teams["visits"] / stage_one.predict())
    expected = smf.ols("summary ~ intervention + C(trust)", teams).fit()
    fit = ct.cluster_level(
        "visits",
        teams,
        cluster="team",
        arm="intervention",
        kind="rate",
        person_time="years",
        covariates=["log(before)"],
        strata="trust",
    )
    row = effect_row(fit)
    np.testing.assert_allclose(
        [row["estimate"], row["std_error"]], [expected.params["intervention"], expected.bse["intervention"]], **ITERATED
    )
    assert row["df"] == 20 - 4 - 1 - 1
    assert "t with 14 degrees of freedom (20 clusters less 5 for arm and strata and 1 for" in fit.method


@pytest.mark.parametrize(
    "case", json.loads((REFERENCE / "expected.json").read_text()).items(), ids=lambda case: case[0]
)
def test_agrees_with_r(case):
    _, expected = case
    data = pd.read_csv(REFERENCE / "data.csv")
    row = effect_row(ct.cluster_level(data=data, cluster="team", arm="intervention", **expected["call"]))
    result = expected["result"]
    np.testing.assert_allclose(row[list(result)].astype(float), list(result.values()), **ITERATED)


# -- Identities -------------------------------------------------------------------------------------------------------


def test_equal_clusters_give_the_nested_analysis_of_variance_whatever_the_weights():
    rows = people(6)
    rows = rows.groupby("team").head(4)
    means = cluster_means(rows, "score")
    grand = means.groupby("intervention")["score"].transform("mean")
    arms = 4 * (grand - means["score"].mean()) ** 2
    clusters = 4 * (means["score"] - grand) ** 2 / 18
    for weights in ("none", "size", "inverse-variance"):
        row = effect_row(ct.cluster_level("score", rows, cluster="team", arm="intervention", weights=weights))
        assert row["statistic"] ** 2 == pytest.approx(arms.sum() / clusters.sum(), rel=1e-10)


@pytest.mark.parametrize("ddf", ["kenward-roger", "satterthwaite"])
def test_equal_clusters_give_the_mixed_model(ddf):
    rows = people(6).groupby("team").head(4)
    mixed = ct.lmm("score ~ intervention + (1 | team)", rows, ddf=ddf).tidy().set_index("term").loc["intervention"]
    row = effect_row(ct.cluster_level("score", rows, cluster="team", arm="intervention")).drop("term")
    np.testing.assert_allclose(row.astype(float), mixed.astype(float), rtol=1e-6)


OPTIONS = st.fixed_dictionaries(
    {
        "weights": st.sampled_from(["none", "size", "inverse-variance"]),
        "strata": st.sampled_from([None, "trust"]),
        "covariates": st.sampled_from([(), ("age",), ("baseline", "gender")]),
    }
)
RATIOS = st.sampled_from(["log", "taylor"])
SEEDS = st.integers(0, 10_000)
zeros_may_occur = pytest.mark.filterwarnings("ignore:0.5 events added")
RATES = {"cluster": "team", "arm": "intervention", "kind": "rate", "person_time": "years"}


def fit_rate(rows, options, interval="log"):
    return ct.cluster_level("visits", rows, **RATES, **options, interval=interval)


def assert_same(first, second, *, sign=1):
    np.testing.assert_allclose(first.estimate, sign * second.estimate, **ITERATED)
    np.testing.assert_allclose(first.covariance, second.covariance, **ITERATED)
    assert first.tidy()["df"].equals(second.tidy()["df"])


@zeros_may_occur
@settings(max_examples=10, deadline=None)
@given(SEEDS, OPTIONS, RATIOS)
def test_relabelled_arms_flip_the_sign(seed, options, interval):
    rows = people(seed)
    other = rows.assign(intervention=1 - rows["intervention"])
    assert_same(fit_rate(rows, options, interval), fit_rate(other, options, interval), sign=-1)


@zeros_may_occur
@settings(max_examples=10, deadline=None)
@given(SEEDS, OPTIONS, RATIOS, st.floats(0.001, 1000))
def test_the_unit_of_person_time_does_not_change_a_rate_ratio(seed, options, interval, unit):
    rows = people(seed)
    other = rows.assign(years=rows["years"] * unit)
    assert_same(fit_rate(rows, options, interval), fit_rate(other, options, interval))


@zeros_may_occur
@settings(max_examples=10, deadline=None)
@given(SEEDS, OPTIONS, RATIOS, st.randoms())
def test_the_order_of_rows_is_irrelevant(seed, options, interval, random):
    rows = people(seed)
    order = list(range(len(rows)))
    random.shuffle(order)
    assert_same(fit_rate(rows, options, interval), fit_rate(rows.iloc[order], options, interval))


@zeros_may_occur
@settings(max_examples=10, deadline=None)
@given(SEEDS, OPTIONS, RATIOS)
def test_one_stratum_is_no_stratum(seed, options, interval):
    rows = people(seed).assign(one="all")
    assert_same(
        fit_rate(rows, options | {"strata": "one"}, interval), fit_rate(rows, options | {"strata": None}, interval)
    )


@zeros_may_occur
@settings(max_examples=10, deadline=None)
@given(SEEDS, st.sampled_from(["none", "size", "inverse-variance"]), RATIOS)
def test_cluster_totals_say_what_their_individuals_say(seed, weights, interval):
    rows = people(seed)
    totals = rows.groupby(["team", "intervention"], as_index=False).agg(
        visits=("visits", "sum"), years=("years", "sum"), relapse=("relapse", "sum"), people=("relapse", "size")
    )
    assert_same(fit_rate(rows, {"weights": weights}, interval), fit_rate(totals, {"weights": weights}, interval))
    options = {"cluster": "team", "arm": "intervention", "kind": "proportion", "weights": weights}
    assert_same(
        ct.cluster_level("relapse", rows, **options),
        ct.cluster_level("relapse", totals, **options, denominator="people"),
    )


def test_means_of_clusters_with_their_numbers_are_the_means_of_individuals():
    rows = people(7)
    means = rows.groupby(["team", "intervention"], as_index=False).agg(score=("score", "mean"), n=("score", "size"))
    options = {"cluster": "team", "arm": "intervention"}
    assert_same(
        ct.cluster_level("score", rows, **options), ct.cluster_level("score", means, **options, denominator="n")
    )
    first = ct.cluster_level("score", rows, **options, weights="size")
    second = ct.cluster_level("score", means, **options, weights="size", denominator="n")
    np.testing.assert_allclose(first.estimate, second.estimate, **EXACT)


@pytest.mark.parametrize("dtype", ["bool", "Int64", "category", "string"])
def test_columns_of_any_type(dtype):
    rows = people(8)
    typed = rows.assign(
        intervention=rows["intervention"].astype(dtype)
        if dtype in ("bool", "Int64")
        else rows["intervention"].map({1: "intervention", 0: "control"}).astype(dtype),
        relapse=rows["relapse"].astype("bool" if dtype == "bool" else "Int64"),
        trust=rows["trust"].astype("category" if dtype == "category" else "string"),
        team=rows["team"].astype("category" if dtype == "category" else "string"),
    )
    options = {"cluster": "team", "arm": "intervention", "kind": "proportion", "strata": "trust", "covariates": ["age"]}
    assert_same(ct.cluster_level("relapse", rows, **options), ct.cluster_level("relapse", typed, **options))


def test_a_stratum_without_clusters_takes_no_degree_of_freedom():
    rows = people(12)
    rows["trust"] = pd.Categorical(rows["trust"], ["north", "east", "south", "west", "elsewhere"])
    fit = ct.cluster_level("score", rows, cluster="team", arm="intervention", strata="trust", covariates="age")
    assert fit.glance().loc[0, "df"] == 15


def test_person_time_of_one_is_no_lack_of_sizes():
    teams = TEAMS.assign(person_years=1)
    assert_same(
        ct.cluster_level("admissions", teams, **RATE), ct.cluster_level("admissions", teams, **RATE, weights="size")
    )


def test_large_sample_reference_keeps_the_standard_error():
    t, z = (effect_row(ct.cluster_level("admissions", TEAMS, **RATE, ddf=ddf)) for ddf in ("clusters", "normal"))
    assert z["df"] == math.inf
    assert z["std_error"] == t["std_error"]
    assert z["p_value"] == pytest.approx(2 * stats.norm.sf(abs(t["statistic"])), rel=1e-12)


# -- What is reported -------------------------------------------------------------------------------------------------


def test_glance_clusters_and_method():
    fit = ct.cluster_level("admissions", TEAMS, **RATE)
    row = fit.glance().iloc[0]
    assert row[["nobs", "n_clusters", "clusters_intervention", "clusters_control", "df"]].tolist() == [6, 6, 3, 3, 4]
    rates = TEAMS["admissions"] / TEAMS["person_years"]
    assert row["summary_control"] == pytest.approx(stats.gmean(rates[3:]), rel=1e-12)
    assert row["summary_intervention"] / row["summary_control"] == pytest.approx(np.exp(fit.estimate[0]), rel=1e-12)
    assert fit.clusters["cluster"].tolist() == list("abcdef")
    assert fit.clusters["total"].tolist() == TEAMS["admissions"].tolist()
    assert fit.method == (
        "Two-stage analysis of 6 cluster rates (Hayes and Moulton 2017), rate ratio of geometric means, "
        "clusters unweighted, t with 4 degrees of freedom (6 clusters less 2 for the arms)"
    )
    assert fit.notes == ()


def test_rows_left_out_are_counted_and_clusters_lost_are_named():
    rows = people(9)
    rows.loc[rows["team"] == "t04", "score"] = np.nan
    rows.loc[0, "age"] = np.nan
    lost = int((rows["team"] == "t04").sum()) + 1
    fit = ct.cluster_level("score", rows, cluster="team", arm="intervention", covariates="age")
    assert fit.notes == (f"{lost} of {len(rows)} rows left out, with missing values, and with them all rows of 't04'",)
    assert fit.glance().loc[0, "n_clusters"] == 19
    assert fit.glance().loc[0, "nobs"] == len(rows) - lost
    complete = rows.dropna(subset=["score", "age"])
    assert_same(fit, ct.cluster_level("score", complete, cluster="team", arm="intervention", covariates="age"))


def test_a_cluster_without_events_on_the_log_scale():
    teams = TEAMS.assign(admissions=[31, 0, 40, 45, 38, 52])
    with pytest.warns(TrialWarning, match=r"0\.5 events added to every cluster, because 'b' had none"):
        fit = ct.cluster_level("admissions", teams, **RATE)
    logs = np.log((teams["admissions"] + 0.5) / teams["person_years"])
    assert fit.estimate[0] == pytest.approx(logs[:3].mean() - logs[3:].mean(), rel=1e-12)
    assert "interval='taylor' needs no addition" in fit.notes[0]
    assert fit.clusters["total"].tolist() == [31.5, 0.5, 40.5, 45.5, 38.5, 52.5]
    taylor = ct.cluster_level("admissions", teams, **RATE, interval="taylor")
    rates = teams["admissions"] / teams["person_years"]
    assert np.exp(taylor.estimate[0]) == pytest.approx(rates[:3].mean() / rates[3:].mean(), rel=1e-12)
    assert taylor.notes == ()


def test_few_degrees_of_freedom_are_noted():
    with pytest.warns(TrialWarning, match="2 degrees of freedom"):
        fit = ct.cluster_level("admissions", TEAMS.iloc[[0, 1, 3, 4]], **RATE)
    assert fit.notes[0].startswith("2 degrees of freedom")


def test_a_between_cluster_variance_of_zero_is_noted():
    teams = pd.DataFrame({"team": range(8), "arm": [0, 1] * 4, "n": 100, "years": [1.0, 1, 2, 2, 3, 3, 4, 4]})
    teams["n"] = [50, 60, 101, 121, 151, 178, 199, 241]
    fit = ct.cluster_level(
        "n", teams, cluster="team", arm="arm", kind="rate", person_time="years", weights="inverse-variance"
    )
    assert fit.notes == ("between-cluster variance estimated at zero",)
    by_years = ct.cluster_level("n", teams, cluster="team", arm="arm", kind="rate", person_time="years", weights="size")
    assert_same(fit, by_years)


def test_a_stratum_of_one_arm_is_noted():
    rows = people(10)
    rows.loc[rows["team"].isin(["t03", "t04"]), "trust"] = "alone"
    fit = ct.cluster_level("score", rows, cluster="team", arm="intervention", strata="trust")
    assert "trust 'alone', 'north': clusters of one arm only, so nothing to compare there" in fit.notes


def test_differences_have_no_ratio():
    fit = ct.cluster_level("admissions", TEAMS, **RATE, measure="rate difference")
    with pytest.raises(PlanError, match="differences"):
        fit.tidy(exponentiate=True)


# -- Bad input --------------------------------------------------------------------------------------------------------

BAD_OPTIONS = {
    "unknown column": ({"person_time": "person_year"}, "did you mean 'person_years'"),
    "unknown covariate": ({"covariates": ["agee"]}, "no column 'agee'"),
    "unreadable covariate": ({"covariates": ["log(person_years"]}, "cannot be read"),
    "unknown function": ({"covariates": ["root(trust)"]}, "no column 'root'"),
    "kind": ({"kind": "odds"}, "choose one of 'mean', 'proportion', 'rate'"),
    "measure": ({"measure": "risk ratio"}, "choose one of 'rate ratio', 'rate difference'"),
    "weights": ({"weights": "variance"}, "choose one of 'none', 'size', 'inverse-variance'"),
    "interval": ({"interval": "delta"}, "choose one of 'log', 'taylor'"),
    "ddf": ({"ddf": "satterthwaite"}, "choose one of 'clusters', 'normal'"),
    "a rate over nothing": ({"person_time": None}, "a rate needs person_time"),
    "time for a mean": ({"kind": "mean"}, "person_time is for kind='rate'"),
    "taylor for a difference": ({"measure": "rate difference", "interval": "taylor"}, "is for ratios"),
    "strata as covariate": ({"covariates": ["trust"], "strata": "trust"}, "'trust' is the strata"),
    "arm as covariate": ({"covariates": ["arm"]}, "'arm' is the arm"),
}


@pytest.mark.parametrize("case", BAD_OPTIONS)
def test_options_that_cannot_be(case):
    options, message = BAD_OPTIONS[case]
    with pytest.raises(PlanError, match=message.replace("(", r"\(")):
        ct.cluster_level("admissions", TEAMS.assign(trust=1), **(RATE | options))


BAD_CELLS = {
    "missing cluster": ("team", [None, *"bcdef"], "column 'team' is missing in row 1"),
    "missing arm": ("arm", [None, 1, 1, 0, 0, 0], "column 'arm' is missing in row 1"),
    "unknown arm": ("arm", [*"AAABBB"], "column 'arm' is no arm in rows 1, 2, 3, 4, 5 and 1 more"),
    "zero time": ("person_years", [1, 1, 0, 1, 1, -2], "'person_years' is zero or negative in rows 3, 6"),
    "negative count": ("admissions", [3, 4, 5, 6, -7, 8], "'admissions' is not a count in row 5"),
    "fraction": ("admissions", [3, 4, 5, 6.5, 7, 8], "'admissions' is not a count in row 4"),
    "text": ("admissions", [3, "four", 5, 6, 7, 8], "'admissions' is not a number in row 2"),
    "no label": ("team", [["a"], *"bcdef"], "column 'team' is no label in row 1"),
    "too large": ("person_years", [3, 9e307, 5, 6, 7, 8], "'person_years' is not a number in row 2"),
    "infinity": ("person_years", [3, np.inf, 5, 6, 7, 8], "'person_years' is not a number in row 2"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_CELLS)
def test_cells_that_cannot_be(case):
    column, values, message = BAD_CELLS[case]
    with pytest.raises(DataError, match=message) as error:
        ct.cluster_level("admissions", TEAMS.assign(**{column: pd.Series(values, dtype=object)}), **RATE)
    assert set(error.value.failures["column"]) == {column}


@pytest.mark.parametrize("value", [pd.Timestamp("2014-03-01"), pd.Timedelta(3, "D"), 3 + 1j])
def test_dates_durations_and_complex_numbers_are_no_counts(value):
    with pytest.raises(DataError, match="'admissions' is not a number; its type is"):
        ct.cluster_level("admissions", TEAMS.assign(admissions=value), **RATE)
    with pytest.raises(DataError, match="'admissions' is not a number; its type is"):
        ct.icc("admissions", TEAMS.assign(admissions=value), cluster="team", kind="rate", person_time="person_years")


def test_a_column_twice():
    for name in ("team", "arm", "admissions", "person_years"):
        with pytest.raises(DataError, match=f"more than one column '{name}'"):
            ct.cluster_level("admissions", pd.concat([TEAMS, TEAMS[[name]]], axis=1), **RATE)


@pytest.mark.parametrize("data", [TEAMS.to_dict("list"), None, TEAMS.to_numpy(), TEAMS["team"], "teams.csv"])
def test_what_is_no_data_frame(data):
    with pytest.raises(PlanError, match=r"no data frame: give a pandas.DataFrame"):
        ct.cluster_level("admissions", data, **RATE)


def test_successes_beyond_their_denominator():
    options = {"cluster": "team", "arm": "arm", "kind": "proportion"}
    with pytest.raises(DataError, match="greater than the denominator 'few' in rows 2, 3, 4, 5, 6"):
        ct.cluster_level("admissions", TEAMS.assign(few=[31, 5, 5, 5, 5, 5]), **options, denominator="few")
    with pytest.raises(DataError, match="greater than 1"):
        ct.cluster_level("admissions", TEAMS, **options)


def test_covariate_that_is_not_finite():
    with pytest.raises(DataError, match=r"'log\(before\)' is not finite"):
        ct.cluster_level("admissions", TEAMS.assign(before=[0, 1, 2, 3, 4, 5]), **RATE, covariates=["log(before)"])


BAD_DESIGNS = {
    "arm varies": (TEAMS.assign(team=list("aabbcc"), arm=[1, 1, 1, 0, 0, 0]), {}, "'arm' varies within cluster b"),
    "stratum varies": (TEAMS.assign(team=list("aabccd"), trust=list("xyxxxx")), {"strata": "trust"}, "'trust' varies"),
    "empty arm": (TEAMS.assign(arm="control"), {}, "the intervention arm of 'arm' is empty"),
    "arm without values": (TEAMS.assign(admissions=[3, 4, 5, *[None] * 3]), {}, "the control arm of 'arm' is empty"),
    "single cluster": (TEAMS.iloc[:4], {}, "the control arm of 'arm' has a single cluster"),
    "confounded strata": (TEAMS.assign(trust=list("xxxyyy")), {"strata": "trust"}, "no stratum of 'trust' holds"),
    "too many covariates": (
        TEAMS.assign(**{name: np.eye(6)[i] for i, name in enumerate("pqrs")}),
        {"covariates": list("pqrs")},
        "6 clusters leave no degrees of freedom",
    ),
    "collinear covariates": (TEAMS.assign(p=range(6), q=range(6)), {"covariates": ["p", "q"]}, "determine each other"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_DESIGNS)
def test_designs_that_do_not_allow_it(case):
    data, options, message = BAD_DESIGNS[case]
    with pytest.raises(DesignError, match=message):
        ct.cluster_level("admissions", data, **RATE, **options)


BAD_FITS = {
    "all equal": (TEAMS.assign(admissions=3, person_years=4), {}, r"every value of 'admissions' is the same \(0.75\)"),
    "no events": (TEAMS.assign(admissions=0), {}, "every value of 'admissions' is the same"),
    "arm without events": (TEAMS.assign(admissions=[0, 0, 0, 1, 2, 3]), {}, "the intervention arm has no events"),
    "no variation": (
        TEAMS.assign(admissions=[1, 1, 1, 2, 2, 2], person_years=3),
        {"measure": "rate difference"},
        "do not vary within arms",
    ),
    "no variation of ratios": (TEAMS.assign(admissions=[1, 1, 1, 2, 2, 2], person_years=3), {}, "do not vary"),
}


@pytest.mark.parametrize("case", BAD_FITS)
def test_outcomes_that_allow_no_estimate(case):
    data, options, message = BAD_FITS[case]
    with pytest.raises(FitError, match=message):
        ct.cluster_level("admissions", data, **RATE, **options)


def test_individuals_who_vary_in_clusters_that_do_not():
    rows = pd.DataFrame({"team": np.repeat(range(6), 2), "arm": np.repeat([0, 1], 6), "y": [1.1, 3.3] * 6})
    with pytest.raises(FitError, match="do not vary within arms"):
        ct.cluster_level("y", rows, cluster="team", arm="arm")


@pytest.mark.parametrize(
    ("denominator", "message"), [(None, "needs the sizes of clusters"), ("person_years", "variance of individuals")]
)
def test_inverse_variance_needs_individuals(denominator, message):
    options = {"cluster": "team", "arm": "arm", "weights": "inverse-variance"}
    with pytest.raises(PlanError, match=message):
        ct.cluster_level("admissions", TEAMS, **options, denominator=denominator)


def test_weights_by_size_need_sizes():
    with pytest.raises(PlanError, match="weights='size' needs the sizes"):
        ct.cluster_level("admissions", TEAMS, cluster="team", arm="arm", weights="size")


def test_covariates_that_separate_the_outcome():
    rows = people(11).assign(twin=lambda d: d["relapse"] * 2.0)
    with pytest.raises(FitError, match="stage one"):
        ct.cluster_level("relapse", rows, cluster="team", arm="intervention", kind="proportion", covariates="twin")
