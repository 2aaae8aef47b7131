"""Files from the dictionary: the Table Schemas themselves, and empty tables to fill."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ...errors import OutputError
from .model import Dictionary


def write_templates(dictionary: Dictionary, folder: str | Path) -> list[Path]:
    """Write for each table `<table>.csv` with the header row only; returns the files.

    Raises
    ------
    OutputError : one of the files is there already (then none is written), or the folder cannot be written.
    """
    return _write_new(Path(folder), {f"{n}.csv": ",".join(t.names) + "\n" for n, t in dictionary.tables.items()})


def write_dictionary(dictionary: Dictionary, folder: str | Path) -> list[Path]:
    """Write for each table `<table>.json`, its Table Schema, as `read_dictionary` reads it; returns the files.

    Raises
    ------
    OutputError : as for `write_templates`.
    """
    tables = dictionary.tables.items()
    return _write_new(
        Path(folder), {f"{n}.json": json.dumps(t.raw, indent=2, ensure_ascii=False) + "\n" for n, t in tables}
    )


def _write_new(folder: Path, contents: Mapping[str, str]) -> list[Path]:
    paths = {folder / name: text for name, text in contents.items()}
    if there := [path for path in paths if path.exists()]:
        raise OutputError(f"{there[0]} exists already and is not overwritten; choose another folder, or move it away")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in paths.items():
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error}") from error
    return list(paths)
