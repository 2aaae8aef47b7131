"""The chapters of the report, composed from what a run found: words and layout; every number comes from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from .analyses import ARMS, LeftOut, Result
from .baseline import GROUPS, QUARTILES, WHOLE
from .data.trial import Trial
from .plan import Plan
from .plots import Plot
from .report.cells import INTERVAL
from .report.document import Definitions, Document, FigureBlock, Notes, Paragraph, Section
from .report.tables import Column, Table
from .side_by_side.comparison import Comparison
from .wording import percent

BASELINE_FORMATS = {
    "number": "{:,.0f}",
    QUARTILES: "{:,.1f} ({:,.1f} to {:,.1f})",
    WHOLE: "{:,.0f} ({:,.0f} to {:,.0f})",
    "mean (SD)": "{:.1f} ({:.1f})",
    "number (%)": "",
    "number (%) of category": "{:,.0f} ({:.0f}%)",
}

NAMING = "each stands under a letter in place of its code"
SCORE_COUNTS = ("reviews", "complete", "prorated", "missing")
ESTIMAND_LABELS = {
    "label": "Outcome",
    "level": "Level",
    "timing": "When",
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
        ("Teams", f"{arms.sum()}: {', '.join(f'{arms.get(arm, 0)} {arm}' for arm in ARMS)}; {NAMING}"),
        ("Strata", f"{panel[choices.stratum].nunique()} ({choices.stratum})"),
        ("Comparison", choices.contrast),
        ("Intervals", f"{percent(choices.conf_level)}, with small-sample inference unless a column says large sample"),
    )
    return Section("design", "Design", (Definitions(facts), _estimands(plan)))


def _estimands(plan: Plan) -> Table:
    rows = (
        outcome.model_dump(include={"label", "level", "timing"})
        | outcome.estimand.model_dump()
        | {"heading": f"{outcome.role.capitalize()} outcomes", "analysis": outcome.primary_analysis.id}
        for outcome in plan.outcomes
    )
    columns = _columns(ESTIMAND_LABELS)
    return Table("estimands", "Outcomes and what is estimated", pd.DataFrame(rows), columns, groups="heading")


def _columns(labels: Mapping[str, str]) -> tuple[Column, ...]:
    """Columns of words, key -> heading."""
    return tuple(Column(key, label) for key, label in labels.items())


def records(trial: Trial, scores: pd.DataFrame) -> Section:
    """What was read, which checks failed, and how many fidelity scores were prorated or could not be formed."""
    return Section("records", "Records and checks", (_records_read(trial), _warnings(trial), _scores(scores)))


def _records_read(trial: Trial) -> Table:
    rows = [(source.table, source.format, source.rows, source.sha256) for source in trial.sources]
    frame = pd.DataFrame(rows, columns=["table", "format", "rows", "sha256"])
    columns = (Column("table", "Table"), Column("format", "Format"), Column("rows", "Rows", "integer"))
    return Table("records", "Records read", frame, columns)


def _warnings(trial: Trial) -> Table | Paragraph:
    """Warnings counted by rule, with an example from tables that have no person in them."""
    if trial.checks.empty:
        return Paragraph("Every check passed.")
    personal = {name for name, table in trial.dictionary.tables.items() if any(f.identifier for f in table.fields)}
    checks = trial.checks.assign(message=trial.checks["message"].mask(trial.checks["table"].isin(personal)))
    frame = checks.groupby(["table", "rule"], as_index=False).agg(rows=("row", "size"), example=("message", "first"))
    words = _columns({"table": "Table", "rule": "Rule", "example": "For example"})
    return Table(
        id="checks",
        title="Checks that gave a warning",
        frame=frame,
        columns=(*words[:2], Column("rows", "Rows", "integer"), words[2]),
        notes=("No check found an error; records with an error are not analysed.",),
        missing="not shown: the records are of people",
    )


def _scores(scores: pd.DataFrame) -> Table:
    columns = (Column("scale", "Scale"), *(Column(key, key.capitalize(), "integer") for key in SCORE_COUNTS))
    return Table("scores", "Fidelity reviews, by how complete their items were", scores, columns)


def baseline_section(frame: pd.DataFrame) -> Section:
    """Table 1 of a trial report: teams and people by arm."""
    is_category = frame["statistic"] == "number (%) of category"
    shown = frame.assign(
        format=frame["statistic"].map(BASELINE_FORMATS),
        indent=is_category.astype(int),
        label=frame["characteristic"].where(
            is_category, frame["characteristic"] + ", " + frame["statistic"].replace(WHOLE, QUARTILES)
        ),
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
    """Every analysis of every outcome, and the intracluster correlations."""
    if effects.empty:
        return Section("effects", "Effects", (Paragraph("No outcome of the plan has records: see the notes."),))
    tables = [_effects_table(effects, plan, truth)]
    if effects["icc"].notna().any():
        tables.append(_icc_table(effects[effects["icc"].notna()], plan))
    return Section("effects", "Effects", tuple(tables))


def _effects_table(effects: pd.DataFrame, plan: Plan, truth: Mapping[str, float] | None) -> Table:
    shown = effects.assign(
        heading=effects["label"] + ": " + effects["measure"] + ", " + effects["direction"],
        shown_label=effects["analysis_label"] + effects["prespecified"].map({True: " †", False: ""}),
        truth=effects["outcome"].map(truth or {}),
    )
    interval = f"{percent(plan.trial.conf_level)} CI"
    columns = [
        Column("shown_label", "Analysis"),
        Column("intervention_summary", "Intervention", align="right"),
        Column("control_summary", "Control", align="right"),
        Column(
            "clusters_intervention", "Teams", "{:.0f} / {:.0f}", parts=("clusters_intervention", "clusters_control")
        ),
        Column("n_intervention", "Rows", "{:,.0f} / {:,.0f}", parts=("n_intervention", "n_control")),
        Column("estimate", f"Effect ({interval})", INTERVAL, parts=("estimate", "conf_low", "conf_high")),
        Column("df", "df", ".1f"),
        Column("p_value", "p", "p"),
    ]
    if plan.trial.reproduction:
        large = f"Large-sample {interval}; p"
        columns.append(Column("z_low", large, "{:.2f} to {:.2f}; {:p}", parts=("z_low", "z_high", "z_p")))
    if truth:
        columns.append(Column("truth", "Synthetic truth", ".2f"))
    notes = (
        "† pre-specified in the plan; the others are sensitivity analyses.",
        "Intervention and control: mean (SD) at follow-up, or the arm's rate per 1,000 person-years (events). "
        "Teams and rows are those analysed, intervention / control; a row is a person, a review or a team.",
        *(("The synthetic truth is the parameter that the data were drawn with.",) if truth else ()),
    )
    return Table(
        "effects", "Effects of the programme", shown, tuple(columns), notes, groups="heading", missing="not estimated"
    )


def _icc_table(effects: pd.DataFrame, plan: Plan) -> Table:
    interval = f"{percent(plan.trial.conf_level)} CI"
    columns = (
        Column("label", "Outcome"),
        Column("measure", "Measure"),
        Column("icc", f"Estimate ({interval})", "{:.3f} ({:.3f} to {:.3f})", parts=("icc", "icc_low", "icc_high")),
        Column("icc_design_effect", "Design effect", ".2f"),
    )
    frame = effects[["outcome", "label", "icc", "icc_low", "icc_high", "icc_design_effect"]]
    frame = frame.assign(measure=effects["icc_of"].replace({"icc": "ICC"}))
    notes = (
        "ICC of means: of people within teams at follow-up, within arms, by analysis of variance; it may be negative.",
        "k of rates: standard deviation of the teams' true rates over their mean, within arms, by moments; that of bed "
        "days holds the variation between stays too.",
        "Design effect: the variance of an arm's mean or rate over that without differences between teams.",
    )
    return Table("icc", "Variation between teams", frame, columns, notes=notes)


def side_by_side(comparisons: Mapping[str, tuple[str, Comparison]]) -> Section:
    """For each outcome (id -> label and comparison), every defensible analysis and whether they agree."""
    blocks: list[Paragraph | Table] = []
    for name, (label, comparison) in comparisons.items():
        blocks += [_side_by_side_table(name, label, comparison), Paragraph(" ".join(comparison.verdict))]
    return Section("side-by-side", "Analyses side by side", tuple(blocks))


def _side_by_side_table(name: str, label: str, comparison: Comparison) -> Table:
    interval = f"{percent(comparison.conf_level)} CI"
    frame = comparison.table.assign(
        heading=comparison.table["measure"].str.capitalize(),
        shown_label=comparison.table["label"] + comparison.table["prespecified"].map({True: " †", False: ""}),
    )
    columns = (
        Column("shown_label", "Analysis"),
        Column("adjusted", "Adjusted for"),
        Column("average", "Average over"),
        Column("estimate", f"Effect ({interval})", INTERVAL, parts=("estimate", "conf_low", "conf_high")),
        Column("df", "df", ".1f"),
        Column("p_value", "p", "p"),
    )
    notes = (
        "† pre-specified. Where the size of clusters (teams) is informative, the effects averaged over participants "
        "and over clusters differ, and analyses that lie between the two estimate neither.",
    )
    title = f"{label}: every defensible analysis"
    return Table(f"side-by-side-{name}", title, frame, columns, notes, groups="heading", missing="not estimated")


def figures(plots: Mapping[str, tuple[Plot, str]]) -> Section:
    """The figures with their captions, by id."""
    blocks = (
        FigureBlock(name, plot.svg(), plot.png(dpi=200), caption, plot.alt) for name, (plot, caption) in plots.items()
    )
    return Section("figures", "Figures", tuple(blocks))


def methods(results: Iterable[Result], plan: Plan) -> Section:
    """What was done: the terms of each analysis, and the method in the words of its fit."""
    rows = [
        {
            "outcome": result.outcome.label,
            "label": result.analysis.label,
            "analysis": result.analysis.id,
            "formula": result.analysis.formula(result.outcome, plan.trial.cluster),
            "method": result.fit.method,
        }
        for result in results
        if result.fit
    ]
    frame = pd.DataFrame(rows, columns=["outcome", "label", "analysis", "formula", "method"])
    columns = (
        Column("label", "Analysis"),
        Column("analysis", "In the plan"),
        Column("method", "Outcome ~ terms; method", "{}\n{}", align="left", parts=("formula", "method")),
    )
    table = Table("methods", "How each effect was estimated", frame, columns, groups="outcome")
    return Section("methods", "Methods", (table,))


def notes(results: Iterable[Result], left_out: Iterable[LeftOut | str]) -> Section:
    """What a reader must know: what was not done and why, rows left out, fits on a boundary."""
    analyses: dict[str, list[str]] = {}
    for result in results:
        for note in result.notes if result.fit else (f"not estimated. {'; '.join(result.notes)}",):
            analyses.setdefault(note, []).append(result.analysis.id)
    lines = (*map(str, left_out), *(f"{', '.join(names)}: {note}" for note, names in analyses.items()))
    return Section("notes", "Notes", (Notes(lines or ("None.",)),))


def software(versions: Mapping[str, str]) -> Section:
    """Versions of what computed the numbers."""
    return Section("software", "Software", (Definitions(tuple(versions.items())),), environment=True)


def compose(plan: Plan, sections: Iterable[Section], *, synthetic: bool) -> Document:
    """The whole report."""
    banner = "SYNTHETIC DATA: drawn by a computer, not the trial's records" if synthetic else ""
    return Document(plan.trial.title, plan.trial.registration, tuple(sections), banner)
