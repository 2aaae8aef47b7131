"""Statistics by themes: beside each theme or component the number that goes with it, and who spoke of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from ...columns import require_columns
from ...errors import DataError
from ...report.tables import Column, Table
from .meta_inferences import written
from .quotations import QUOTED, Quotations
from .words import EXPLORATORY, INFERENCE, UNKNOWN, exploratory

RANKS = (
    Column(
        "kendall_tau_b",
        "Kendall’s τ-b (lowest to highest with a team left out)",
        "{:.2f} ({:.2f} to {:.2f})",
        parts=("kendall_tau_b", "lowest", "highest"),
    ),
    Column("p_value", "p", "p"),
    Column("p_adjusted", "p, adjusted", "p"),
)
"""How `Link.summary()` is shown."""

_COUNTS = {"teams": "Teams that speak of it", "quotes": "Passages", "people": "People"}


def statistics_by_themes(
    statistics: pd.DataFrame,
    quotations: Quotations | None = None,
    *,
    labels: Mapping[str, str] | None = None,
    shown: Sequence[Column] = RANKS,
    groups: Mapping[str, str] | None = None,
    examples: int = 1,
    meta: pd.DataFrame | None = None,
    notes: Sequence[str] = (),
    title: str = "Statistics by themes",
    id: str = "statistics-by-themes",
) -> Table:
    """A row a theme or component: the association with the outcome, teams and passages, and what follows.

    Parameters
    ----------
    statistics : the numbers, by theme or component (the index), such as `Link.summary()`; `teams` is their n
    quotations : from `release_quotes`: who speaks of a theme, and what may be quoted
    labels : theme or component -> what readers call it, in the order of the rows; one without a number or a passage
        keeps its row. Default: the column `label` of the statistics, then the themes of the quotations
    shown : how the columns of `statistics` are shown
    groups : theme -> heading under which it stands
    examples : quotations of a theme that are shown, the first that are releasable
    meta : from `read_meta_inferences`: its texts on `themes` and `components`
    notes : sentences under the table: what the numbers are
    title : what the table is; that it is exploratory, and the largest n, are added

    Raises
    ------
    PlanError : a column of `shown` is not in the statistics
    DataError : a theme with a number or a passage has no label

    Examples
    --------
    >>> numbers = pd.DataFrame({"teams": [15], "kendall_tau_b": [0.5]}, index=["coaching"])
    >>> tau = Column("kendall_tau_b", "Kendall’s τ-b", ".2f")
    >>> table = statistics_by_themes(numbers, labels={"coaching": "Coaching"}, shown=[tau])
    >>> table.title, next(table.grid()).rows[0].cells
    ('Statistics by themes: exploratory, n = 15 teams', ('Coaching', '15', '0.50'))
    """
    require_columns(statistics, ["teams", *(part for column in shown for part in column.parts or (column.key,))])
    labels = _labels(statistics, quotations) if labels is None else labels
    _check_labels(statistics, quotations, labels)
    numbers = statistics.drop(columns="label", errors="ignore").rename(columns={"teams": "n"}).reindex(list(labels))
    frame = pd.DataFrame({"theme": list(labels), "label": list(labels.values())}, index=numbers.index).join(numbers)
    columns = [Column("label", "Theme or component"), Column("n", "Teams in the statistic", "integer"), *shown]
    if quotations is not None:
        frame, spoken = _with_quotations(frame, quotations, examples)
        columns += spoken
    if meta is not None:
        frame = frame.assign(meta_inference=frame["theme"].map(_inferences(meta)))
        columns.append(INFERENCE)
    if groups is not None:
        frame = frame.assign(group=frame["theme"].map(dict(groups)).fillna("Other"))
    return Table(
        id=id,
        title=exploratory(title, frame["n"].max()),
        frame=frame.reset_index(drop=True),
        columns=tuple(columns),
        notes=(EXPLORATORY, *notes, *([QUOTED] if "quotation" in frame else [])),
        groups="group" if groups is not None else None,
        missing=UNKNOWN,
    )


def _labels(statistics: pd.DataFrame, quotations: Quotations | None) -> dict[str, str]:
    """Of the numbers, then of themes that have none."""
    named = statistics.get("label", statistics.index)
    labels = dict(zip(statistics.index.astype(str), named, strict=True))
    return labels | {
        theme: theme for theme in (quotations.counts["theme"] if quotations else []) if theme not in labels
    }


def _check_labels(statistics: pd.DataFrame, quotations: Quotations | None, labels: Mapping[str, str]) -> None:
    themes = list(statistics.index)
    if quotations is not None:
        themes += list(quotations.counts.loc[quotations.counts["teams"] > 0, "theme"])
    unlabelled = [str(theme) for theme in themes if theme not in labels]
    if unlabelled:
        raise DataError(f"no label for {', '.join(unlabelled)}: add it to labels, or leave it out of the numbers")


def _with_quotations(frame: pd.DataFrame, quotations: Quotations, examples: int) -> tuple[pd.DataFrame, list[Column]]:
    counts = quotations.counts.set_index("theme")
    columns = [Column(name, label, "integer") for name, label in _COUNTS.items() if name in counts]
    frame = frame.join(counts)
    if examples:
        frame = frame.assign(quotation=frame["theme"].map(quotations.of("theme", examples)))
        columns.append(Column("quotation", "Quotations"))
    return frame, columns


def _inferences(meta: pd.DataFrame) -> dict[str, str]:
    return written(meta, "themes") | written(meta, "components")
