"""Errors and warnings that users see.

Each says what is wrong, where, and what to do; the command line prints it without a traceback.

Exit codes of the command line:

====  ==========================================================================
0     everything was done; every check passed
1     a check failed: the data break a rule, or a report does not verify
2     the command, its options or the plan are wrong
3     the design of the trial does not allow the analysis (an empty arm, say)
4     a model could not be fitted
5     the output could not be written
130   interrupted
====  ==========================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

FAILURE_COLUMNS = ("table", "row", "column", "rule", "value", "severity", "message")
"""Columns of a table of failed checks: `row` counts the data rows from 1, `severity` is error or warning."""


class TrialError(Exception):
    """Any fault that the user can mend."""

    exit_code = 1


class DataError(TrialError):
    """The records break a rule. `failures` has one row a failure, with the columns `FAILURE_COLUMNS`."""

    exit_code = 1

    def __init__(self, message: str, failures: pd.DataFrame | None = None):
        super().__init__(message)
        self.failures = failures


class PlanError(TrialError):
    """The plan, a formula or an option is wrong."""

    exit_code = 2


class DesignError(TrialError):
    """The trial as it stands does not allow the analysis: an empty arm, a single cluster, an unidentified effect."""

    exit_code = 3


class FitError(TrialError):
    """A model could not be fitted; the message says what was tried."""

    exit_code = 4


class OutputError(TrialError):
    """The output could not be written; what stood there before is untouched."""

    exit_code = 5


class TrialWarning(UserWarning):
    """Something legitimate that the reader should know: a variance on its boundary, few clusters, a prorated score."""
