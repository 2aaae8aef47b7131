"""The terms that the sufficient configurations of a truth table reduce to, by each of the three kinds of solution."""

from __future__ import annotations

from itertools import product
from typing import Literal

from .boolean import prime_implicants, smallest_covers
from .expectations import Expectations, without_hard_evidence
from .models import Terms
from .table import TruthTable

Kind = Literal["conservative", "parsimonious", "intermediate"]


def find_terms(table: TruthTable, kind: Kind, expectations: Expectations) -> list[Terms]:
    """Every smallest set of terms that covers the sufficient configurations, in reading order.

    Intermediate: for each conservative and each parsimonious model, the remainders in what expectations leave of the
    terms of the first are taken for sufficient, and the configurations are minimised with these; all models of all
    pairs are given.
    """
    conservative = _cover(table, frozenset())
    if kind == "conservative":
        return conservative
    parsimonious = _cover(table, table.with_output("?"))
    if kind == "parsimonious":
        return parsimonious
    easy = {_easy_counterfactuals(table, pair, expectations) for pair in product(conservative, parsimonious)}
    models = {terms for assumed in easy for terms in _cover(table, assumed)}
    return sorted(models, key=lambda terms: (len(terms), [term.reading_order(len(table.conditions)) for term in terms]))


def contradictory_assumptions(table: TruthTable, covers: list[Terms], opposite: list[Terms]) -> frozenset[int]:
    """Logical remainders that one of the models takes to bring the outcome, and one of the others its negation."""
    k, remainders = len(table.conditions), table.with_output("?")
    assumed = [{row for terms in each for term in terms for row in term.rows(k)} for each in (covers, opposite)]
    return remainders & assumed[0] & assumed[1]


def _cover(table: TruthTable, assumed: frozenset[int]) -> list[Terms]:
    """The smallest covers of the sufficient configurations by prime implicants of these and of the assumed ones."""
    k, positive = len(table.conditions), table.with_output("1")
    if not positive:
        return []
    primes = prime_implicants(positive | assumed, k)
    covers = smallest_covers([prime.rows(k) for prime in primes], positive)
    return [tuple(primes[position] for position in cover) for cover in covers]


def _easy_counterfactuals(table: TruthTable, pair: tuple[Terms, Terms], expectations: Expectations) -> frozenset[int]:
    """The remainders in the intermediate terms of a conservative and a parsimonious model."""
    expected = tuple(expectations[name] for name in table.conditions)
    terms = (without_hard_evidence(whole, part, expected) for whole, part in product(*pair) if part.contains(whole))
    return table.with_output("?").intersection(row for term in terms for row in term.rows(len(expected)))
