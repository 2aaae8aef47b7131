"""Numbers of a formula, such as `log(age)` or `I(month == 6)`, as expressions of DuckDB's SQL."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from ..data.store.sql import literal, quoted
from ..errors import PlanError
from ..formula.parse import QUOTED

INTEGERS = frozenset({"tinyint", "smallint", "integer", "bigint", "hugeint"})
NUMBERS = INTEGERS | {f"u{name}" for name in INTEGERS} | {"float", "double", "decimal", "boolean"}
"""DuckDB types that are numbers, yes and no among them."""

OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.USub: "-", ast.UAdd: "+"}
COMPARISONS = {ast.Eq: "=", ast.NotEq: "<>", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
LOGARITHM = "CASE WHEN {0} > 0 THEN %s({0}) ELSE 'nan'::DOUBLE END"
FUNCTIONS = {
    "I": "({0})",
    "abs": "abs({0})",
    "exp": "exp({0})",
    "exp2": "pow(2e0, {0})",
    "exp10": "pow(1e1, {0})",
    "log": LOGARITHM % "ln",
    "log2": LOGARITHM % "log2",
    "log10": LOGARITHM % "log10",
    "sqrt": "CASE WHEN {0} >= 0 THEN sqrt({0}) ELSE 'nan'::DOUBLE END",
}
"""What a formula may compute row by row; where there is no number, the value is NaN and not an error."""


def number_sql(expression: str, types: Mapping[str, str]) -> str:
    r"""SQL of a number of a formula, DOUBLE; `types` are those of the columns.

    Raises
    ------
    PlanError : it is not made of columns, constants, arithmetic, comparisons and `FUNCTIONS`

    Examples
    --------
    >>> number_sql("I(age * dose)", {"age": "integer", "dose": "double"})
    'coalesce(((CAST("age" AS DOUBLE) * CAST("dose" AS DOUBLE))), \'nan\'::DOUBLE)'
    """
    if expression in types:
        return _column(expression, types)
    names: dict[str, str] = {}
    for name in QUOTED.findall(expression):
        names[f"quoted_{len(names)}"] = name
        expression = expression.replace(f"`{name}`", f"quoted_{len(names) - 1}")
    return f"coalesce({_sql(ast.parse(expression.strip(), mode='eval').body, types, names)}, 'nan'::DOUBLE)"


def number_literal(value: float) -> str:
    """A number as it stands in SQL, DOUBLE to the last digit."""
    return f"{value:.17e}"


def _sql(node: ast.expr, types: Mapping[str, str], names: Mapping[str, str]) -> str:
    match node:
        case ast.Name(name):
            return _column(names.get(name, name), types)
        case ast.Constant(bool() | int() | float() as value):
            return number_literal(value)
        case ast.Constant(str(text)):
            return literal(text)
        case ast.UnaryOp(operator, operand) if type(operator) in OPERATORS:
            return f"({OPERATORS[type(operator)]} {_sql(operand, types, names)})"
        case ast.BinOp(left, ast.Pow(), right):
            return f"pow({_sql(left, types, names)}, {_sql(right, types, names)})"
        case ast.BinOp(left, operator, right) if type(operator) in OPERATORS:
            return f"({_sql(left, types, names)} {OPERATORS[type(operator)]} {_sql(right, types, names)})"
        case ast.Compare(left, [operator], [right]) if type(operator) in COMPARISONS:
            compared = f"{_sql(left, types, names)} {COMPARISONS[type(operator)]} {_sql(right, types, names)}"
            return f"CAST({compared} AS DOUBLE)"
        case ast.Call(ast.Name(name) | ast.Attribute(ast.Name("np"), name), [argument], []) if name in FUNCTIONS:
            return FUNCTIONS[name].format(_sql(argument, types, names))
    raise PlanError(
        f"{ast.unparse(node)!r} cannot be computed row by row while a source is streamed, which knows arithmetic,"
        f" comparisons, C() and {' '.join(FUNCTIONS)}: make it a column of the source, or fit a data frame"
    )


def _column(name: str, types: Mapping[str, str]) -> str:
    return f"CAST({quoted(name)} AS DOUBLE)" if types.get(name) in NUMBERS else quoted(name)
