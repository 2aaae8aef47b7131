"""Intermediate solutions: what directional expectations allow to take away from the terms of the conservative one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from ...errors import PlanError
from .boolean import Implicant

Expectation = Literal["present", "absent"]
Expectations = Mapping[str, Expectation | None]

FLIPPED: dict[Expectation | None, Expectation | None] = {"present": "absent", "absent": "present", None: None}


def check_expectations(expectations: Expectations | None, conditions: tuple[str, ...]) -> Expectations:
    """An expectation for each condition; where none at all is given, each is expected to be present."""
    if expectations is None:
        return dict.fromkeys(conditions, "present")
    unknown = [name for name in expectations if name not in conditions]
    if unknown:
        raise PlanError(f"expectations name {', '.join(unknown)}; the conditions are {', '.join(conditions)}")
    wrong = {name: value for name, value in expectations.items() if value not in FLIPPED}
    if wrong:
        raise PlanError(f"expectations are {wrong}; choose 'present', 'absent' or None for each condition")
    return {name: expectations.get(name) for name in conditions}


def flipped(expectations: Expectations) -> Expectations:
    """The expectations for the negated outcome."""
    return {name: FLIPPED[value] for name, value in expectations.items()}


def in_words(expectations: Expectations) -> str:
    return ", ".join(f"{name} {value or 'without expectation'}" for name, value in expectations.items())


def without_hard_evidence(
    conservative: Implicant, parsimonious: Implicant, expectations: tuple[Expectation | None, ...]
) -> Implicant:
    """The conservative term without its literals that go against expectation and are not in the parsimonious term.

    The outcome came about although such a condition was unfavourable, so all the more would it with a favourable one:
    an easy counterfactual. Source: Ragin and Sonnett 2005, in Kropp and Minkenberg (eds), Vergleichen in der
    Politikwissenschaft, p 180.
    """
    k = len(expectations)
    easy = sum(
        1 << (k - 1 - position)
        for position, present in conservative.literals(k)
        if expectations[position] == ("absent" if present else "present")
    )
    care = conservative.care & (parsimonious.care | ~easy)
    return Implicant(care, conservative.value & care)
