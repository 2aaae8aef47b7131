"""What a run was made from and what it made, so that anyone can check it: `manifest.json`.

It holds no time, no name of a machine or person, and no path outside the run: the same inputs give the same bytes.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import DataError

MANIFEST = "manifest.json"
SCHEMA = "core_trial/run/1"

LIBRARIES = ("core_trial", "duckdb", "formulaic", "jinja2", "matplotlib", "numpy", "pandas", "pandera", "pyarrow",
             "python-docx", "scipy", "statsmodels")  # fmt: skip
"""The packages whose versions can change a number or a picture."""

_KINDS = {
    ".csv": "table",
    ".json": "table",
    ".svg": "figure",
    ".png": "figure",
    ".html": "report",
    ".docx": "report",
    ".toml": "plan",
}


@dataclass(frozen=True)
class Input:
    """A table of records that was read. `sha256` is that of its file, `rows` its data rows."""

    name: str
    format: str
    sha256: str
    rows: int


@dataclass(frozen=True)
class Step:
    """A stage of the run and the digest of what it produced, which tells where a re-run parted from the record."""

    name: str
    sha256: str
    rows: int


@dataclass(frozen=True)
class Output:
    """A file of the run; `kind` is report, table, figure, plan, or environment for one that only names the software."""

    path: str
    sha256: str
    bytes: int
    kind: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A run. `source` says where the records came from: `{"kind": "synthetic", "seed": 7}` or
    `{"kind": "files", "path": "../data"}`; `disclosure` the rules for small counts and what they did."""

    plan_sha256: str
    dictionary_sha256: str
    seed: int | None
    source: Mapping[str, Any]
    inputs: tuple[Input, ...]
    steps: tuple[Step, ...]
    outputs: tuple[Output, ...]
    disclosure: Mapping[str, Any] = field(default_factory=dict)
    python: str = field(default_factory=platform.python_version)
    libraries: Mapping[str, str] = field(default_factory=lambda: library_versions())
    schema: str = SCHEMA

    def to_json(self) -> str:
        """Keys sorted, one a line."""
        return json.dumps(asdict(self), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def describe_outputs(outputs: Mapping[str, bytes], environment: Collection[str] = ()) -> tuple[Output, ...]:
    """A line for each output, by path; those in `environment` may differ where other software is installed."""
    return tuple(
        Output(path, sha256(content), len(content), "environment" if path in environment else _kind(path))
        for path, content in sorted(outputs.items())
    )


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a run; raises DataError where there is none or it cannot be understood."""
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return _from_json(content)
    except FileNotFoundError:
        raise DataError(f"{folder} has no {MANIFEST}: it is not a run of core_trial") from None
    except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
        raise DataError(f"{path} cannot be read as the manifest of a run: {error}") from error


def read_outputs(folder: Path) -> dict[str, bytes]:
    """Every file of a run but its manifest, path with forward slashes -> content; what desktops leave is passed by."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file != folder / MANIFEST and not _is_litter(file.relative_to(folder))
    }


def library_versions() -> dict[str, str]:
    """Installed version of each of `LIBRARIES`."""
    return {name: importlib.metadata.version(name) for name in LIBRARIES}


def sha256(content: bytes) -> str:
    """Digest by which a file or a table is known, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _from_json(content: dict[str, Any]) -> Manifest:
    if content["schema"] != SCHEMA:
        raise ValueError(f"it follows {content['schema']!r}, this version of core_trial reads {SCHEMA!r}")
    parts: dict[str, Any] = {"inputs": Input, "steps": Step, "outputs": Output}
    rows = {name: tuple(part(**row) for row in content[name]) for name, part in parts.items()}
    return Manifest(**{**content, **rows})


def _kind(path: str) -> str:
    """By its suffix; a PDF in a folder is a figure, one at the top the report."""
    file = PurePosixPath(path)
    return _KINDS.get(file.suffix, "figure" if file.parent.name else "report")


def _is_litter(path: Path) -> bool:
    """Files that desktops and word processors leave in a folder that was only looked at."""
    return any(part.startswith((".", "~$")) or part in {"Thumbs.db", "desktop.ini"} for part in path.parts)
