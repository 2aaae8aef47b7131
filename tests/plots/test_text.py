import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_trial.errors import PlanError
from core_trial.plots.text import text_width, wrap
from core_trial.wording import interval, number, p_value, percent

NAN = float("nan")


@given(st.text("abcdefgh ", max_size=80), st.floats(20, 200))
def test_wrapped_lines_fit_and_lose_nothing(text, width):
    lines = wrap(text, width)
    assert all(text_width(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_word_stays_whole_where_it_fits():
    assert wrap("a crisis resolution team", text_width("resolution")) == ["a crisis", "resolution", "team"]


def test_numbers_have_a_true_minus_and_no_negative_zero():
    assert [number(value, 2) for value in (-1.5, -0.001, 1234.5)] == ["−1.50", "0.00", "1,234.50"]


def test_what_was_not_estimated_is_said():
    assert interval(NAN, NAN, NAN, 2) == "not estimated"
    assert interval(0.5, NAN, NAN, 1) == "0.5 (no interval)"


def test_small_and_missing_p_values():
    assert [p_value(value) for value in (0.0004, 0.05, 0.9999, NAN)] == ["<0.001", "0.050", ">0.999", ""]


@pytest.mark.parametrize("level", [0, 1, 95])
def test_a_level_is_a_proportion(level):
    with pytest.raises(PlanError, match=r"between 0 and 1"):
        percent(level)
