"""GRAMMS: what a report of a mixed methods study should tell, and where this one does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from ...errors import PlanError
from ...report.tables import Column, Table

SOURCE = "O’Cathain, Murphy and Nicholl, J Health Serv Res Policy 2008;13:92-98"


def gramms(answers: Mapping[int, str] | None = None, places: Mapping[int, str] | None = None) -> pd.DataFrame:
    """The six items of Good Reporting of A Mixed Methods Study, a row an item: `item topic asks answer place`.

    Parameters
    ----------
    answers : item -> what is answered, in place of the answer that ships; it holds of the published trial. Item 6, and
        who integrated the strands (4), only the investigators can answer
    places : item -> where it is met, in place of the output that ships: "Table 3", say

    Source: O'Cathain, Murphy and Nicholl 2008; the items are in our words.

    Raises
    ------
    PlanError : there is no such item

    Examples
    --------
    >>> items = gramms({6: "Teams that rose most named the plan as the reason."})
    >>> items["item"].tolist()
    [1, 2, 3, 4, 5, 6]
    >>> bool(items["answer"].notna().all())
    True
    """
    items = pd.DataFrame(json.loads(Path(__file__).with_name("gramms.json").read_text(encoding="utf-8"))["items"])
    for column, given in (("answer", answers or {}), ("place", places or {})):
        unknown = [item for item in given if item not in set(items["item"])]
        if unknown:
            raise PlanError(f"GRAMMS has no item {unknown[0]}; it has 1 to {len(items)}")
        items[column] = [given.get(item, shipped) for item, shipped in zip(items["item"], items[column], strict=True)]
    return items


def gramms_table(items: pd.DataFrame, *, id: str = "gramms") -> Table:
    """The items and where each is met, as a table of a report."""
    columns = (
        Column("item", "Item", "integer"),
        Column("topic", "Topic"),
        Column("asks", "What to report"),
        Column("answer", "Answer"),
        Column("place", "Where"),
    )
    title = "Good Reporting of A Mixed Methods Study (GRAMMS)"
    return Table(id, title, items, columns, notes=(f"Items in our words, after {SOURCE}.",), missing="not written yet")
