"""Set relations, truth tables and solutions: identities, guard rails and faults in the data."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import core_trial as ct
from core_trial.mixed_methods import qca
from core_trial.mixed_methods.qca import measures

MEMBERSHIP = st.integers(0, 20).filter(lambda score: score != 10).map(lambda score: score / 20)
KINDS = ("conservative", "parsimonious", "intermediate")


@st.composite
def fuzzy_teams(draw: st.DrawFn) -> pd.DataFrame:
    """Between 8 and 20 teams with three conditions and an outcome, all of which vary."""
    n = draw(st.integers(8, 20))
    scores = st.lists(MEMBERSHIP, min_size=n, max_size=n).filter(lambda values: len(set(values)) > 1)
    return pd.DataFrame({name: draw(scores) for name in "ABCY"})


def crisp(text: str) -> pd.DataFrame:
    """Rows such as "101", the outcome last."""
    rows = [[int(digit) for digit in row] for row in text.split()]
    return pd.DataFrame(rows, columns=[*"ABCDEF"[: len(rows[0]) - 1], "Y"])


@settings(deadline=None, max_examples=40)
@given(fuzzy_teams())
def test_measures_are_the_formulas(teams: pd.DataFrame) -> None:
    x, y = teams["A"].to_numpy(), teams["Y"].to_numpy()
    both = [min(pair) for pair in zip(x, y, strict=True)]
    three = [min(a, b, 1 - b) for a, b in zip(x, y, strict=True)]
    assert measures.consistency(x, y) == pytest.approx(sum(both) / sum(x))
    assert measures.coverage(x, y) == pytest.approx(sum(both) / sum(y))
    assert measures.relevance(x, y) == pytest.approx(sum(1 - x) / sum(1 - each for each in both))
    if sum(x) - sum(three) > 1e-6:
        assert measures.pri(x, y) == pytest.approx((sum(both) - sum(three)) / (sum(x) - sum(three)))


@settings(deadline=None, max_examples=40)
@given(fuzzy_teams())
def test_necessity_is_sufficiency_turned_about(teams: pd.DataFrame) -> None:
    """A is necessary for Y as far as not-A is sufficient for not-Y, in crisp sets."""
    sets = (teams > 0.5).astype(int)
    assume(sets["A"].std() > 0 and sets["Y"].std() > 0)
    needed, enough = (
        rows.set_index(["outcome", "condition"])["consistency"]
        for rows in (qca.necessity(sets, "Y", ["A"]), qca.sufficiency(sets, "Y", ["A"]))
    )
    without = 1 - sets["A"].mean()
    assert (1 - needed["Y", "A"]) * sets["Y"].mean() == pytest.approx((1 - enough["~Y", "~A"]) * without)


@settings(deadline=None, max_examples=30)
@given(fuzzy_teams(), st.sampled_from([0.7, 0.8, 0.9]))
def test_solutions_cover_what_is_sufficient_and_nothing_that_is_not(teams: pd.DataFrame, cut: float) -> None:
    table = qca.truth_table(teams, "Y", ["A", "B", "C"], cut)
    positive, remainders = table.with_output("1"), table.with_output("?")
    for kind in KINDS:
        allowed = positive if kind == "conservative" else positive | remainders
        assert all(positive <= fired(model) <= allowed for model in qca.minimize(table, kind).models)


@settings(deadline=None, max_examples=30)
@given(fuzzy_teams())
def test_intermediate_lies_between_the_others(teams: pd.DataFrame) -> None:
    table = qca.truth_table(teams, "Y", ["A", "B", "C"], 0.8)
    conservative, parsimonious = (qca.minimize(table, kind).models for kind in ("conservative", "parsimonious"))
    for model in qca.minimize(table, "intermediate", expectations={"A": "present", "B": "absent"}).models:
        assert all(fired(other) <= fired(model) for other in conservative)
        assert any(fired(model) <= fired(other) for other in parsimonious)


@given(fuzzy_teams())
@settings(deadline=None, max_examples=20)
def test_without_expectations_intermediate_is_conservative(teams: pd.DataFrame) -> None:
    table = qca.truth_table(teams, "Y", ["A", "B", "C"], 0.8)
    nothing = dict.fromkeys("ABC")
    assert models(qca.minimize(table, "intermediate", expectations=nothing)) == models(qca.minimize(table))


@given(fuzzy_teams())
@settings(deadline=None, max_examples=20)
def test_negated_outcome_is_that_of_the_negated_column(teams: pd.DataFrame) -> None:
    solution = qca.minimize(qca.truth_table(teams, "Y", ["A", "B", "C"], 0.8))
    alone = qca.minimize(qca.truth_table(teams, "~Y", ["A", "B", "C"], 0.8))
    by_hand = qca.minimize(qca.truth_table(teams.assign(Z=1 - teams["Y"]), "Z", ["A", "B", "C"], 0.8))
    assert solution.negated is not None
    assert models(solution.negated) == models(alone) == models(by_hand)
    assert alone.negated is not None
    assert models(alone.negated) == models(solution)


@given(fuzzy_teams(), st.permutations("ABC"))
@settings(deadline=None, max_examples=20)
def test_order_of_conditions_and_cases_does_not_matter(teams: pd.DataFrame, order: list[str]) -> None:
    shuffled = teams.sample(frac=1, random_state=np.random.default_rng(len(teams)))
    one = qca.minimize(qca.truth_table(teams, "Y", ["A", "B", "C"], 0.8), "parsimonious")
    other = qca.minimize(qca.truth_table(shuffled, "Y", list(order), 0.8), "parsimonious")
    assert models(one) == models(other)


def models(solution: qca.Solution) -> set[frozenset[frozenset[str]]]:
    return {frozenset(frozenset(term.split("*")) for term in model.terms) for model in solution.models}


def fired(model: qca.Model) -> set[int]:
    """The configurations of A, B and C that the model holds in, counted from 0."""
    literals = [[] if term == "1" else term.split("*") for term in model.terms]
    rows = {4 * a + 2 * b + c: {"A": a, "B": b, "C": c} for a, b, c in product((0, 1), repeat=3)}
    return {
        number
        for number, row in rows.items()
        if any(all(row[name.lstrip("~")] != name.startswith("~") for name in term) for term in literals)
    }


def test_all_tied_models_are_given() -> None:
    cycle = qca.truth_table(crisp("0001 0011 0101 1011 1101 1111 0110 1000"), "Y", ["A", "B", "C"])
    solution = qca.minimize(cycle)
    assert models(solution) == {
        frozenset(map(frozenset, (["~A", "~B"], ["A", "C"], ["B", "~C"]))),
        frozenset(map(frozenset, (["~A", "~C"], ["~B", "C"], ["A", "B"]))),
    }
    assert "2 models tie: each covers the sufficient configurations with as few terms" in solution.notes


def test_unique_coverage_is_what_a_term_alone_covers() -> None:
    parts = qca.minimize(qca.truth_table(crisp("001 001 011 111 111 100 100 100"), "~Y", ["A", "B"])).tidy()
    shown = parts[parts["outcome"] == "Y"].set_index("term")
    assert shown.loc["~A", ["coverage", "unique_coverage"]].tolist() == [0.6, 0.4]
    assert shown.loc["B", ["coverage", "unique_coverage"]].tolist() == pytest.approx([0.6, 0.4])


def test_words_are_read_as_membership_and_said_so() -> None:
    teams = pd.DataFrame(
        {
            "case": list("abcd"),
            "COACH": ["High coaching", "Low coaching", "High coaching", "Low coaching"],
            "STB": ["Stable", "Unstable", "Unstable", "Stable"],
            "GAIN": ["Gained", "Lost", "Gained", "Lost"],
        }
    )
    table = qca.truth_table(teams, "GAIN", ["COACH", "STB"])
    assert table.rows.loc[table.rows["output"] == "1", "cases"].tolist() == ["c", "a"]
    assert "STB: 'Stable' is membership" in table.notes
    with pytest.raises(ct.DataError, match="'Gained', 'Lost', and which of them says membership"):
        qca.necessity(teams.rename(columns={"GAIN": "Y"}), "Y", ["COACH"])


def test_exactly_half_is_refused_by_case_and_row() -> None:
    teams = pd.DataFrame({"team": ["T1", "T2", "T3"], "A": [0.2, 0.5, 0.9], "Y": [0.1, 0.5, 0.8]})
    with pytest.raises(
        ct.DataError, match=r"'A' is exactly 0\.5, .* in row 2: T2 would be in no configuration"
    ) as error:
        qca.truth_table(teams, "Y", ["A"])
    assert error.value.failures is not None
    assert error.value.failures[["row", "column"]].to_numpy().tolist() == [[2, "A"]]
    assert len(qca.necessity(teams, "Y", ["A"])) == 4


def test_six_cases_allow_single_conditions_only() -> None:
    six = crisp("001 011 101 111 110 000")
    assert qca.sufficiency(six, "Y", ["A", "B"])["n"].unique().tolist() == [6]
    assert qca.necessity(six, "Y", ["A", "B"])["consistency"].between(0, 1).all()
    with pytest.raises(ct.DesignError, match="6 cases are too few to minimise"):
        qca.minimize(qca.truth_table(six, "Y", ["A", "B"]))


def test_more_configurations_than_cases_are_warned_of() -> None:
    with pytest.warns(ct.TrialWarning, match="4 conditions make 16 configurations, more than the 8 cases"):
        qca.truth_table(crisp("00001 00111 01011 10111 11011 11111 01110 10000"), "Y", list("ABCD"))


def test_seven_conditions_are_refused() -> None:
    wide = pd.DataFrame({name: [0, 1] for name in "ABCDEFGY"})
    with pytest.raises(ct.PlanError, match="7 conditions are more than 6"):
        qca.truth_table(wide, "Y", list("ABCDEFG"))


def test_nothing_sufficient_is_an_empty_solution_that_says_so() -> None:
    table = qca.truth_table(crisp("000 001 010 011 100 101 110 111"), "Y", ["A", "B"], 0.8)
    solution = qca.minimize(table)
    assert solution.models == ()
    assert "no configuration is sufficient for Y at these cut-offs" in solution.notes
    assert solution.tidy().empty


def test_cut_offs() -> None:
    teams = crisp("111 111 101 101 100 011 010 000 000")
    table = qca.truth_table(teams, "Y", ["A", "B"], 0.6)
    outputs = table.rows.set_index("cases")["output"].to_dict()
    assert outputs == {"0, 1": "1", "2, 3, 4": "1", "5, 6": "0", "7, 8": "0"}
    assert table.at(consistency_cut=0.7).with_output("1") == {3}
    assert table.at(consistency_cut=0.5).with_output("1") == {1, 2, 3}
    assert table.at(consistency_cut=0.5, pri_cut=0.6).with_output("1") == {2, 3}
    assert table.at(frequency_cut=3).with_output("?") == {0, 1, 3}


def test_robustness_has_a_row_for_each_model_at_each_cut_off() -> None:
    table = qca.truth_table(crisp("111 111 101 101 100 011 010 000 000"), "Y", ["A", "B"], 0.6)
    tried = qca.robustness(table, consistency_cuts=(0.5, 0.6, 0.8), frequency_cuts=(1, 3))
    own = tried[(tried["outcome"] == "Y") & (tried["frequency_cut"] == 1)]
    assert own[["consistency_cut", "model", "same"]].to_numpy().tolist() == [
        [0.5, "A + B", False],
        [0.6, "A", True],
        [0.8, "A*B", False],
    ]
    assert tried.groupby(["consistency_cut", "frequency_cut"])["outcome"].unique().map(list).eq([["Y", "~Y"]] * 6).all()
    empty = tried[(tried["outcome"] == "Y") & (tried["consistency_cut"] == 0.8) & (tried["frequency_cut"] == 3)]
    assert empty["models"].tolist() == [0]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"A": [0, 1, 1.2, 0]}, ct.DataError, r"'A' is no membership in row 3: calibrate"),
        ({"A": [0, 1, None, 0]}, ct.DataError, r"'A' is missing in row 3"),
        ({"A": [1, 1, 1, 1]}, ct.DesignError, r"every case has membership 1 in 'A'"),
        ({"Y": [0, 0, 0, 0]}, ct.DesignError, r"every case has membership 0 in 'Y'"),
        ({"team": ["T1", "T2", "T2", "T3"]}, ct.DataError, r"'team' names a case twice in rows 2, 3"),
    ],
)
def test_faults_in_the_data(change: dict[str, list[object]], error: type[ct.TrialError], message: str) -> None:
    teams = pd.DataFrame({"team": ["T1", "T2", "T3", "T4"], "A": [0, 1, 1, 0], "Y": [0, 1, 1, 0]}).assign(**change)
    with pytest.raises(error, match=message):
        qca.truth_table(teams, "Y", ["A"])
    with pytest.raises(error, match=message):
        qca.necessity(teams, "Y", ["A"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"conditions": ["A", "COACHES"]}, "no column 'COACHES'"),
        ({"conditions": ["A", "A"]}, "must be different columns"),
        ({"conditions": []}, "at least one column"),
        ({"consistency_cut": 0}, "consistency_cut is 0"),
        ({"frequency_cut": 0}, "frequency_cut is 0"),
        ({"pri_cut": 1.5}, "pri_cut is 1.5"),
    ],
)
def test_faults_in_the_options(options: dict[str, object], message: str) -> None:
    teams = crisp("001 011 101 111 110 000")
    with pytest.raises(ct.PlanError, match=message):
        qca.truth_table(teams, **{"outcome": "Y", "conditions": ["A", "B"], **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"solution": "complex"}, "choose one of 'conservative', 'parsimonious', 'intermediate'"),
        ({"expectations": {"A": "present"}}, "expectations are for solution='intermediate'"),
        (
            {"solution": "intermediate", "expectations": {"Z": "present"}},
            "expectations name Z; the conditions are A, B",
        ),
        ({"solution": "intermediate", "expectations": {"A": "up"}}, "choose 'present', 'absent' or None"),
    ],
)
def test_faults_in_the_request(options: dict[str, object], message: str) -> None:
    table = qca.truth_table(crisp("001 011 101 111 110 000 111 000"), "Y", ["A", "B"])
    with pytest.raises(ct.PlanError, match=message):
        qca.minimize(table, **options)


@pytest.mark.parametrize(
    ("anchors", "options", "message"),
    [
        ((15, 45, 30), {}, "must rise"),
        ((15, 30), {}, "takes 3 anchors"),
        (30, {"method": "linear"}, "takes 3 anchors"),
        ((15, 30, 45), {"method": "s-shaped"}, "choose one of 'crisp', 'logistic', 'linear'"),
        ((15, 30, 45), {"inclusion": 0.5}, "between 0.5 and 1"),
    ],
)
def test_faults_in_a_calibration(anchors: object, options: dict[str, object], message: str) -> None:
    with pytest.raises(ct.PlanError, match=message):
        qca.calibrate([10, 20], anchors, **options)


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=20), st.sampled_from(["logistic", "linear"]))
def test_calibration_of_low_values_mirrors_that_of_high_ones(values: list[float], method: str) -> None:
    high = qca.calibrate(values, (-10, 0, 20), method=method)
    low = qca.calibrate([-value for value in values], (10, 0, -20), method=method)
    np.testing.assert_allclose(high, low, atol=1e-12)
    assert high.between(0, 1).all()
    assert (np.diff(high.iloc[np.argsort(values)]) >= 0).all()


def test_calibration_keeps_what_is_missing() -> None:
    raw = pd.Series([95.0, None, 110.0], index=["T1", "T2", "T3"], name="fidelity")
    for anchors in (100, (90, 100, 120)):
        membership = qca.calibrate(raw, anchors)
        assert membership.isna().tolist() == [False, True, False]
        assert membership.name == "fidelity"
        assert membership.index.equals(raw.index)


def test_no_cases_are_named() -> None:
    with pytest.raises(ct.DataError, match="the data have no rows"):
        ct.mixed_methods.qca.truth_table(pd.DataFrame(columns=["A", "Y"]), "Y", ["A"])
