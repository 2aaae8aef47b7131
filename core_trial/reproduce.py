"""From a trial and its plan to a report that can be verified: `run`, and `verify`, which does it again and compares."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from . import sections
from .analyses import LeftOut, Result, analyse, effects
from .baseline import baseline
from .data.panel import score_counts
from .data.synthetic import simulate_trial
from .data.trial import Trial
from .engagement_section import chapter_left_out, engagement_chapter
from .errors import DataError
from .plan import Plan, parse_plan
from .plots import Plot, forest, trajectory
from .report.disclosure import Disclosure
from .report.document import Document
from .report.html import render_html
from .report.manifest import (
    Input,
    Manifest,
    Step,
    describe_outputs,
    library_versions,
    read_manifest,
    read_outputs,
    sha256,
)
from .report.naming import rename_teams
from .report.tables import Table
from .report.verify import Comparison, compare_outputs
from .report.word import render_docx
from .report.write import check_replaceable, restore_run, write_run
from .side_by_side.comparison import Comparison as SideBySide
from .side_by_side.comparison import compare
from .team_names import team_names
from .trial_folder import PLAN, read_records

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Run:
    """What a run made: the files of its report, their manifest, and the effects as a frame."""

    outputs: Mapping[str, bytes]
    manifest: Manifest
    effects: pd.DataFrame
    results: tuple[Result, ...]
    left_out: tuple[LeftOut | str, ...]

    @property
    def messages(self) -> tuple[str, ...]:
        """What was not done and why, a sentence each."""
        failed = [result for result in self.results if not result.fit]
        return (*map(str, self.left_out), *(f"{r.analysis.id}: not estimated. {'; '.join(r.notes)}" for r in failed))

    @property
    def failed(self) -> bool:
        """Whether a model of the plan could not be fitted."""
        return any(result.fit is None for result in self.results)


def run(trial: Trial, plan: Plan, folder: Path | str, *, progress: Progress = lambda _: None) -> Run:
    """Carry out the plan and write the report to `folder`, whole or not at all.

    Raises
    ------
    OutputError : the folder cannot be written, or holds what is not a run; what stood there is untouched
    """
    folder = Path(folder)
    check_replaceable(folder)
    finished = produce(trial, plan, folder, progress=progress)
    progress("Writing the report")
    write_run(folder, finished.outputs, finished.manifest)
    return finished


def produce(trial: Trial, plan: Plan, folder: Path, *, progress: Progress = lambda _: None) -> Run:
    """The files of a report for `folder`, in memory. The same records, plan and versions give the same bytes."""
    rules = Disclosure.preset(plan.trial.disclosure)
    progress("Building the panel")
    panel = trial.panel()
    results, left_out = analyse(trial, plan, progress=progress)
    table = effects(results, plan)
    names = team_names(trial)
    progress("Drawing the figures")
    described = baseline(trial, rules)
    compared = _compared(trial, plan, left_out)
    plots = _plots(table, panel.assign(team=panel["team"].map(names)), plan, rules) | _comparison_plots(compared)
    progress("Engagement and change")
    chapter = engagement_chapter(trial, plan, rules, names)
    without: tuple[LeftOut | str, ...] = (*left_out, *chapter_left_out(trial, plan))
    chapters = (
        sections.design(plan, panel),
        sections.records(trial, score_counts(trial)),
        sections.baseline_section(described.frame),
        sections.effects_section(table, plan, _truth(trial)),
        *([sections.side_by_side(compared)] if compared else []),
        sections.figures(plots),
        *([chapter.section] if chapter else []),
        sections.methods(results, plan),
        sections.notes(results, without),
        sections.software(library_versions()),
    )
    document = rename_teams(sections.compose(plan, chapters, synthetic=trial.synthetic), names)
    drawn = {name: plot for name, (plot, _) in plots.items()} | (chapter.plots if chapter else {})
    outputs = _outputs(document, plan, drawn)
    manifest = Manifest(
        plan_sha256=plan.sha256,
        dictionary_sha256=trial.dictionary.sha256,
        seed=trial.truth["seed"] if trial.truth else None,
        source=_source(trial, folder),
        inputs=tuple(Input(source.name, source.format, source.sha256, source.rows) for source in trial.sources),
        steps=(_step("panel", panel), _step("effects", table)),
        outputs=describe_outputs(outputs),
        disclosure={"rules": rules.name, "actions": list(described.actions)},
    )
    return Run(outputs, manifest, table, tuple(results), without)


def _plots(table: pd.DataFrame, panel: pd.DataFrame, plan: Plan, rules: Disclosure) -> dict[str, tuple[Plot, str]]:
    """Figures by id, with their captions."""
    plots, conf_level = {}, plan.trial.conf_level
    if len(table):
        plots["forest"] = (
            forest(table[table["prespecified"]], conf_level=conf_level),
            "Pre-specified effects with their confidence intervals.",
        )
    if panel["fidelity"].notna().any():
        plots["trajectory"] = (
            trajectory(panel, "fidelity", conf_level=conf_level, min_count=rules.fewest_shown),
            "Fidelity of each team (thin lines) and mean of each arm with its confidence interval.",
        )
    return plots


def _compared(trial: Trial, plan: Plan, left_out: Sequence[LeftOut]) -> dict[str, tuple[str, SideBySide]]:
    """The outcomes that the plan wants compared and the trial has records of: id -> label and comparison."""
    absent, level = [each.outcome.id for each in left_out], plan.trial.conf_level
    wanted = [outcome for outcome in plan.outcomes if outcome.compare and outcome.id not in absent]
    return {o.id: (o.label, compare(trial, o.id, plan=plan, conf_level=level)) for o in wanted}


def _comparison_plots(compared: Mapping[str, tuple[str, SideBySide]]) -> dict[str, tuple[Plot, str]]:
    caption = "{}: every defensible analysis beside the pre-specified one (filled)."
    found = {f"side-by-side-{name}": (each.forest(), caption.format(label)) for name, (label, each) in compared.items()}
    return {name: plot for name, plot in found.items() if plot[0].data["estimate"].notna().any()}


def _outputs(document: Document, plan: Plan, plots: Mapping[str, Plot]) -> dict[str, bytes]:
    outputs = {
        "report.html": render_html(document).encode(),
        "report.docx": render_docx(document),
        PLAN: plan.text.encode(),
    }
    for block in document.blocks():
        if isinstance(block, Table):
            outputs |= block.files()
    for name, plot in plots.items():
        outputs |= {f"figures/{name}.{kind}": content for kind, content in plot.files().items()}
    return outputs


def _step(name: str, frame: pd.DataFrame) -> Step:
    return Step(name, sha256(frame.to_csv(index=False, lineterminator="\n").encode()), len(frame))


def _truth(trial: Trial) -> Mapping[str, float] | None:
    """The true effects that synthetic records were drawn with, by outcome; None for records of a trial."""
    return trial.truth["effects"] if trial.truth else None


def _source(trial: Trial, folder: Path) -> dict[str, object]:
    """Where a re-run finds the records: how to draw them again, or their path as seen from the report."""
    if trial.origin:
        return {"kind": "files", "path": Path(os.path.relpath(trial.origin, folder)).as_posix()}
    if trial.synthetic and trial.truth:
        return {"kind": "synthetic", "seed": trial.truth["seed"], "teams": trial.truth["n_teams"]}
    return {"kind": "frames"}


def verify(folder: Path | str, *, data: Path | str | None = None, progress: Progress = lambda _: None) -> Comparison:
    """Run a report again from its recorded inputs and plan, and compare every output.

    Parameters
    ----------
    folder : of the report
    data : where the records are, if they are not where they were

    Raises
    ------
    DataError : the folder is no report, the records cannot be found, or they break a rule
    """
    folder = Path(folder)
    restore_run(folder)
    manifest, recorded = read_manifest(folder), read_outputs(folder)
    if sha256(recorded.get(PLAN, b"")) != manifest.plan_sha256:
        raise DataError(f"{folder / PLAN} is not the plan that the report was made with: it was changed or is missing")
    plan = parse_plan(recorded[PLAN].decode(), PLAN)
    progress("Reading the records")
    rerun = produce(_recorded_trial(manifest, folder, data), plan, folder, progress=progress)
    return compare_outputs(recorded, rerun.outputs, manifest, rerun.manifest)


def _recorded_trial(manifest: Manifest, folder: Path, data: Path | str | None) -> Trial:
    source = manifest.source
    if data is None and source["kind"] == "synthetic":
        return simulate_trial(source["seed"], n_teams=source["teams"])
    if data is None and source["kind"] == "frames":
        raise DataError("the report was made from data frames in memory: name the folder of the records with --data")
    return read_records(Path(data) if data is not None else folder / source["path"])
