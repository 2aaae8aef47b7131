"""The command line: parse, call, print. Heavy imports stand inside the commands, so that `--help` is quick."""

from __future__ import annotations

import json
import sys
import warnings
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .errors import PlanError, TrialError, TrialWarning
from .terminal import headline, print_frame, print_json, progress, save, show_warning, write

if TYPE_CHECKING:
    from .data.trial import Trial

app = typer.Typer(
    help="Analysis of the CORE cluster-randomised trial, and of any cluster-randomised trial.",
    epilog="Exit codes: 0 done; 1 a check failed; 2 wrong command or plan; 3 the design does not allow the analysis; "
    "4 a model could not be fitted; 5 the output could not be written; 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
plot = typer.Typer(help="Draw a figure, with the data behind it as CSV.", no_args_is_help=True)
app.add_typer(plot, name="plot")

Data = Annotated[
    Path | None,
    typer.Argument(help="Folder or file of records; without it the embedded synthetic trial.", show_default=False),
]
PlanFile = Annotated[
    Path | None,
    typer.Option(
        "--plan", help="Analysis plan; default: plan.toml in DATA, else the plan that ships.", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for machines.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no notes.")]
Memory = Annotated[
    str | None, typer.Option(help="Most memory that the record database may take, such as 2GB.", show_default=False)
]


class Width(StrEnum):
    """Journal column widths: 89 and 183 mm."""

    single = "single"
    double = "double"


class DictionaryFormat(StrEnum):
    """Ways to write the data dictionary."""

    markdown = "markdown"
    html = "html"
    redcap = "redcap"


def main() -> None:
    """Run the command line. A fault that the user can mend ends with its message and exit code, without a traceback."""
    warnings.showwarning = show_warning
    try:
        app()
    except TrialError as error:
        typer.echo(f"core-trial: {error}", err=True)
        sys.exit(error.exit_code)


@app.command()
def run(
    data: Data = None,
    plan: PlanFile = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the report.", show_default="reports/NAME")] = None,
    memory_limit: Memory = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check the records, run every analysis of the plan, and write the report.

    Example: core-trial run my_trial --out reports/my_trial
    """
    from .reproduce import run as run_plan
    from .trial_folder import read_choices

    if quiet:
        warnings.simplefilter("ignore", TrialWarning)
    trial, chosen = _trial(data, memory_limit), read_choices(data, plan)
    folder = out or Path("reports") / (data.resolve().stem if data else "synthetic")
    with progress(quiet or as_json) as step:
        finished = run_plan(trial, chosen, folder, progress=step)
    if as_json:
        print_json(
            {"report": str(folder / "report.html"), "effects": json.loads(finished.effects.to_json(orient="records"))}
        )
    else:
        print_frame(headline(finished.effects), "Effects, pre-specified analyses")
        for line in finished.messages:
            typer.echo(f"Note: {line}", err=True)
        typer.echo(f"Report: {folder / 'report.html'}")
    if finished.failed:
        raise typer.Exit(4)


@app.command()
def check(
    data: Annotated[Path, typer.Argument(help="Folder or file of records.")],
    csv: Annotated[Path | None, typer.Option(help="Write the table of failures here too.", show_default=False)] = None,
    memory_limit: Memory = None,
    as_json: Json = False,
) -> None:
    """Check records against the data dictionary and the trial's own rules; exit 1 if a rule is broken.

    Example: core-trial check my_trial --csv failures.csv
    """
    from .trial_folder import check_records

    failures = check_records(data, memory_limit=memory_limit)
    if csv:
        write(csv, failures.to_csv(index=False, lineterminator="\n"))
    errors = int((failures["severity"] == "error").sum())
    if as_json:
        print_json({"errors": errors, "failures": json.loads(failures.to_json(orient="records"))})
    else:
        print_frame(failures.drop(columns="value"), "Failed checks")
        typer.echo(f"{errors} errors, {len(failures) - errors} warnings in {data}; rows are counted below the header")
    raise typer.Exit(1 if errors else 0)


@app.command()
def panel(
    data: Data = None,
    out: Annotated[
        Path | None, typer.Option(help="CSV or Parquet file; default: CSV on the screen.", show_default=False)
    ] = None,
    memory_limit: Memory = None,
) -> None:
    """Build the panel, a row a team and timepoint.

    It holds small counts of single teams: keep it as confidential as the records.

    Example: core-trial panel my_trial --out panel.parquet
    """
    frame = _trial(data, memory_limit).panel()
    if out is None:
        typer.echo(frame.to_csv(index=False, lineterminator="\n"), nl=False)
    elif out.suffix == ".parquet":
        write(out, frame.to_parquet(index=False))
    elif out.suffix == ".csv":
        write(out, frame.to_csv(index=False, lineterminator="\n"))
    else:
        raise PlanError(f"{out.name}: the panel is written as .csv or .parquet")


@app.command()
def simulate(
    out: Annotated[Path, typer.Argument(help="New folder for the tables and truth.json.")],
    seed: Annotated[
        int | None, typer.Option(help="Seed; default: that of the embedded trial.", show_default=False)
    ] = None,
    teams: Annotated[int, typer.Option(help="Number of teams.")] = 25,
    scale: Annotated[float, typer.Option(help="Multiple of the admissions of a real trial.")] = 1,
) -> None:
    """Draw a synthetic trial with a stated truth.

    Example: core-trial simulate synthetic_trial --seed 7
    """
    from .data.synthetic import DEFAULT_SEED, simulate_trial, write_trial

    chosen = DEFAULT_SEED if seed is None else seed
    if scale == 1:
        write_trial(simulate_trial(chosen, n_teams=teams), out)
    else:
        simulate_trial(chosen, n_teams=teams, scale=scale, out=out)
    typer.echo(f"Synthetic trial: {out}")


@plot.command("forest")
def plot_forest(
    out: Annotated[Path, typer.Argument(help="File: .png, .svg or .pdf.")] = Path("forest.png"),
    data: Annotated[
        Path | None, typer.Option(help="Folder or file of records.", show_default="synthetic trial")
    ] = None,
    plan: PlanFile = None,
    outcome: Annotated[
        list[str] | None,
        typer.Option(help="Outcomes of the plan, all analyses; default: all outcomes.", show_default=False),
    ] = None,
    width: Annotated[Width, typer.Option(help="Journal column width.")] = Width.double,
) -> None:
    """Forest plot of effects: of every outcome's pre-specified analysis, or of all analyses of the outcomes named.

    Example: core-trial plot forest satisfaction.pdf --data my_trial --outcome csq8
    """
    from .analyses import analyse, effects
    from .plots import forest
    from .trial_folder import read_choices

    trial, chosen = _trial(data), read_choices(data, plan)
    table = effects(analyse(trial, chosen, outcome)[0], chosen)
    save(forest(table if outcome else table[table["prespecified"]]), out, width.value)


@plot.command("trajectory")
def plot_trajectory(
    out: Annotated[Path, typer.Argument(help="File: .png, .svg or .pdf.")] = Path("trajectory.png"),
    data: Annotated[
        Path | None, typer.Option(help="Folder or file of records.", show_default="synthetic trial")
    ] = None,
    outcome: Annotated[str, typer.Option(help="Column of the panel.")] = "fidelity",
    width: Annotated[Width, typer.Option(help="Journal column width.")] = Width.double,
) -> None:
    """Trajectories of the teams over time, with the mean of each arm.

    Example: core-trial plot trajectory fidelity.svg --data my_trial
    """
    from .plots import trajectory
    from .team_names import team_names

    trial = _trial(data)
    panel = trial.panel()
    save(trajectory(panel.assign(team=panel["team"].map(team_names(trial))), outcome), out, width.value)


@app.command()
def verify(
    report: Annotated[Path, typer.Argument(help="Folder of a report.")],
    data: Annotated[
        Path | None, typer.Option(help="Where the records are now, if they moved.", show_default=False)
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the differing cells here too.", show_default=False)] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run a report again from its recorded inputs and plan, and compare every number; exit 1 if one differs.

    Example: core-trial verify reports/synthetic
    """
    from .reproduce import verify as verify_report

    warnings.simplefilter("ignore", TrialWarning)
    with progress(quiet or as_json) as step:
        comparison = verify_report(report, data=data, progress=step)
    if csv:
        write(csv, comparison.cells.to_csv(index=False, lineterminator="\n"))
    if as_json:
        print_json({"ok": comparison.ok, "outputs": json.loads(comparison.outputs.to_json(orient="records"))})
    else:
        typer.echo(comparison.summary())
    raise typer.Exit(0 if comparison.ok else 1)


@app.command()
def dictionary(
    style: Annotated[DictionaryFormat, typer.Option("--format", help="How it is written.")] = DictionaryFormat.markdown,
    out: Annotated[Path | None, typer.Option(help="File; default: the screen.", show_default=False)] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--from", help="Folder of a data dictionary; default: the one that ships.", show_default=False),
    ] = None,
) -> None:
    """Print the data dictionary for people (Markdown, HTML) or for REDCap (its 18 columns).

    Example: core-trial dictionary --format redcap --out redcap.csv
    """
    from .data import dictionary as source

    tables = source.read_dictionary(folder)
    text = {
        DictionaryFormat.markdown: source.dictionary_markdown(tables),
        DictionaryFormat.html: source.dictionary_html(tables),
        DictionaryFormat.redcap: source.redcap_dictionary(tables).to_csv(index=False, lineterminator="\n"),
    }[style]
    if out:
        write(out, text)
    else:
        typer.echo(text, nl=False)


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="New folder.")]) -> None:
    """Write a trial folder that is ready to be filled: plan, data dictionary, a CSV template a table.

    Example: core-trial init my_trial
    """
    from .trial_folder import write_trial_folder

    for path in write_trial_folder(folder):
        typer.echo(path)


def _trial(data: Path | None, memory_limit: str | None = None) -> Trial:
    from .data.synthetic import simulate_trial
    from .trial_folder import read_records

    return read_records(data, memory_limit=memory_limit) if data else simulate_trial()
