"""Boolean minimisation: the prime implicants of a truth function, and every smallest set of them that covers its rows.

A row of the truth table of k conditions is an integer below 2^k; the first condition is its highest bit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Implicant:
    """A conjunction of conditions and their negations: `care` has the bits it names, `value` what they must be."""

    care: int
    value: int

    def covers(self, row: int) -> bool:
        return row & self.care == self.value

    def contains(self, other: Implicant) -> bool:
        """Is every row of the other one of its own?"""
        return other.care & self.care == self.care and self.covers(other.value)

    def rows(self, k: int) -> frozenset[int]:
        return frozenset(filter(self.covers, range(2**k)))

    def literals(self, k: int) -> list[tuple[int, bool]]:
        """Position and presence of each condition that it names, in order."""
        bits = [(position, 1 << (k - 1 - position)) for position in range(k)]
        return [(position, bool(self.value & bit)) for position, bit in bits if self.care & bit]

    def reading_order(self, k: int) -> tuple[int, list[int], int]:
        """Sorts by the number of conditions, then the conditions as they stand in the table, negated ones first."""
        named = [position for position, _ in self.literals(k)]
        return len(named), named, self.value


def prime_implicants(rows: Collection[int], k: int) -> list[Implicant]:
    """All conjunctions that hold only in these rows and stop doing so when they lose any condition, short ones first.

    Quine 1952, Am Math Monthly 59:521; McCluskey 1956, Bell System Technical Journal 35:1417: two implicants that
    differ in one condition join without it; what joins nothing is prime.
    """
    level = {Implicant(2**k - 1, row) for row in rows}
    primes: list[Implicant] = []
    while level:
        joins = {implicant: _joins(implicant, level) for implicant in level}
        primes += [implicant for implicant, wider in joins.items() if not wider]
        level = set().union(*joins.values())
    return sorted(primes, key=lambda implicant: implicant.reading_order(k))


def _joins(implicant: Implicant, level: Collection[Implicant]) -> set[Implicant]:
    bits = [1 << position for position in range(implicant.care.bit_length()) if implicant.care & 1 << position]
    return {
        Implicant(implicant.care ^ bit, implicant.value & ~bit)
        for bit in bits
        if Implicant(implicant.care, implicant.value ^ bit) in level
    }


def smallest_covers(sets: Sequence[frozenset[int]], rows: frozenset[int]) -> list[tuple[int, ...]]:
    """Every choice of the fewest sets whose union has all the rows: positions of the sets, in order.

    Exact: ever larger sizes are searched by branching on the row that the fewest sets hold, each choice met once.
    """
    held = {position: members & rows for position, members in enumerate(sets)}
    sizes = ({tuple(sorted(cover)) for cover in _covers(rows, held, size)} for size in range(len(rows) + 1))
    return sorted(next(filter(None, sizes)))


def _covers(rows: frozenset[int], held: dict[int, frozenset[int]], size: int) -> Iterator[tuple[int, ...]]:
    if not rows:
        yield ()
        return
    if size * max((len(members & rows) for members in held.values()), default=0) < len(rows):
        return
    hardest = min(rows, key=lambda row: sum(row in members for members in held.values()))
    left = dict(held)
    for position in [position for position, members in held.items() if hardest in members]:
        members = left.pop(position)
        for rest in _covers(rows - members, left, size - 1):
            yield (position, *rest)
