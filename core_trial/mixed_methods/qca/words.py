"""Columns of two words, such as "Stable" and "Unstable", read as membership in the set that the column names."""

from __future__ import annotations

import pandas as pd

from ...errors import DataError

OPPOSITES = {"yes": "no", "true": "false", "present": "absent", "high": "low", "in": "out", "intervention": "control"}
"""Words of membership and of its absence."""

NEGATIONS = ("not ", "no ", "non-", "non", "un")


def positive_word(column: pd.Series[str]) -> str:
    """The word of the two in the column that says membership, or a `DataError` if they do not tell which.

    It is the one of which the other is a negation ("Stable", "Unstable"), the first of a pair of known opposites
    ("High literacy", "Low literacy"), or the only one that begins like the name of the column (SURV: "Survival").
    """
    words = sorted(map(str, column.unique()))
    candidates = [word for word in words if any(_denies(other, word) for other in words)]
    candidates = candidates or [word for word in words if _plain(word).startswith(_plain(str(column.name)))]
    if len(words) != 2 or len(candidates) != 1:
        raise DataError(
            f"column {column.name!r} has the values {', '.join(map(repr, words))}, and which of them says membership "
            "is not clear; code it as 1 (in the set) and 0 (out of it), or calibrate it"
        )
    return candidates[0]


def _denies(other: str, word: str) -> bool:
    """Does the other one say that this does not hold?"""
    opposite = [OPPOSITES.get(part, part) for part in _plain(word).split()]
    return _plain(other) in {" ".join(opposite), *(prefix + _plain(word) for prefix in NEGATIONS)} and other != word


def _plain(text: str) -> str:
    return text.strip().casefold()
