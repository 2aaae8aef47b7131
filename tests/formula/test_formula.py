"""Bar terms split from a formula, and what is said of formulas that cannot be read."""

from __future__ import annotations

import pytest

import core_trial as ct
from core_trial.formula.parse import parse_formula


def bars(text: str) -> list[tuple[list[str], str]]:
    """The effects and the group of each bar term."""
    return [([str(term) for term in bar.columns.formula], bar.name) for bar in parse_formula(text).bars]


@pytest.mark.parametrize(
    ("random", "expected"),
    [
        ("(1 | team)", [(["1"], "team")]),
        ("(time | team)", [(["1", "time"], "team")]),
        ("(0 + time | team)", [(["time"], "team")]),
        ("(time - 1 | team)", [(["time"], "team")]),
        ("(1 | trust/team)", [(["1"], "team:trust"), (["1"], "trust")]),
        ("(1 | a/b/c)", [(["1"], "c:b:a"), (["1"], "b:a"), (["1"], "a")]),
        ("(1 | trust:team)", [(["1"], "trust:team")]),
        ("(time || team)", [(["1"], "team"), (["time"], "team")]),
        ("(1 | trust) + (1 | rater)", [(["1"], "trust"), (["1"], "rater")]),
        ("(log(dose) + I(dose^2) | `team name`)", [(["1", "log(dose)", "I(dose**2)"], "team name")]),
    ],
)
def test_bar_terms(random, expected):
    assert [(["".join(t.split()) for t in terms], name) for terms, name in bars(f"y ~ arm + {random}")] == expected


def test_bars_may_stand_anywhere_among_the_terms():
    formula = parse_formula("log(y) ~ (1 | team) + arm * poly(x, 2) + (1 | rater) + stratum")
    assert formula.fixed.text == "arm * poly(x, 2) + stratum"
    assert [bar.name for bar in formula.bars] == ["team", "rater"]


def test_only_bars_leave_an_intercept():
    assert parse_formula("y ~ (1 | team)").fixed.text == "1"


def test_variables_are_columns_and_not_functions():
    formula = parse_formula("log(y) ~ arm + np.sqrt(x) + scale(age) + I(z**2) + C(`visit no`) + (t | trust/team)")
    assert formula.variables == ("y", "arm", "x", "age", "z", "visit no", "t", "team", "trust")


def test_a_power_is_written_as_in_r_or_python():
    assert parse_formula("y ~ (a + b)^2 + (1 | g)").fixed.text == parse_formula("y ~ (a + b)**2 + (1 | g)").fixed.text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("y", "write it as"),
        ("~ arm + (1 | team)", "write it as"),
        ("y ~ x ~ z", "write it as"),
        ("y ~ arm + 1 | team", "random term '1 | team'"),
        ("y ~ arm * (1 | team)", "random term"),
        ("y ~ arm - (1 | team)", "random term"),
        ("y ~ arm + (1 | )", "random term"),
        ("y ~ arm + ( | team)", "random term"),
        ("y ~ arm + (1 | f(team))", "random term"),
        ("y ~ arm + (0 | team)", "no random effects"),
        ("y ~ 0 + (1 | team)", "no fixed effects"),
        ("y ~ arm +* x + (1 | team)", "cannot be read"),
        ("y ~ . + (1 | team)", "cannot be read"),
    ],
)
def test_what_is_wrong_is_said(text, complaint):
    with pytest.raises(ct.PlanError, match=complaint.replace("|", r"\|")):
        parse_formula(text)
