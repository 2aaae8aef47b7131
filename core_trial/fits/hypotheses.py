"""Linear hypotheses about coefficients: read from their names, from equations or from a matrix."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from formulaic.errors import FormulaicError
from formulaic.utils.constraints import LinearConstraints

from ..engine.arrays import Array
from ..errors import PlanError

NEGLIGIBLE = 1e-10  # a singular value, as a share of the largest, that only rounding leaves


@dataclass(frozen=True)
class Hypothesis:
    """rows (q, p) @ beta = values (q,), the rows linearly independent; `text` says so in words."""

    text: str
    rows: Array
    values: Array


def read_hypothesis(hypothesis: str | Sequence[str] | Array, terms: Sequence[str]) -> Hypothesis:
    """What `hypothesis` says about the coefficients `terms`.

    Parameters
    ----------
    hypothesis : an equation or several with commas between, `"arm = 0, 2 * month - age = 1"` (without `=`, it equals
        zero); a list of such; or a matrix (q, p) whose rows times the coefficients are zero

    Raises
    ------
    PlanError : a coefficient that is not in `terms`, an equation that is not linear, equations that contradict

    Examples
    --------
    >>> read_hypothesis("arm[T.b] = 2 * x, x", ["(Intercept)", "arm[T.b]", "x"]).rows.tolist()
    [[0.0, 1.0, -2.0], [0.0, 0.0, 1.0]]
    """
    if not isinstance(hypothesis, str) and not all(isinstance(equation, str) for equation in hypothesis):
        rows = np.atleast_2d(np.asarray(hypothesis, float))
        if rows.shape[1] != len(terms) or not np.isfinite(rows).all():
            raise PlanError(f"a hypothesis on these coefficients has {len(terms)} numbers a row: {', '.join(terms)}")
        return independent(Hypothesis(f"{len(rows)} contrasts", rows, np.zeros(len(rows))))
    text = hypothesis if isinstance(hypothesis, str) else ", ".join(hypothesis)
    try:
        constraints = LinearConstraints.from_spec(_quote(text, terms), variable_names=list(terms))
    except (FormulaicError, KeyError, RuntimeError, ValueError) as error:
        raise PlanError(f"hypothesis {text!r} is not linear in the coefficients {', '.join(terms)}") from error
    rows, values = constraints.constraint_matrix, constraints.constraint_values
    return independent(Hypothesis(text, np.asarray(rows, float), np.asarray(values, float)))


def independent(hypothesis: Hypothesis) -> Hypothesis:
    """The same hypothesis without redundant rows; PlanError if it contradicts itself or says nothing."""
    u, size, v = np.linalg.svd(hypothesis.rows, full_matrices=False)
    kept = size > NEGLIGIBLE * size.max(initial=0.0)
    if not kept.any():
        raise PlanError(f"hypothesis {hypothesis.text!r} is about no coefficient")
    if kept.all() and len(u) == len(size):
        return hypothesis
    values = u.T @ hypothesis.values
    if not np.allclose(u[:, kept] @ values[kept], hypothesis.values):
        raise PlanError(f"hypothesis {hypothesis.text!r} contradicts itself")
    return Hypothesis(hypothesis.text, size[kept, None] * v[kept], values[kept])


def _quote(text: str, terms: Sequence[str]) -> str:
    """`text` with the names of coefficients in backquotes, so that their brackets and colons are not read as signs."""
    names = "|".join(re.escape(term) for term in sorted(terms, key=len, reverse=True))
    quoted = re.sub(rf"`[^`]*`|(?<![\w.])(?:{names})(?![\w.])", lambda found: f"`{found[0].strip('`')}`", text)
    return re.sub(r"=\s*-", "= 0 -", quoted)  # formulaic reads no sign after "="
