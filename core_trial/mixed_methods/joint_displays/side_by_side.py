"""Side-by-side display: a quantitative result, the qualitative finding on the same matter, and what both say."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ...columns import known, refuse_rows, require_columns
from ...report.cells import INTERVAL
from ...report.tables import Column, Table
from .meta_inferences import written
from .quotations import QUOTED, Quotations
from .words import EXPLORATORY, INFERENCE, UNKNOWN, exploratory

EFFECT = Column("estimate", "Estimate (95% CI)", INTERVAL, parts=("estimate", "conf_low", "conf_high"))


def side_by_side(
    results: pd.DataFrame,
    meta: pd.DataFrame,
    *,
    teams: int,
    kind: str = "outcomes",
    shown: Sequence[Column] = (EFFECT,),
    quotations: Quotations | None = None,
    examples: int = 1,
    notes: Sequence[str] = (),
    id: str = "side-by-side",
) -> Table:
    """A row a topic: the quantitative result, the qualitative finding, the meta-inference and how the two fit.

    Parameters
    ----------
    results : `topic` (as in the file of meta-inferences), `label`, and the columns that are shown, such as rows of the
        effects table of a plan; one row a topic
    meta : from `read_meta_inferences`: `finding`, `meta_inference` and `fit` of its subjects of this kind, which stand
        with a dash for the result where `results` has no row
    teams : number of teams that were interviewed
    kind : table of the file, `outcomes` say
    shown : how the results are shown
    quotations, examples : from `release_quotes`; shown where a theme has the name of a topic

    Raises
    ------
    PlanError : a column is missing
    DataError : a topic that is missing or has two rows

    Examples
    --------
    >>> results = pd.DataFrame({"topic": ["fidelity"], "label": ["Fidelity"], "estimate": 12.1, "conf_low": 5.0,
    ...                         "conf_high": 19.2})
    >>> meta = pd.DataFrame({"kind": ["outcomes"], "subject": ["fidelity"], "finding": ["Reviews gave a plan."],
    ...                      "meta_inference": ["Both point to the reviews."], "fit": ["confirmation"]})
    >>> next(side_by_side(results, meta, teams=6).grid()).rows[0].cells[1]
    '12.10 (5.00 to 19.20)'
    """
    require_columns(results, ["topic", "label", *(part for column in shown for part in column.parts or (column.key,))])
    refuse_rows(results["topic"], known(results["topic"]).duplicated(), "has a second row", "show one result a topic")
    texts = {key: written(meta, kind, key) for key in ("finding", "meta_inference", "fit")}
    silent = [topic for topic in meta.loc[meta["kind"] == kind, "subject"] if topic not in set(results["topic"])]
    frame = pd.concat([results, pd.DataFrame({"topic": silent, "label": silent})], ignore_index=True)
    frame = frame.assign(**{key: frame["topic"].map(text) for key, text in texts.items()})
    columns = [Column("label", "Topic"), *shown, Column("finding", "Qualitative finding")]
    if quotations is not None:
        frame = frame.assign(quotation=frame["topic"].map(quotations.of("theme", examples)))
        columns.append(Column("quotation", "Quotations"))
    return Table(
        id=id,
        title=exploratory("Results and findings side by side", teams) + " interviewed",
        frame=frame,
        columns=(*columns, INFERENCE, Column("fit", "Fit of the two")),
        notes=(EXPLORATORY, *notes, *([QUOTED] if "quotation" in frame else [])),
        missing=UNKNOWN,
    )
