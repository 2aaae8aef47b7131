"""What commands print and write: tables, JSON, files, progress and warnings."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .errors import OutputError, PlanError, TrialWarning

if TYPE_CHECKING:
    import pandas as pd


def headline(effects: pd.DataFrame) -> pd.DataFrame:
    """The pre-specified effects as text."""
    import pandas as pd

    from .report.cells import INTERVAL, show

    rows = effects[effects["prespecified"]].to_dict("records")
    return pd.DataFrame(
        {
            "outcome": row["label"],
            "measure": row["measure"],
            "effect (interval)": show([row["estimate"], row["conf_low"], row["conf_high"]], INTERVAL),
            "p": show([row["p_value"]], "p"),
            "df": show([row["df"]], ".1f"),
        }
        for row in rows
    )


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[str], None]]:
    """A function that shows the step now under way; silent where nobody watches."""
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _: None
    else:
        with console.status("Reading") as status:
            yield status.update


def print_frame(frame: pd.DataFrame, title: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for column in frame.columns:
        table.add_column(str(column), overflow="fold")
    for row in frame.itertuples(index=False):
        table.add_row(*("" if value is None else str(value) for value in row))
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def print_json(content: dict[str, Any]) -> None:
    typer.echo(json.dumps(content, indent=1, ensure_ascii=False))


def write(path: Path, content: str | bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from error


def save(figure: Any, path: Path, width: str) -> None:
    if path.suffix not in (".png", ".svg", ".pdf"):
        raise PlanError(f"{path.name}: a figure is written as .png, .svg or .pdf")
    for written in figure.save(path.with_suffix(""), formats=(path.suffix[1:],), width=width):
        typer.echo(written)


def show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    typer.echo(f"{'Note' if issubclass(category, TrialWarning) else category.__name__}: {message}", err=True)
