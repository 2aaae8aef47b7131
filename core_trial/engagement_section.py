"""The chapter on engagement and change: what the programme's components, and the published six teams, tell."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from . import mixed_methods
from .data.published import sip_teams
from .data.trial import Trial
from .errors import DataError, DesignError, TrialWarning
from .plan import EngagementChoices, Plan
from .plots import Plot, heat_map
from .report.cells import INTERVAL
from .report.disclosure import Disclosure
from .report.document import Block, FigureBlock, Notes, Paragraph, Section
from .report.tables import Column, Table
from .wording import percent, sentence

EXPLORATORY = (
    "Everything in this chapter is exploratory: engagement was not randomised, and the teams are few. Intervention "
    "teams stand under letters, in the order of their change in fidelity."
)
PATHS = {
    "indirect": "Admission rate ratio, programme, through fidelity",
    "direct": "Admission rate ratio, programme, otherwise",
    "total": "Admission rate ratio, programme, in all",
}
INSIGHTS = {6: "For the investigators to write, in the file of meta-inferences; a program only sets the two together."}
PLACES = {
    1: "Opening of the chapter",
    2: "Teams by change",
    3: "Methods; engagement with each component",
    4: "Engagement and fidelity of each team; teams by change",
    5: "Notes under each table",
    6: "Meta-inferences, where given",
}
NUMBERS = ["estimate", "conf_low", "conf_high"]


@dataclass(frozen=True)
class Chapter:
    """The section, and the figure in it for those who want it alone."""

    section: Section
    plots: dict[str, Plot]


RECORDS = ("engagement", "fidelity_items")


def chapter_left_out(trial: Trial, plan: Plan) -> tuple[str, ...]:
    """That there is no chapter though the plan asks for one, and why."""
    missing = [table for table in RECORDS if table not in trial.tables]
    if plan.engagement is None or not missing:
        return ()
    return (f"Engagement and change: left out, the trial has no table {' and no table '.join(missing)}",)


def engagement_chapter(trial: Trial, plan: Plan, rules: Disclosure, names: Mapping[str, str]) -> Chapter | None:
    """What the plan's `[engagement]` asks for; None where it asks for nothing or the trial has no such records.

    Records that carry no such chapter, as where no intervention team has any, give one that says why. Teams stand under
    their `names` in figures and tables.
    """
    choices = plan.engagement
    if choices is None or chapter_left_out(trial, plan):
        return None
    plots: dict[str, Plot] = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TrialWarning)  # each is among the notes of its analysis
            blocks, plots["engagement"] = _blocks(trial, plan, choices, rules, names)
    except (DataError, DesignError) as error:
        blocks = [Paragraph(f"Engagement and change could not be described: {error}")]
    return Chapter(Section("engagement", "Engagement and change", tuple(blocks)), plots)


def _blocks(
    trial: Trial, plan: Plan, choices: EngagementChoices, rules: Disclosure, names: Mapping[str, str]
) -> tuple[list[Block], Plot]:
    changes = mixed_methods.derive_changes(trial).teams.query("arm == 'intervention'")
    level = plan.trial.conf_level
    components = mixed_methods.derive_engagement(trial).components
    heat = heat_map(components, trial.panel(), names=names, min_count=rules.fewest_shown)
    blocks = [
        Paragraph(EXPLORATORY),
        *_association(trial, choices, level),
        _figure(heat),
        mixed_methods.case_ordered_matrix(changes, components, names=names, id="teams-by-change"),
        *_complier(trial, choices, level),
        *_mediation(trial, level),
        *([_published()] if choices.published else []),
        mixed_methods.gramms_table(mixed_methods.gramms(INSIGHTS, PLACES)),
    ]
    return blocks, heat


def _association(trial: Trial, choices: EngagementChoices, level: float) -> Iterator[Block]:
    """Whether teams that engaged more changed more."""
    try:
        linked = mixed_methods.link(
            trial, using=choices.using, conf_level=level, draws=choices.draws, seed=choices.seed
        )
    except DesignError as error:
        yield Paragraph(f"Engagement could not be set against change: {error}")
        return
    title = "Engagement with each component and change in fidelity"
    yield mixed_methods.statistics_by_themes(linked.summary(), id="engagement-statistics", title=title)
    yield _notes([linked.method, *linked.notes])


def _figure(heat: Plot) -> FigureBlock:
    caption = "Engagement of each intervention team with the components of the programme, beside its fidelity."
    return FigureBlock("engagement", heat.svg(), heat.png(dpi=200), caption, heat.alt)


def _complier(trial: Trial, choices: EngagementChoices, level: float) -> Iterator[Block]:
    """The effect of engagement as received, with the allocation as instrument."""
    try:
        fit = mixed_methods.complier_effect(trial, conf_level=level, draws=choices.draws, seed=choices.seed)
    except DesignError as error:
        yield Paragraph(f"No complier-average effect: {error}")
        return
    effect = fit.tidy(conf_level=level).iloc[0]
    permuted = fit.randomisation.iloc[0][["conf_low", "conf_high"]].to_dict() | {"estimate": effect["estimate"]}
    rows = pd.DataFrame([effect[NUMBERS].to_dict(), permuted])
    rows["effect"] = ["Fidelity points a point of the engagement index", "The same, interval by randomisation"]
    yield _estimates("complier", "Effect of engagement as received (complier average)", rows, level)
    yield _notes([fit.method, *fit.notes])


def _mediation(trial: Trial, level: float) -> Iterator[Block]:
    """What of the effect on admissions goes through fidelity."""
    try:
        mediation = mixed_methods.mediate(trial, conf_level=level)
    except DesignError as error:
        yield Paragraph(f"No path through fidelity: {error}")
        return
    ratios = mediation.ratios()
    ratios = ratios[ratios["path"].isin(PATHS)].assign(effect=lambda rows: rows["path"].map(PATHS))
    yield _estimates("mediation", "The programme, fidelity and admissions", ratios, level)
    cause = f"To explain the path away, a common cause needs risk ratios of {mediation.e_value:.2f} with both (E-value)"
    yield _notes([mediation.method, *(f"assumed: {each}" for each in mediation.assumptions), cause])


def _estimates(name: str, title: str, rows: pd.DataFrame, level: float) -> Table:
    header = f"Estimate ({percent(level)} CI)"
    columns = (Column("effect", "Effect"), Column("estimate", header, INTERVAL, parts=tuple(NUMBERS)))
    return Table(f"engagement-{name}", title, rows[["effect", *NUMBERS]], columns)


def _notes(texts: Iterable[str]) -> Notes:
    return Notes(tuple(map(sentence, texts)))


def _published() -> Table:
    """The six teams of the qualitative study, with the gaps of the copy that they were read from."""
    shown = {"team": "Team", "location": "Location", "change": "Change", "items": "Items targeted", "gaps": "Gaps"}
    items = sip_teams["items"].map(lambda numbers: ", ".join(map(str, numbers)))
    change = [_between(row) for _, row in sip_teams.iterrows()]
    return Table(
        id="published-teams",
        title="The six teams of the published interviews: change in fidelity, points",
        frame=sip_teams.assign(items=items.replace("", np.nan), change=change)[list(shown)],
        columns=tuple(Column(key, label) for key, label in shown.items()),
        notes=(str(sip_teams["source"].iloc[0]), "Nothing is estimated from so few: the table is for reading only."),
        missing="not known",
    )


def _between(row: pd.Series) -> str:
    """The change, "+18", or its limits where the figure itself is lost."""
    if pd.notna(row["change"]):
        return f"{row['change']:+.0f}"
    return f"{row['change_low']:+.0f} to {row['change_high']:+.0f}"
