"""Which counts of a table must be hidden besides the small ones, so that no hidden count follows from the totals.

A table here is an array of integers whose last row and last column are the totals.

A hidden count is safe if the hidden ones can be changed, it among them, so that all totals stay right and none falls
below the least that a hidden count may be. With the totals' signs turned round, such a change is a circulation on the
graph whose nodes are the rows and the columns and whose edges are the hidden counts: a count is safe if and only if its
edge lies on a directed cycle of edges that may still rise or fall (Gusfield 1988, SIAM J Comput 17:552-571).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]

Place = tuple[int, int]
"""Row and column of a count, from 0."""


class Node(NamedTuple):
    """A row or a column."""

    axis: Literal["row", "column"]
    position: int


class Arc(NamedTuple):
    """A way in which a hidden count may change: it rises from row to column, or falls back."""

    tail: Node
    head: Node
    place: Place


def with_totals(counts: Counts) -> Counts:
    """The counts with a row and a column of totals at the end.

    >>> with_totals(np.array([[1, 2], [3, 4]])).tolist()
    [[1, 2, 3], [3, 4, 7], [4, 6, 10]]
    """
    rows = np.vstack([counts, counts.sum(axis=0)])
    return np.hstack([rows, rows.sum(axis=1, keepdims=True)])


def complete(whole: Counts, small: set[Place], lowest: int) -> set[Place]:
    """The small counts and, one by one, others until none can be recovered; totals and large counts come last.

    `lowest` is the least that a hidden count may be: 1 where zeros are shown, else 0.
    """
    hidden = set(small)
    while exposed := recoverable(whole, hidden, lowest):
        shown = [place for place in places(whole) if whole[place] >= lowest and place not in hidden]
        beside = [place for place in shown if any(_in_line(place, other) for other in exposed)]
        hidden.add(min(beside or shown, key=lambda place: _cost(whole, hidden, place)))
    return hidden


def recoverable(whole: Counts, hidden: set[Place], lowest: int) -> set[Place]:
    """Which of the hidden counts follow from those that are shown."""
    arcs = [arc for place in hidden for arc in _arcs(whole, place, lowest)]
    leaving: dict[Node, list[Arc]] = defaultdict(list)
    for arc in arcs:
        leaving[arc.tail].append(arc)
    return hidden - {arc.place for arc in arcs if _on_cycle(arc, leaving)}


def places(whole: Counts) -> Iterator[Place]:
    """Every place of a table, row by row."""
    rows, columns = whole.shape
    return ((row, column) for row in range(rows) for column in range(columns))


def _arcs(whole: Counts, place: Place, lowest: int) -> Iterator[Arc]:
    """Counts and the total of totals enter the sums with one sign, the other totals with the opposite one."""
    row, column = Node("row", place[0]), Node("column", place[1])
    is_margin = _totals_in(whole, place) == 1
    may_fall = whole[place] > lowest
    if may_fall or not is_margin:
        yield Arc(row, column, place)
    if may_fall or is_margin:
        yield Arc(column, row, place)


def _on_cycle(arc: Arc, leaving: Mapping[Node, list[Arc]]) -> bool:
    """Whether a path leads from the head of the arc to its tail without the count that the arc stands for."""
    reached, waiting = {arc.head}, [arc.head]
    while waiting:
        found = {other.head for other in leaving.get(waiting.pop(), ()) if other.place != arc.place} - reached
        reached |= found
        waiting.extend(found)
    return arc.tail in reached


def _cost(whole: Counts, hidden: set[Place], place: Place) -> tuple[int, int, int]:
    """Least for what is no total, then for what keeps a hidden count company that is alone in its row or column."""
    rows, columns = (Counter(other[axis] for other in hidden) for axis in (0, 1))
    company = (rows[place[0]] == 1) + (columns[place[1]] == 1)
    return _totals_in(whole, place), -company, int(whole[place])


def _totals_in(whole: Counts, place: Place) -> int:
    """0 for a count, 1 for a total, 2 for the total of totals."""
    return sum(position == length - 1 for position, length in zip(place, whole.shape, strict=True))


def _in_line(place: Place, other: Place) -> bool:
    return place[0] == other[0] or place[1] == other[1]
