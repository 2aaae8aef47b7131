"""How programs count the characters of a text, and where their positions lie in the text as we count it.

REFI-QDA 1.5, section 10.2, counts Unicode code points from 0, the end not included. Some programs count UTF-16 units,
so that an emoji counts twice; some count the two characters of a Windows line end, some one. We count code points, and
a line end as one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

DOUBLE = re.compile("\r\n|[\U00010000-\U0010ffff]")
SHORTEST_NAME = 3
LONGEST_NAME = 60
"""Characters of the name of a passage that are compared with its text."""


@dataclass(frozen=True)
class Counting:
    """A rule of counting: a Windows line end as `line_end` characters, a character beyond U+FFFF as `astral`."""

    line_end: int = 2
    astral: int = 1

    def __str__(self) -> str:
        unit = "code points" if self.astral == 1 else "UTF-16 units"
        return f"{unit}, a Windows line end as {self.line_end}"


class Passage(NamedTuple):
    """A selection as a program wrote it. The name often repeats how the passage begins."""

    start: int
    end: int
    name: str = ""


def count_text(text: str) -> str:
    """The text in which our positions lie: a Windows line end is one character."""
    return text.replace("\r\n", "\n")


@dataclass(frozen=True)
class Ruler:
    """The characters of a text, as written, that rules count differently: where they begin, and which are line ends."""

    begins: NDArray[np.int64]
    is_line_end: NDArray[np.bool_]

    @classmethod
    def of(cls, text: str) -> Ruler:
        found = [(match.start(), match.end() - match.start() == 2) for match in DOUBLE.finditer(text)]
        begins, is_line_end = np.array(found, dtype=np.int64).reshape(-1, 2).T
        return cls(begins, is_line_end.astype(bool))

    def locate(self, positions: ArrayLike, rule: Counting) -> NDArray[np.int64]:
        """Positions by `rule` in the text as written, as positions in `count_text(text)`.

        A position inside a character that counts twice comes to lie after it. One beyond the text stays beyond it.
        """
        line_ends, astral = self.is_line_end, ~self.is_line_end
        begins = self.begins + (rule.line_end - 2) * (np.cumsum(line_ends) - line_ends)
        begins = begins + (rule.astral - 1) * (np.cumsum(astral) - astral)
        counted_twice = np.where(line_ends, rule.line_end, rule.astral) == 2
        given = np.asarray(positions, dtype=np.int64)
        return given - np.searchsorted(begins[counted_twice] + 1, given, side="left")


class Located(NamedTuple):
    """Passages in `count_text(text)`, shape (passages, 2); the rule by which they were found, and if it is certain."""

    places: NDArray[np.int64]
    rule: Counting
    certain: bool


def locate_passages(passages: Sequence[Passage], text: str, usual: Counting) -> Located:
    """Passages by the rule under which most of them begin as they are named; among equals, by the `usual` one.

    The rule is certain where the rules do not differ for these passages, or one fits the names better than the others.
    """
    ruler = Ruler.of(text)
    given = np.array([passage[:2] for passage in passages], dtype=np.int64).reshape(-1, 2)
    rules = _possible_rules(ruler, usual)
    places = [ruler.locate(given, rule) for rule in rules]
    if all(np.array_equal(each, places[0]) for each in places):
        return Located(places[0], usual, True)
    fits = [_fits(count_text(text), each, passages) for each in places]
    best = int(np.argmax(fits))
    rivals = [each for each, fit in zip(places, fits, strict=True) if fit == fits[best]]
    certain = fits[best] > 0 and all(np.array_equal(each, places[best]) for each in rivals)
    return Located(places[best], rules[best], certain)


def _possible_rules(ruler: Ruler, usual: Counting) -> list[Counting]:
    line_ends = (usual.line_end, 3 - usual.line_end) if ruler.is_line_end.any() else (usual.line_end,)
    astral = (1, 2) if (~ruler.is_line_end).any() else (1,)
    return [Counting(line_end, width) for line_end in line_ends for width in astral]


def _fits(text: str, places: NDArray[np.int64], passages: Sequence[Passage]) -> int:
    """How many of the passages begin as they are named."""
    named = [(ends, passage.name) for ends, passage in zip(places.tolist(), passages, strict=True) if passage.name]
    return sum(_begins_as_named(text, start, end, name) for (start, end), name in named)


def _begins_as_named(text: str, start: int, end: int, name: str) -> bool:
    begins = " ".join(name[:LONGEST_NAME].split()).removesuffix("...").removesuffix("…").strip()
    passage = text[max(start, 0) : max(min(end, start + 3 * LONGEST_NAME), 0)]
    at_a_word = passage[:1].strip() != ""
    return len(begins) >= SHORTEST_NAME and at_a_word and " ".join(passage.split()).startswith(begins)
