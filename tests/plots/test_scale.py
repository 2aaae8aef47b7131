import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_trial.plots.scale import LONGEST, aligned_limits, reach, ticks

lengths = st.floats(0.01, 100)


def effects(*rows):
    return pd.DataFrame(rows, columns=["conf_low", "estimate", "conf_high"], dtype=float)


def test_reach_is_the_distance_from_the_reference():
    assert reach(effects((-1, 1, 3), (-2, 0, 1)), 0, ratio=False) == (2, 3)


def test_reach_of_ratios_is_on_the_log_scale():
    assert reach(effects((0.5, 1, 4)), 1, ratio=True) == pytest.approx((np.log(2), np.log(4)))


def test_an_extreme_interval_does_not_set_the_axis():
    assert reach(effects((-1, 0, 1), (-1, 0, 1), (-900, 0, 2)), 0, ratio=False) == (LONGEST, 2)


def test_a_ratio_of_zero_reaches_as_far_as_allowed():
    low, _ = reach(effects((0, 1, 2), (0.5, 1, 2)), 1, ratio=True)
    assert low == pytest.approx(LONGEST * np.log(2))


def test_missing_intervals_and_effects_at_the_reference_have_an_axis():
    (limits,) = aligned_limits([reach(effects((np.nan, 0, np.nan)), 0, ratio=False)], [0.0], [False])
    assert limits[0] < 0 < limits[1]


@given(st.lists(st.tuples(lengths, lengths), min_size=1, max_size=6))
def test_aligned_axes_hold_their_effects_and_no_effect_stands_in_one_place(reaches):
    limits = aligned_limits(reaches, [0.0] * len(reaches), [False] * len(reaches))
    places = [-low / (high - low) for low, high in limits]
    assert np.ptp(places) == pytest.approx(0, abs=1e-9)
    for (below, above), (low, high) in zip(reaches, limits, strict=True):
        assert low <= -below
        assert above <= high
        assert high - low <= 2.2 * (below + above)


def test_ticks_of_ratios_are_round_and_hold_one():
    assert list(ticks((0.55, 2.1), True, 200).values()) == ["0.6", "0.8", "1", "1.25", "1.5", "2"]
    assert list(ticks((0.03, 40), True, 250).values()) == ["0.05", "0.1", "0.2", "0.5", "1", "2", "5", "10", "20"]


@given(st.floats(-1e4, 1e4), st.floats(0.01, 1e5), st.floats(50, 500))
def test_an_axis_of_differences_has_ticks_within_it(low, span, width):
    marks = ticks((low, low + span), False, width)
    assert marks
    assert all(low <= value <= low + span for value in marks)


@given(st.floats(-4, 1), st.floats(0.1, 6), st.floats(80, 500))
def test_ticks_of_ratios_are_within_the_axis(low, decades, width):
    limits = (10.0**low, 10.0 ** (low + decades))
    assert all(limits[0] <= value <= limits[1] for value in ticks(limits, True, width))
