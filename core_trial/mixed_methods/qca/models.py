"""A model: the terms that are sufficient together, and how well they fit."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from .boolean import Implicant
from .measures import Array, consistency, coverage, pri
from .membership import Memberships

Terms = tuple[Implicant, ...]


@dataclass(frozen=True, eq=False)
class Model:
    """A disjunction of terms that is sufficient for the outcome.

    Attributes
    ----------
    terms : such as ("A*~B", "C"); "1" is what always holds
    consistency, pri, coverage : of the whole model
    parts : a row a term: term, consistency, pri, coverage, unique_coverage (lost without the term), cases (members of
        the term), deviant (those of them that are out of the outcome)
    uncovered : cases in the outcome that are in no term
    membership : (n,) of each case in the model
    """

    terms: tuple[str, ...]
    consistency: float
    pri: float
    coverage: float
    parts: pd.DataFrame = field(repr=False)
    uncovered: tuple[str, ...]
    membership: Array = field(repr=False)

    def __str__(self) -> str:
        return " + ".join(self.terms)


def fit_model(sets: Memberships, terms: Terms) -> Model:
    """How the disjunction of the terms fits the outcome."""
    k, y = len(sets.conditions), sets.y
    literals = [term.literals(k) for term in terms]
    x = np.array([np.min([np.ones_like(y), *(sets.literal(*each) for each in term)], axis=0) for term in literals])
    names = tuple("*".join(sets.name(*each) for each in term) or "1" for term in literals)
    whole = x.max(axis=0)
    rest = np.array([np.delete(x, position, axis=0).max(axis=0, initial=0) for position in range(len(x))])
    parts = pd.DataFrame(
        {
            "term": names,
            "consistency": consistency(x, y),
            "pri": pri(x, y),
            "coverage": coverage(x, y),
            "unique_coverage": coverage(whole, y) - coverage(rest, y),
            "cases": [", ".join(sets.named(row > 0.5)) for row in x],
            "deviant": [", ".join(sets.named((row > 0.5) & (y < 0.5))) for row in x],
        }
    )
    return Model(
        terms=names,
        consistency=float(consistency(whole, y)),
        pri=float(pri(whole, y)),
        coverage=float(coverage(whole, y)),
        parts=parts,
        uncovered=sets.named((whole <= 0.5) & (y > 0.5)),
        membership=whole,
    )
