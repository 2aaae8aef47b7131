"""Mixed-model formulas: the bar terms of lme4 split off, the rest read by formulaic.

`y ~ arm + (1 | trust/team)` has the response `y`, the fixed part `arm` and two bar terms. `^` is a power, as in R,
and names of columns may have dots in them. A name before a bar term gives its random effects a covariance structure,
as in glmmTMB: `ar1(0 + C(month) | team)`.
`offset(...)` is a term whose coefficient is 1, and `cbind(events, others) ~` an outcome of two columns of counts.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import get_args

import numpy as np
from formulaic import Formula, SimpleFormula
from formulaic.errors import FormulaicError
from formulaic.parser.types import Term
from formulaic.transforms import TRANSFORMS

from ..engine.linear.patterned import PatternName
from ..engine.linear.random import StructureName
from ..errors import PlanError

QUOTES = "`'\""
BRACKETS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}
NAME = r"`[^`]+`|[^\W\d][\w.]*"
GROUP = re.compile(rf"\s*(?:{NAME})\s*(?:[:/]\s*(?:{NAME})\s*)*")
STRUCTURED = re.compile(r"(\w*)\s*\((.*)\)", re.DOTALL)
STRUCTURES: tuple[StructureName, ...] = ("us", *get_args(PatternName))
OFFSET = re.compile(r"offset\s*\((.*)\)", re.DOTALL)
BOUND = re.compile(r"\s*cbind\s*\((.*)\)\s*", re.DOTALL)
QUOTED = re.compile("`([^`]+)`")
TOKEN = re.compile(r"`[^`]*`|'[^']*'|\"[^\"]*\"|(?<![\w.])[^\W\d][\w.]*")
NEEDLESS = re.compile(r"`([^\W\d][\w.]*)`")
COMPARISON = re.compile("[<>=]")
WORDS = {"TRUE": "True", "FALSE": "False", "as.factor": "factor"}  # of R, in Python
EXTRA_FUNCTIONS = {  # known to R and not to formulaic
    "factor": TRANSFORMS["C"],
    **{name: getattr(np, name) for name in ("sqrt", "abs", "log1p", "expm1", "sin", "cos", "tan", "floor", "round")},
    "ceiling": np.ceil,
    "pmin": np.minimum,
    "pmax": np.maximum,
    "ifelse": np.where,
}
MODULES = ("np", "contr")


@dataclass(frozen=True)
class Terms:
    """One side of a formula: its terms, each the product of factors; the factors may be expressions.

    Attributes
    ----------
    text : as written
    formula : as formulaic reads it, a sequence of terms
    variables : the columns that the terms mention
    """

    text: str
    formula: SimpleFormula
    variables: tuple[str, ...]


@dataclass(frozen=True)
class Bar:
    """`(columns | group)`: random effects of a covariance `structure`.

    `group` are the columns whose combinations are the levels.
    """

    columns: Terms
    group: tuple[str, ...]
    structure: StructureName = "us"

    @property
    def name(self) -> str:
        return ":".join(self.group)


@dataclass(frozen=True)
class MixedFormula:
    """A formula split: response ~ fixed + bars + offset; `others` is the second column of `cbind(events, others)`."""

    text: str
    response: Terms
    fixed: Terms
    bars: tuple[Bar, ...]
    offset: Terms | None = None
    others: Terms | None = None

    @property
    def variables(self) -> tuple[str, ...]:
        """The columns that the formula mentions, the response first."""
        bars = [name for bar in self.bars for name in (*bar.columns.variables, *bar.group)]
        more = [name for terms in (self.others, self.offset) if terms for name in terms.variables]
        return tuple(dict.fromkeys([*self.response.variables, *self.fixed.variables, *bars, *more]))


@lru_cache(maxsize=256)
def parse_formula(text: str, *, generalised: bool = False) -> MixedFormula:
    """Split `text`; PlanError says what is wrong with it. Offsets and `cbind` are for generalised models.

    Examples
    --------
    >>> formula = parse_formula("y ~ arm + (1 | trust/team)")
    >>> formula.fixed.text, [bar.name for bar in formula.bars]
    ('arm', ['team:trust', 'trust'])
    """
    if not isinstance(text, str):
        raise PlanError(
            f"a formula of type {type(text).__name__}: write it as text, 'outcome ~ effects + (1 | cluster)'"
        )
    sides = _in_python(text).replace("^", "**").split("~")
    if len(sides) != 2 or not sides[0].strip():
        raise PlanError(f"formula {text!r}: write it as 'outcome ~ effects + (1 | cluster)'")
    summands = [part.strip() for part in _split(sides[1], "+")]
    bars = [part for part in summands if "|" in part]
    offsets = [match[1] for part in summands if (match := OFFSET.fullmatch(part))]
    plain = (part for part in summands if part and part not in bars and not OFFSET.fullmatch(part))
    fixed = _terms(" + ".join(plain) or "1")
    if not fixed.formula:
        raise PlanError(f"formula {text!r} has no fixed effects; write 1 for an intercept alone")
    response, others = _outcome(text, sides[0])
    offset = _single(" + ".join(offsets)) if offsets else None
    if (offset or others) and not generalised:
        raise PlanError(f"formula {text!r}: offset(...) and cbind(...) are for generalised models, such as ct.glmm")
    return MixedFormula(text, response, fixed, tuple(_expand(bars)), offset, others)


def _in_python(text: str) -> str:
    """`text` with R's words in Python's, and backquotes about names with dots."""

    def word(match: re.Match[str]) -> str:
        token, behind = match[0], text[match.end() :].lstrip()
        column = token[0] not in QUOTES and not behind.startswith("(") and token.partition(".")[0] not in MODULES
        return f"`{token}`" if column and "." in token else WORDS.get(token, token)

    return TOKEN.sub(word, text)


def without_needless_quotes(text: str) -> str:
    """`text` without backquotes about names that R would not quote.

    Examples
    --------
    >>> without_needless_quotes("log(`total.stays`) + `staff fte`")
    'log(total.stays) + `staff fte`'
    """
    return NEEDLESS.sub(r"\1", text)


def _outcome(text: str, side: str) -> tuple[Terms, Terms | None]:
    """The outcome, or the two columns of `cbind(events, others)`."""
    bound = BOUND.fullmatch(side)
    if not bound:
        return _terms(f"0 + {side}"), None
    columns = list(_split(bound[1], ","))
    if len(columns) != 2:
        raise PlanError(f"formula {text!r}: write the outcome as cbind(events, others), of two columns of counts")
    return _single(columns[0]), _single(columns[1])


def _single(text: str) -> Terms:
    """One column: by its name, or computed."""
    column = text.strip()
    return _terms(f"0 + {column}" if re.fullmatch(NAME, column) else f"0 + I({column})")


def _expand(bars: Iterable[str]) -> Iterator[Bar]:
    """`||` into a term a column, `a/b` into `b:a` and `a`."""
    for text in bars:
        structure, inside = _structured(text)
        parts = re.split(r"\|\|?", inside)
        if len(parts) != 2 or not parts[0].strip() or not GROUP.fullmatch(parts[1]):
            raise PlanError(
                f"random term {text!r}: write it as '(1 | cluster)', '(time | cluster)' or '(1 | trust/team)'"
            )
        columns = _terms(parts[0])
        if not columns.formula:
            raise PlanError(
                f"random term {text!r} has no random effects: name them before the bar, as in '(1 | cluster)'"
            )
        for group in _groups(parts[1]):
            for effects in _separate(columns) if "||" in inside else [columns]:
                yield Bar(effects, group, structure)


def unconstrained(formula: MixedFormula) -> MixedFormula:
    """The formula with a random intercept whose variance may be negative; PlanError unless that is its one bar term."""
    bars = formula.bars
    if len(bars) != 1 or bars[0].structure != "us" or [str(term) for term in bars[0].columns.formula] != ["1"]:
        raise PlanError(
            f"formula {formula.text!r}: unconstrained=True is for models with one random intercept, such as"
            " 'y ~ arm + (1 | team)', and no other random term"
        )
    return replace(formula, bars=(replace(bars[0], structure="any sign"),))


def _structured(text: str) -> tuple[StructureName, str]:
    """The structure of `ar1(columns | group)`, and what stands between the brackets."""
    match = STRUCTURED.fullmatch(text)
    name, inside = match.groups() if match else ("", "")
    structure = next((known for known in STRUCTURES if known == (name or "us")), None)
    if structure is None:
        raise PlanError(f"random term {text!r}: the structure {name!r} is unknown; choose from {', '.join(STRUCTURES)}")
    if structure != "us" and "||" in inside:
        raise PlanError(f"random term {text!r}: '||' leaves nothing for {structure} to structure; write '|'")
    return structure, inside


def _groups(text: str) -> Iterator[tuple[str, ...]]:
    """The grouping factors that `text` stands for, the finest first."""
    nested = [[name.strip(" `") for name in level.split(":")] for level in text.split("/")]
    for depth in range(len(nested), 0, -1):
        yield tuple(name for level in reversed(nested[:depth]) for name in level)


def _separate(columns: Terms) -> Iterator[Terms]:
    for term in columns.formula:
        yield Terms(str(term), SimpleFormula([term]), _variables([term]))


def _split(text: str, separator: str) -> Iterator[str]:
    """`text` at each separator outside brackets, quotes and backquotes."""
    depth, start, quote = 0, 0, ""
    for i, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in QUOTES:
            quote = character
        elif character == separator and not depth:
            yield text[start:i]
            start = i + 1
        depth += 0 if quote else BRACKETS.get(character, 0)
    yield text[start:]


def _terms(text: str) -> Terms:
    """Terms in the order of their degrees, and the factors of each in the order of their first mention, as in R."""
    try:
        written = Formula(text, _ordering="none")
    except (FormulaicError, SyntaxError, ValueError) as error:
        reason = str(error).split(". ")[0].splitlines()[0]
        hint = " Write comparisons as I(a == b)." if COMPARISON.search(text) else ""
        raise PlanError(f"formula part {text.strip()!r} cannot be read: {reason}{hint}") from error
    mentioned = list(dict.fromkeys(factor for term in written for factor in term.factors))
    formula = SimpleFormula([Term(sorted(term.factors, key=mentioned.index)) for term in written])
    return Terms(without_needless_quotes(text.strip()), formula, _variables(formula))


def _variables(terms: Iterable[Term]) -> tuple[str, ...]:
    """The columns that the terms mention, in the order of first mention."""
    factors = [factor for term in terms for factor in term.factors]
    names = [name for factor in factors for name in factor_names(factor.expr, factor.eval_method.value)]
    return tuple(dict.fromkeys(names))


def factor_names(expression: str, how: str) -> Iterator[str]:
    """The names in a factor that are neither functions nor modules; `how` formulaic evaluates it."""
    if how == "lookup":
        yield expression
    elif how == "python":
        yield from QUOTED.findall(expression)
        tree = ast.parse(QUOTED.sub("0", expression).strip(), mode="eval")
        known = {*TRANSFORMS, *EXTRA_FUNCTIONS}
        functions = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        for function in functions:
            if ast.unparse(function).partition(".")[0] not in known:
                raise PlanError(
                    f"formula part {expression!r}: there is no function {ast.unparse(function)!r}; choose from"
                    f" {', '.join(sorted(known.difference(MODULES)))}, or compute the column before"
                )
        names = (node for node in ast.walk(tree) if isinstance(node, ast.Name) and node not in functions)
        yield from (node.id for node in names if node.id not in known)
