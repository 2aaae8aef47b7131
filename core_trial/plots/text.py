"""Text on a figure: its width, and its lines."""

from __future__ import annotations

from functools import cache
from itertools import chain

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from .style import FONT, STYLE

LEADING = 1.28
"""Distance of two lines of text, in sizes."""


@cache
def text_width(text: str, size: float = FONT, weight: str = "normal") -> float:
    """Width of one line in points."""
    font = FontProperties(family=str(STYLE["font.family"]), size=size, weight=weight)
    width, _, _ = TextToPath().get_text_width_height_descent(text, font, False)
    return float(width)


def wrap(text: str, width: float, size: float = FONT, weight: str = "normal") -> list[str]:
    """The text in lines that are at most `width` points wide; only a single word wider than that is cut."""
    lines = [""]
    for piece in chain.from_iterable(_pieces(word, width, size, weight) for word in text.split()):
        longer = f"{lines[-1]} {piece}".strip()
        if text_width(longer, size, weight) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(piece)
    return lines


def _pieces(word: str, width: float, size: float, weight: str) -> list[str]:
    pieces = [""]
    for letter in word:
        if pieces[-1] and text_width(pieces[-1] + letter, size, weight) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces
