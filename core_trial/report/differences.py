"""Two values that should be the same: whether they are, within which tolerance, and by how much they differ."""

from __future__ import annotations

import difflib
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

RELATIVE = 1e-6
"""A number is the same if it differs by less than this share of itself."""

RELATIVE_LIMIT = 1e-4
"""The same for the limits of intervals, which come from iterations that stop."""

ABSOLUTE = 1e-8
"""Numbers nearer to each other than this are the same, so that a variance of zero may come out as 1e-12."""

COORDINATE = 1e-3
"""Points: marks of a figure nearer to each other than this are in the same place."""

ABSENT = "(absent)"

_LIMIT = re.compile(r"(^|_)(low|high|lower|upper)$")
_NUMBER = re.compile(r"(?<![\w.])([-+−]?(?>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?))(?!\w)")


@dataclass(frozen=True)
class Pair:
    """A value as recorded and as made again, and where it stands."""

    row: str
    column: str
    recorded: str
    rerun: str
    absolute: float = ABSOLUTE

    @property
    def numbers(self) -> tuple[float, float] | None:
        """Both as numbers; None where one is none."""
        recorded, rerun = as_number(self.recorded), as_number(self.rerun)
        return None if recorded is None or rerun is None else (recorded, rerun)

    @property
    def difference(self) -> float:
        """How far two numbers are apart, above 1 as a share of the larger; NaN for what is no number."""
        if self.numbers is None:
            return math.nan
        return abs(self.numbers[0] - self.numbers[1]) / max(1.0, *(abs(number) for number in self.numbers))

    @property
    def same(self) -> bool:
        """Whether the two agree within the tolerance of what they are."""
        if self.recorded == self.rerun or self.numbers is None:
            return self.recorded == self.rerun
        relative = RELATIVE_LIMIT if _LIMIT.search(self.column) else RELATIVE
        return math.isclose(*self.numbers, rel_tol=relative, abs_tol=self.absolute)


def as_number(text: str) -> float | None:
    """The number that a text is, with thousands separators and a printed minus sign if it has them."""
    try:
        number = float(text.replace(",", "").replace("−", "-"))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def compare_lines(
    recorded: Iterable[str], rerun: Iterable[str], column: str = "", absolute: float = ABSOLUTE
) -> Iterator[Pair]:
    """Pairs of the numbers in lines whose words are the same, and of the lines whose words are not.

    >>> [pair.recorded for pair in compare_lines(["p = 0.34, df 22"], ["p = 0.35, df 22"]) if not pair.same]
    ['0.34']
    """
    old, new = list(recorded), list(rerun)
    for kind, i, i_end, j, j_end in _aligned([_words(line) for line in old], [_words(line) for line in new]):
        for place, (before, after) in enumerate(
            itertools.zip_longest(old[i:i_end], new[j:j_end], fillvalue=ABSENT), i + 1
        ):
            if kind == "equal":
                for numbers in zip(_NUMBER.findall(before), _NUMBER.findall(after), strict=True):
                    yield Pair(f"line {place}", column, *numbers, absolute)
            else:
                yield Pair(f"line {place}", column, before.strip(), after.strip())


def _words(line: str) -> str:
    """A line with its numbers taken out."""
    return _NUMBER.sub("#", line)


def _aligned(old: list[str], new: list[str]) -> Sequence[tuple[str, int, int, int, int]]:
    """Which stretches of lines belong together, as `difflib` tells it; lines that all agree need no search."""
    if old == new:
        return [("equal", 0, len(old), 0, len(new))]
    return difflib.SequenceMatcher(None, old, new).get_opcodes()
