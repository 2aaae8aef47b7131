"""Contrasts of type III: what each term of a formula is tested by (SAS/STAT, The Four Types of Estimable Functions)."""

from __future__ import annotations

from itertools import chain

import numpy as np

from ..engine.arrays import Array
from ..formula.coding import CodedTerm, code_by_term
from ..formula.frame import ModelFrame


def type_three(frame: ModelFrame) -> dict[str, Array]:
    """Rows (q, p) of each term but the intercept; a term without a coefficient has none and is left out.

    With A (p, m) such that the design with a column for every level of every factor is X A, row j of A is the function
    of the effects of all levels that coefficient j estimates. A term has the functions of its coefficients, made
    orthogonal to those of the terms that contain it.
    """
    design, terms = code_by_term(frame.terms, frame.columns)
    full, _ = code_by_term(frame.terms, frame.columns, every_level=True)
    functions = np.linalg.lstsq(design[:, frame.kept], full, rcond=None)[0]
    contrasts = np.eye(len(frame.kept))
    place = {column: i for i, column in enumerate(frame.kept.tolist())}
    rows = {term.name: [place[i] for i in term.columns if i in place] for term in terms}
    for term in sorted(terms, key=lambda term: -term.order):
        own, others = rows[term.name], list(chain(*(rows[other.name] for other in terms if _contains(other, term))))
        share = np.linalg.lstsq(functions[others].T, functions[own].T, rcond=None)[0].T
        functions[own] -= share @ functions[others]
        contrasts[own] -= share @ contrasts[others]
    return {term.name: contrasts[rows[term.name]] for term in terms if term.order and rows[term.name]}


def _contains(larger: CodedTerm, term: CodedTerm) -> bool:
    """Whether `larger` has the same numbers and more factors."""
    return larger.numbers == term.numbers and larger.factors > term.factors
