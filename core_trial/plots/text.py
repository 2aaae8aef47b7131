"""Text on a figure: its width, its lines, and numbers as papers print them."""

from __future__ import annotations

from functools import cache
from itertools import chain

import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from ..errors import PlanError
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


def number(value: float, digits: int) -> str:
    """
    >>> number(-1234.567, 1)
    '−1,234.6'
    """
    return f"{value:z,.{digits}f}".replace("-", "−").replace("inf", "∞")


def interval(estimate: float, low: float, high: float, digits: int) -> str:
    """
    >>> interval(0.97, -1.02, 2.97, 2)
    '0.97 (−1.02 to 2.97)'
    """
    if np.isnan(estimate):
        return "not estimated"
    if np.isnan(low) or np.isnan(high):
        return f"{number(estimate, digits)} (no interval)"
    return f"{number(estimate, digits)} ({number(low, digits)} to {number(high, digits)})"


def p_value(value: float) -> str:
    """
    >>> p_value(0.3412), p_value(0.00002)
    ('0.341', '<0.001')
    """
    if np.isnan(value):
        return ""
    if value < 0.001:
        return "<0.001"
    return ">0.999" if value > 0.999 else f"{value:.3f}"


def percent(conf_level: float) -> str:
    """
    >>> percent(0.95)
    '95%'
    """
    if not 0 < conf_level < 1:
        raise PlanError(f"conf_level {conf_level:g}: it is between 0 and 1, such as 0.95")
    return f"{100 * conf_level:g}%"


def sentence(text: str) -> str:
    """The text with a capital letter, the rest as it is."""
    return text[:1].upper() + text[1:]
