import numpy as np
import pandas as pd
import pytest

from core_trial.errors import DataError, PlanError
from core_trial.fit import Fit
from core_trial.plots.effect_rows import effect_rows


def rows(effects, *, term="intervention", group=None, panel=None, weights=None, order="given", conf_level=0.95):
    return effect_rows(
        effects, term=term, group=group, panel=panel, weights=weights, order=order, conf_level=conf_level
    )


def a_fit(estimate=0.97, std_error=1.02, link="identity", measure="mean difference"):
    return Fit(
        terms=("(Intercept)", "intervention"),
        estimate=np.array([26.0, estimate]),
        covariance=np.diag([1.0, std_error**2]),
        degrees=lambda _: np.inf,
        measure=measure,
        link=link,
        method="a method",
        summary={"nobs": 375, "n_clusters": 25},
    )


def frame(**columns):
    defaults = {"label": ["a", "b", "c"], "estimate": [1.0, 2.0, 3.0], "conf_low": 0.5, "conf_high": 4.0}
    return pd.DataFrame(defaults | columns)


def test_fits_give_the_term_with_its_interval_and_numbers():
    table = rows({"Mixed model": a_fit()})
    row = table.iloc[0]
    assert row["estimate"] == 0.97
    assert row["conf_low"] == pytest.approx(0.97 - 1.959964 * 1.02)
    assert (row["n"], row["clusters"], row["ratio"]) == (375, 25, False)


def test_estimates_of_a_log_link_are_exponentiated():
    row = rows([("Rate", a_fit(np.log(0.8), 0.1, "log", "rate ratio"))]).iloc[0]
    assert row["estimate"] == pytest.approx(0.8)
    assert row["conf_high"] == pytest.approx(0.8 * np.exp(1.959964 * 0.1))
    assert row["ratio"]


def test_an_unknown_term_names_those_of_the_fit():
    with pytest.raises(PlanError, match=r"Mixed model: .*'arm'.*intervention"):
        rows({"Mixed model": a_fit()}, term="arm")


def test_a_fit_alone_asks_for_a_label():
    with pytest.raises(PlanError, match="label -> Fit"):
        rows(a_fit())


def test_groups_may_be_categories_and_missing():
    table = rows(frame(group=pd.Categorical(["x", None, "x"])))
    assert table["group"].tolist() == ["x", "x", ""]


def test_pairs_of_fits_keep_equal_labels():
    assert rows([("Same", a_fit()), ("Same", a_fit(2.0))])["estimate"].tolist() == [0.97, 2.0]


def test_a_missing_column_is_named_with_the_nearest():
    with pytest.raises(PlanError, match=r"'conf_low'; did you mean 'conf_lo'"):
        rows(frame().rename(columns={"conf_low": "conf_lo"}))


@pytest.mark.parametrize("empty", [frame().iloc[:0], {}, []])
def test_no_rows_is_an_error(empty):
    with pytest.raises(DataError, match="no rows"):
        rows(empty)


@pytest.mark.parametrize(
    ("column", "values", "rule"),
    [
        ("conf_high", [1, np.inf, 3], "not a number"),
        ("estimate", [1, "two", 3], "not a number"),
        ("conf_low", [5, 0.5, 0.5], "above conf_high"),
        ("label", ["a", None, "c"], "missing"),
        ("weight", [1, -1, 1], "below 0"),
        ("summary", ["no", "no", "yes"], "not true or false"),
    ],
)
def test_bad_cells_are_named(column, values, rule):
    with pytest.raises(DataError, match=rule) as error:
        rows(frame(**{column: values}))
    assert (error.value.failures["column"] == column).all()


def test_ratios_below_zero_are_taken_for_logarithms():
    with pytest.raises(DataError, match="logarithms"):
        rows(frame(conf_low=-0.2, ratio=True))


def test_a_measure_that_ends_in_ratio_is_a_ratio():
    assert rows(frame(measure=["rate ratio", "mean difference", "odds ratio"]))["ratio"].tolist() == [True, False, True]


def test_ratios_share_an_axis_and_differences_do_not():
    table = rows(
        frame(
            outcome=["csq8", "admissions", "bed_days"],
            measure=["mean difference", "rate ratio", "rate ratio"],
            ratio=[False, True, True],
        )
    )
    assert table["panel"].tolist() == ["mean difference: csq8", "rate ratio", "rate ratio"]


def test_differences_without_outcome_are_kept_apart_by_unit():
    assert rows(frame(unit=["points", "days", "points"]))["panel"].nunique() == 2


def test_a_row_without_estimate_stays_with_its_outcome():
    table = rows(
        frame(
            outcome="admissions",
            estimate=[0.9, np.nan, 1.1],
            measure=["rate ratio", "not estimated", "rate ratio"],
            ratio=[True, False, True],
        )
    )
    assert table["panel"].unique().tolist() == ["rate ratio"]
    assert len(table) == 3


def test_a_panel_that_mixes_ratios_and_differences_is_refused():
    with pytest.raises(PlanError, match="'all' mixes ratios and differences"):
        rows(frame(where="all", ratio=[True, False, True]), panel="where")


def test_several_analyses_of_an_outcome_stand_under_its_label():
    table = rows(frame(label=["CSQ-8"] * 3, outcome="csq8", analysis=["csq8.lmm", "csq8.two-stage", "csq8.z"]))
    assert table["group"].unique().tolist() == ["CSQ-8"]
    assert table["label"].tolist() == ["lmm", "two-stage", "z"]


def test_outcomes_stand_under_their_role():
    table = rows(frame(role=["primary", "secondary", "secondary"]))
    assert table["group"].tolist() == ["Primary outcome", "Secondary outcomes", "Secondary outcomes"]


def test_order_by_estimate_leaves_summaries_last_in_their_group():
    table = rows(
        frame(label=list("abcd"), estimate=[3, 1, 2, 0.9], group=["x", "y", "x", "x"], summary=[0, 0, 0, 1]),
        order="estimate",
    )
    assert table["label"].tolist() == ["c", "a", "d", "b"]


def test_order_by_labels_drops_none():
    assert rows(frame(), order=["c"])["label"].tolist() == ["c", "a", "b"]


@pytest.mark.parametrize("order", [["cc"], "size"])
def test_an_unknown_order_is_refused(order):
    with pytest.raises(PlanError, match="order"):
        rows(frame(), order=order)
