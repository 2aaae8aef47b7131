"""The chapters of the report, composed from what a run found: words and layout; every number comes from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from .analyses import ARMS, LeftOut, Result
from .baseline import GROUPS
from .data.trial import Trial
from .plan import Plan
from .plots import Plot
from .report.cells import INTERVAL
from .report.document import Definitions, Document, FigureBlock, Notes, Paragraph, Section
from .report.tables import Column, Table

BASELINE_FORMATS = {
    "number": "{:,.0f}",
    "median (quartiles)": "{:,.1f} ({:,.1f} to {:,.1f})",
    "mean (SD)": "{:.1f} ({:.1f})",
    "number (%)": "",
    "number (%) of category": "{:,.0f} ({:.0f}%)",
}

ESTIMAND_LABELS = {
    "label": "Outcome",
    "role": "Role",
    "level": "Level",
    "timing": "When",
    "direction": "Direction",
    "population": "Population",
    "summary": "Summary",
    "average": "Average over",
    "effect": "Effect",
}


def design(plan: Plan, panel: pd.DataFrame) -> Section:
    """What was compared, in which teams, and what is estimated."""
    arms = panel[panel["timepoint"] == 0]["arm"].value_counts()
    choices = plan.trial
    facts = (
        ("Registration", choices.registration),
        ("Design", choices.design),
        ("Teams", f"{arms.sum()}: {', '.join(f'{arms.get(arm, 0)} {arm}' for arm in ARMS)}"),
        ("Strata", f"{panel[choices.stratum].nunique()} ({choices.stratum})"),
        ("Comparison", choices.contrast),
        ("Intervals", f"{choices.conf_level:.0%}, with small-sample inference unless a column says large sample"),
    )
    return Section("design", "Design", (Definitions(facts), _estimands(plan)))


def _estimands(plan: Plan) -> Table:
    rows = (
        outcome.model_dump(include={"label", "role", "level", "timing", "direction"})
        | outcome.estimand.model_dump()
        | {"analysis": outcome.primary_analysis.id}
        for outcome in plan.outcomes
    )
    return Table("estimands", "Outcomes and what is estimated", pd.DataFrame(rows), _columns(ESTIMAND_LABELS))


def _columns(labels: Mapping[str, str]) -> tuple[Column, ...]:
    """Columns of words, key -> heading."""
    return tuple(Column(key, label) for key, label in labels.items())


def records(trial: Trial, scores: pd.DataFrame) -> Section:
    """What was read, which checks failed, and how many fidelity scores were prorated or could not be formed."""
    return Section("records", "Records and checks", (_records_read(trial), _warnings(trial.checks), _scores(scores)))


def _records_read(trial: Trial) -> Table:
    rows = [(source.table, source.format, source.rows, source.sha256) for source in trial.sources]
    frame = pd.DataFrame(rows, columns=["table", "format", "rows", "sha256"])
    columns = (Column("table", "Table"), Column("format", "Format"), Column("rows", "Rows", "integer"))
    return Table("records", "Records read", frame, columns)


def _warnings(checks: pd.DataFrame) -> Table | Paragraph:
    if checks.empty:
        return Paragraph("Every check passed.")
    frame = checks.groupby(["table", "rule"], as_index=False).agg(rows=("row", "size"), example=("message", "first"))
    columns = (
        *_columns({"table": "Table", "rule": "Rule"}),
        Column("rows", "Rows", "integer"),
        Column("example", "First"),
    )
    note = "Records that break a rule whose severity is error are not analysed at all."
    return Table("checks", "Checks that gave a warning", frame, columns, notes=(note,))


def _scores(scores: pd.DataFrame) -> Table:
    columns = _columns({str(key): str(key).replace("_", " ").capitalize() for key in scores.columns})
    return Table("scores", "Fidelity reviews, by how complete their items were", scores, columns)


def baseline_section(frame: pd.DataFrame) -> Section:
    """Table 1 of a trial report: teams and people by arm."""
    is_category = frame["statistic"] == "number (%) of category"
    shown = frame.assign(
        format=frame["statistic"].map(BASELINE_FORMATS),
        indent=is_category.astype(int),
        label=frame["characteristic"].where(is_category, frame["characteristic"] + ", " + frame["statistic"]),
    )
    groups = (
        Column(group, group.capitalize(), parts=(group, f"{group}_low", f"{group}_high"), format_from="format")
        for group in GROUPS
    )
    table = Table(
        id="baseline",
        title="Baseline characteristics of teams and people",
        frame=shown,
        columns=(Column("label", "Characteristic"), *groups),
        notes=("No test compares the arms at baseline: allocation was random, so any difference is due to chance.",),
        groups="level",
        indents="indent",
        missing="no value",
    )
    return Section("baseline", "Baseline", (table,))


def effects_section(effects: pd.DataFrame, plan: Plan, truth: Mapping[str, float] | None) -> Section:
    """Every analysis of every outcome; the pre-specified one first."""
    shown = effects.assign(
        analysed=effects["measure"] + effects["prespecified"].map({True: ", pre-specified", False: ""}),
        truth=effects["outcome"].map(truth or {}),
    )
    level = f"{plan.trial.conf_level:.0%} CI"
    columns = [
        Column("analysis", "Analysis"),
        Column("measure", "Measure"),
        Column("intervention_summary", "Intervention", align="right"),
        Column("control_summary", "Control", align="right"),
        Column(
            "clusters_intervention", "Teams", "{:.0f} / {:.0f}", parts=("clusters_intervention", "clusters_control")
        ),
        Column("n_intervention", "Rows", "{:,.0f} / {:,.0f}", parts=("n_intervention", "n_control")),
        Column("estimate", f"Effect ({level})", INTERVAL, parts=("estimate", "conf_low", "conf_high")),
        Column("df", "df", ".1f"),
        Column("p_value", "p", "p"),
        Column("z_low", f"Large-sample {level}", "{:.2f} to {:.2f}", parts=("z_low", "z_high")),
        Column("z_p", "Large-sample p", "p"),
        Column("icc", f"ICC ({level})", "{:.3f} ({:.3f} to {:.3f})", parts=("icc", "icc_low", "icc_high")),
    ]
    if truth:
        columns.append(Column("truth", "Synthetic truth", ".2f"))
    notes = (
        "Arm summaries are of follow-up: mean (SD), or rate per 1,000 person-years (events). "
        "Teams and rows analysed: intervention / control; rows are people, reviews or teams, as the outcome has it.",
        *(("The synthetic truth is the parameter that the data were drawn with.",) if truth else ()),
    )
    table = Table(
        "effects", "Effects of the programme", shown, tuple(columns), notes, groups="label", missing="not estimated"
    )
    return Section("effects", "Effects", (table,))


def figures(plots: Mapping[str, tuple[Plot, str]]) -> Section:
    """The figures with their captions, by id."""
    blocks = (
        FigureBlock(name, plot.svg(), plot.png(dpi=200), caption, plot.alt) for name, (plot, caption) in plots.items()
    )
    return Section("figures", "Figures", tuple(blocks))


def methods(results: Iterable[Result]) -> Section:
    """What was done, in the words of the fits."""
    sentences = tuple((result.analysis.id, result.fit.method) for result in results if result.fit)
    return Section("methods", "Methods", (Definitions(sentences),))


def notes(results: Iterable[Result], left_out: Iterable[LeftOut]) -> Section:
    """What a reader must know: what was not done and why, rows left out, fits on a boundary."""
    lines = [str(outcome) for outcome in left_out]
    for result in results:
        if result.fit is None:
            lines.append(f"{result.analysis.id}: not estimated. {result.reason}")
        else:
            lines += [f"{result.analysis.id}: {note}" for note in result.fit.notes]
    return Section("notes", "Notes", (Notes(tuple(lines) or ("None.",)),))


def software(versions: Mapping[str, str]) -> Section:
    """Versions of what computed the numbers."""
    return Section("software", "Software", (Definitions(tuple(versions.items())),), environment=True)


def compose(plan: Plan, sections: Iterable[Section], *, synthetic: bool) -> Document:
    """The whole report."""
    banner = "SYNTHETIC DATA: drawn by a computer, not the trial's records" if synthetic else ""
    return Document(plan.trial.title, plan.trial.registration, tuple(sections), banner)
