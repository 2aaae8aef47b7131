"""The trial's own rules, beyond the data dictionary: one line says what each rule asks of which table."""

from __future__ import annotations

from collections.abc import Collection

import duckdb

from .checks import FailureLog
from .dictionary.model import Dictionary


def check_rules(
    connection: duckdb.DuckDBPyConnection, dictionary: Dictionary, present: Collection[str], log: FailureLog
) -> None:
    """Check the rules of the tables that are present; failures go to the log."""
