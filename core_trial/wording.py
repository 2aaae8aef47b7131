"""Numbers and sentences as papers print them."""

from __future__ import annotations

import numpy as np

from .errors import PlanError


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
