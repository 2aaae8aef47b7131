"""Forest plot: effects with their intervals beside a table of the numbers, an axis for each measure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import pandas as pd

from ..wording import interval, percent, sentence
from .blocks import MARGIN, Block, Paragraph, stack
from .effect_axes import EffectAxis, by_panel, effect_axes, with_arrows
from .effect_panel import EffectPanel, Footing, Line
from .effect_rows import Effects, Order, effect_rows
from .effect_table import GAP, Columns, TableLayout, lay_out
from .plot import Plot, TrialFigure
from .scale import Limits
from .style import FONT, GREY, MM, TITLE, width_mm
from .text import wrap

_FAVOURS = {
    "higher is better": ("Favours control", "Favours intervention"),
    "lower is better": ("Favours intervention", "Favours control"),
}


@dataclass(frozen=True)
class _Forest:
    """What is drawn at any width."""

    rows: pd.DataFrame
    axes: Mapping[str, EffectAxis]
    left: Columns
    right: Columns
    favours: tuple[str, str] | None
    title: str
    digits: int
    conf_level: float


def forest(
    effects: Effects,
    *,
    term: str = "intervention",
    group: str | None = None,
    panel: str | None = None,
    left: Columns = None,
    right: Columns = None,
    reference: float | None = None,
    overall: bool = False,
    weights: str | None = None,
    order: Order = "given",
    limits: Limits | Mapping[str, Limits] | None = None,
    favours: tuple[str, str] | None = None,
    title: str = "",
    digits: int = 2,
    conf_level: float = 0.95,
) -> Plot:
    """Effects and their intervals, a row each, beside a table of the numbers.

    Ratios share a logarithmic axis for each measure. Differences have units, so they share an axis only within an
    outcome (a column `outcome`), else within a unit (`unit`), else within a measure. The axes stand under each other
    with no effect in one place. Nothing is left out: an effect without an estimate keeps its row, an interval that
    leaves the axis ends in an arrow.

    Parameters
    ----------
    effects : label -> Fit, pairs of label and Fit, or a frame with the columns `label estimate conf_low conf_high`, and
        any of: `group`, `weight`, `p_value`, `measure`, `ratio` (true: a ratio), `unit`, `outcome`, `direction`
        ("higher is better", "lower is better": prints whom each side favours), `summary` (true: a diamond),
        `prespecified` (false: an open marker), `clusters` and `n`, in total or by arm (`n_intervention`,
        `n_control`). The effects table of a plan is such a frame
    term : coefficient shown of each Fit; those of a log or logit link are exponentiated
    group : column of headings. Default: `group`; else the label where an outcome has several analyses; else `role`
    panel : column whose values have an axis each. Default: `panel`, where the frame has it; else by measure, as above
    left, right : columns of the table on each side of the axes, as names or name -> header. `estimate` is the estimate
        with its interval. Default: clusters and n; estimate and p. `label` in `left` gives the header of the labels
    reference : where the line of no effect stands. Default: 1 for ratios, 0 for differences
    overall : also draw a dashed line at the last `summary` estimate of each axis
    weights : column that is the area of the markers. Default: `weight`, where the frame has it
    order : "given", "estimate", or labels in their order; within groups, summaries after the rest
    limits : limits of the axis, or panel -> limits. Default: those that hold every interval but extreme ones
    favours : what stands under the left and the right side of each axis
    title : printed above
    digits : decimals of estimates
    conf_level : level of the intervals of Fits, and the level named in the header

    Returns
    -------
    Plot, whose data are the rows in the order drawn, with `panel`, `beyond_low` and `beyond_high` (the interval leaves
    the axis)

    Raises
    ------
    PlanError : a column or coefficient that is not there, ratios and differences on one axis, no room for the columns
    DataError : no rows, infinite values, limits that are crossed, ratios below 0

    Examples
    --------
    >>> import pandas as pd
    >>> effects = pd.DataFrame(
    ...     {
    ...         "label": ["Mixed model", "Two-stage"],
    ...         "estimate": [0.97, 1.10],
    ...         "conf_low": [-1.02, -0.88],
    ...         "conf_high": [2.97, 3.08],
    ...     }
    ... )
    >>> figure, data = forest(effects, favours=("Favours control", "Favours intervention"))
    >>> data["label"].tolist()
    ['Mixed model', 'Two-stage']
    """
    rows = effect_rows(
        effects, term=term, group=group, panel=panel, weights=weights, order=order, conf_level=conf_level
    )
    axes = effect_axes(rows, reference, limits, overall)
    rows = with_arrows(rows, axes)
    content = _Forest(rows, axes, left, right, favours, title, digits, conf_level)
    return Plot(_draw(content, width_mm("double") * MM), rows)


def _draw(content: _Forest, width: float) -> TrialFigure:
    rows = content.rows
    layout = lay_out(rows, content.left, content.right, width, digits=content.digits, conf_level=content.conf_level)
    blocks: list[Block] = [
        Paragraph(content.title, width, TITLE, "bold", after=4),
        layout,
        *_panels(content, layout),
        Paragraph(" ".join(_notes(content, layout)), width, color=GREY, before=5),
    ]
    words = {"title": content.title or "Forest plot", "alt": _alt(content)}
    return stack(blocks, width, **words, redraw=partial(_draw, content))


def _panels(content: _Forest, layout: TableLayout) -> list[EffectPanel]:
    """A block for each axis; what stands under an axis is printed once for neighbours that share it."""
    panels = by_panel(content.rows)
    lines = _lines(content.rows, layout)
    footings = [_footing(content, name, rows) for name, rows in panels.items()]
    return [
        EffectPanel(rows, lines[name], layout, content.axes.get(name), footing if footing != following else None)
        for (name, rows), footing, following in zip(panels.items(), footings, [*footings[1:], None], strict=True)
    ]


def _lines(rows: pd.DataFrame, layout: TableLayout) -> dict[str, list[Line]]:
    """The lines of each panel; a heading wherever the group changes, on whichever axis."""
    lines: dict[str, list[Line]] = {name: [] for name in rows["panel"]}
    heading = ""
    for row, (panel, group) in enumerate(zip(rows["panel"], rows["group"], strict=True)):
        if group and group != heading:
            lines[panel].append(Line(wrap(group, layout.axis_left - MARGIN - GAP, FONT, "bold"), None))
        heading = group
        lines[panel].append(Line(layout.labels[row], row))
    return lines


def _footing(content: _Forest, panel: str, rows: pd.DataFrame) -> Footing | None:
    if panel not in content.axes:
        return None
    rows = rows[rows["estimate"].notna()]
    units = rows["unit"].unique()
    detail = "log scale" if content.axes[panel].ratio else "".join(units[: len(units) == 1])
    measure = sentence(rows["measure"].iloc[0]) + (f" ({detail})" if detail else "")
    return Footing(measure, content.favours or _favours(set(rows["direction"])))


def _favours(directions: set[str]) -> tuple[str, str]:
    """Whom the sides favour, where all outcomes of an axis are better in the same direction."""
    return _FAVOURS.get(directions.pop(), ("", "")) if len(directions) == 1 else ("", "")


def _notes(content: _Forest, layout: TableLayout) -> list[str]:
    rows = content.rows
    notes = {
        "I / C: intervention / control.": any(column.header.endswith("I / C") for column in layout.columns),
        "Filled marker: pre-specified; open: not.": rows["prespecified"].any() and not rows["prespecified"].all(),
        "The area of a square is its weight.": rows["weight"].notna().any(),
        "Dashed line: overall estimate.": any(axis.overall is not None for axis in content.axes.values()),
        "Arrow: the interval goes beyond the axis.": (rows["beyond_low"] | rows["beyond_high"]).any(),
    }
    return [note for note, applies in notes.items() if applies]


def _alt(content: _Forest) -> str:
    rows = content.rows
    names = rows["label"].where(rows["group"] == "", rows["group"] + " – " + rows["label"])
    numbers = zip(rows["estimate"], rows["conf_low"], rows["conf_high"], strict=True)
    effects = pd.Series([interval(*values, content.digits) for values in numbers])
    measures = (rows["measure"] + " ").where(rows["estimate"].notna(), "")
    described = "; ".join(names + ": " + measures + effects)
    count = f"{len(rows)} effect{'s' if len(rows) > 1 else ''}"
    return f"Forest plot of {count} with {percent(content.conf_level)} intervals. {described}."
