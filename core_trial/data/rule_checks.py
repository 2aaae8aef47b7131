"""Checks between rows and between tables: keys, references, and the trial's own rules, all of them queries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import duckdb

from .checks import LISTED, FailureLog, Problem
from .dictionary.messages import shown
from .dictionary.model import Dictionary, Field, TableSchema
from .rules import REVIEWS, RULES, Rule
from .store.sql import quoted


def check_rules(
    connection: duckdb.DuckDBPyConnection, dictionary: Dictionary, present: Collection[str], log: FailureLog
) -> None:
    """Check the tables that are present; failures go to the log."""
    session = connection.cursor()
    session.execute("SET schema = 'numbered'")
    session.execute(f"CREATE TEMP VIEW reviews AS {REVIEWS}")
    for rule in [*_dictionary_rules(dictionary), *RULES]:
        if {rule.table, *rule.needs} <= set(present):
            _check(session, rule, dictionary.tables[rule.table], log)


def _dictionary_rules(dictionary: Dictionary) -> Iterator[Rule]:
    for schema in dictionary.tables.values():
        if schema.primary_key:
            yield _unique_key(schema)
        yield from _foreign_keys(schema)


def _unique_key(schema: TableSchema) -> Rule:
    names = schema.primary_key
    columns, key = ", ".join(names), ", ".join(map(quoted, names))
    parts = ", ".join("'***'" if schema.field(name).identifier else quoted(name) for name in names)
    return Rule(
        "unique_key", "error", schema.name, columns,
        f"the same {columns} stands in row {{first}}; each may stand once: remove one of the two rows",
        f"SELECT row, concat_ws(', ', {parts}) AS value, first FROM (SELECT row, {key}, min(row) OVER "
        f"(PARTITION BY {key}) AS first FROM {quoted(schema.name)} WHERE {_filled(names)}) WHERE row > first",
    )  # fmt: skip


def _foreign_keys(schema: TableSchema) -> Iterator[Rule]:
    for key in schema.foreign_keys:
        other, names = key.reference.resource, key.fields
        pairs = zip(names, key.reference.fields, strict=True)
        match = " AND ".join(f"here.{quoted(name)} = there.{quoted(referred)}" for name, referred in pairs)
        yield Rule(
            "foreign_key", "error", schema.name, ", ".join(names),
            f"{', '.join(names)} {{value}} is not in the table {other}; correct it, or add it there",
            f"SELECT row, concat_ws(', ', {', '.join(map(quoted, names))}) AS value FROM {quoted(schema.name)} AS here "
            f"ANTI JOIN {quoted(other)} AS there ON {match} WHERE {_filled(names)}",
            needs=(other,),
        )  # fmt: skip


def _filled(names: Iterable[str]) -> str:
    return " AND ".join(f"{quoted(name)} IS NOT NULL" for name in names)


def _check(session: duckdb.DuckDBPyConnection, rule: Rule, schema: TableSchema, log: FailureLog) -> None:
    session.execute(f"SELECT *, count(*) OVER () AS found FROM ({rule.sql}) ORDER BY ALL LIMIT {LISTED}")
    names = [column[0] for column in session.description]
    broken = [dict(zip(names, answer, strict=True)) for answer in session.fetchall()]
    field = schema.field(rule.column) if rule.column in schema.names else None
    problems = [_problem(rule, field, record) for record in broken]
    log.add_problems(rule.table, problems, unlisted=broken[0]["found"] - len(broken) if broken else 0)


def _problem(rule: Rule, field: Field | None, record: dict[str, Any]) -> Problem:
    cells = {name: shown(str(cell), field if name == "value" else None) for name, cell in record.items()}
    return Problem(rule.name, rule.message.format(**cells), record["row"], rule.column, cells["value"], rule.severity)
