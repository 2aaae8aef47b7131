"""Minimisation against brute force: all implicants tried, all choices of them tried."""

from __future__ import annotations

from itertools import combinations, product

from hypothesis import given, settings
from hypothesis import strategies as st

from core_trial.mixed_methods.qca.boolean import Implicant, prime_implicants, smallest_covers


def every_implicant(k: int) -> list[Implicant]:
    return [Implicant(care, value) for care, value in product(range(2**k), repeat=2) if value & care == value]


@st.composite
def outputs(draw: st.DrawFn, largest: int) -> tuple[int, frozenset[int], frozenset[int]]:
    k = draw(st.integers(1, largest))
    output = draw(st.lists(st.sampled_from("10?"), min_size=2**k, max_size=2**k))
    return k, *(frozenset(row for row in range(2**k) if output[row] == kind) for kind in "1?")


@given(outputs(largest=4))
def test_prime_implicants(case: tuple[int, frozenset[int], frozenset[int]]) -> None:
    k, positive, assumed = case
    rows = positive | assumed
    implicants = [implicant for implicant in every_implicant(k) if implicant.rows(k) <= rows]
    primes = {
        implicant
        for implicant in implicants
        if not any(implicant != other and implicant.rows(k) < other.rows(k) for other in implicants)
    }
    found = prime_implicants(rows, k)
    assert set(found) == primes
    assert len(found) == len(primes)


@settings(max_examples=60, deadline=None)
@given(outputs(largest=3))
def test_all_smallest_covers(case: tuple[int, frozenset[int], frozenset[int]]) -> None:
    k, positive, assumed = case
    sets = [implicant.rows(k) for implicant in prime_implicants(positive | assumed, k)]
    covers: list[tuple[int, ...]] = []
    for size in range(len(positive) + 1):
        choices = combinations(range(len(sets)), size)
        covers = [choice for choice in choices if positive <= frozenset().union(*(sets[each] for each in choice))]
        if covers:
            break
    assert smallest_covers(sets, positive) == covers


@given(outputs(largest=6))
@settings(max_examples=25, deadline=None)
def test_covers_of_six_conditions_are_covers_of_one_size_without_repeats(
    case: tuple[int, frozenset[int], frozenset[int]],
) -> None:
    k, positive, assumed = case
    sets = [implicant.rows(k) for implicant in prime_implicants(positive | assumed, k)]
    covers = smallest_covers(sets, positive)
    assert len(covers) == len(set(covers))
    assert len({len(cover) for cover in covers}) == 1
    for cover in covers:
        union = frozenset().union(*(sets[each] for each in cover))
        assert positive <= union <= positive | assumed


def test_the_cyclic_chart_has_two_models() -> None:
    """McCluskey's cycle: six rows of three conditions, each in two of six prime implicants."""
    sets = [implicant.rows(3) for implicant in prime_implicants({0, 1, 2, 5, 6, 7}, 3)]
    assert len(sets) == 6
    assert [len(cover) for cover in smallest_covers(sets, frozenset({0, 1, 2, 5, 6, 7}))] == [3, 3]


@given(st.integers(1, 6), st.data())
def test_containment_is_that_of_rows(k: int, data: st.DataObject) -> None:
    care = st.integers(0, 2**k - 1)
    one, other = (Implicant(c := data.draw(care), data.draw(care) & c) for _ in range(2))
    assert one.contains(other) == (other.rows(k) <= one.rows(k))
