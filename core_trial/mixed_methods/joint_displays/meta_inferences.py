"""Meta-inferences: what the numbers and the interviews say together. People write them, in a TOML file."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pandas as pd

from ...errors import OutputError, PlanError
from .pseudonyms import refuse_codes

FITS = ("confirmation", "expansion", "discordance", "silence")
"""How the two strands fit (Fetters, Curry and Creswell 2013, Health Serv Res 48:2134); silence: one has nothing."""

KEYS = ("finding", "meta_inference", "fit")
COLUMNS = ("kind", "subject", *KEYS)

Subjects = Mapping[str, Iterable[str]]
"""What can be written about: `{"teams": ["T01", ...], "themes": [...]}`."""

_HEAD = """\
# What the numbers and the interviews say together: written by people, from both.
# Leave empty what is not written yet. Write pseudonyms, never the names of teams or people.
#
# finding         the qualitative finding in a sentence or two
# meta_inference  what follows from it and the numbers together
# fit             confirmation, expansion, discordance, or silence where one strand has nothing
"""


def write_meta_inferences(path: str | Path, subjects: Subjects) -> Path:
    """A file in which every subject waits for its text; one that is there already is left as it is.

    Raises
    ------
    OutputError : the file exists, or cannot be written
    """
    path = Path(path)
    entries = [_entry(kind, subject) for kind, names in subjects.items() for subject in names]
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write("\n".join([_HEAD, *entries]))
    except FileExistsError as error:
        raise OutputError(f"{path.name} exists, and what people wrote in it stays: choose another name") from error
    except OSError as error:
        raise OutputError(f"cannot write {path.name}: {error.strerror or error}") from error
    return path


def read_meta_inferences(path: str | Path, subjects: Subjects, names: Mapping[str, str]) -> pd.DataFrame:
    """What was written, a row a subject of the file: `kind subject finding meta_inference fit`; empty is missing.

    Parameters
    ----------
    path : a TOML file, such as `write_meta_inferences` prepares: a table `[teams.T01]` for each subject
    subjects : kind -> subjects, such as `{"teams": ["T01"], "themes": ["senior_support"]}`
    names : team -> pseudonym; no text may hold the code of a team

    Raises
    ------
    PlanError : the file cannot be read, is not TOML, or has a kind, a subject, a key or a `fit` that there is not; the
        message lists all of them, with the nearest that there is
    DataError : the code of a team stands in a text

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> path = write_meta_inferences(Path(mkdtemp()) / "meta.toml", {"teams": ["T01", "T02"]})
    >>> read_meta_inferences(path, {"teams": ["T01", "T02"]}, {"T01": "Team A", "T02": "Team B"})["subject"].tolist()
    ['T01', 'T02']
    """
    path = Path(path)
    content = _parse(path)
    wrong = _wrong(content, {kind: list(map(str, names)) for kind, names in subjects.items()})
    if wrong:
        raise PlanError(f"{path.name} does not describe meta-inferences:\n" + "\n".join(f"  {line}" for line in wrong))
    rows = [
        (kind, subject, *(entry.get(key, "").strip() or None for key in KEYS))
        for kind, table in content.items()
        for subject, entry in table.items()
    ]
    meta = pd.DataFrame(rows, columns=list(COLUMNS), dtype="str")
    for key in KEYS:
        refuse_codes(meta[key], names)
    return meta


def written(meta: pd.DataFrame | None, kind: str, key: str = "meta_inference") -> dict[str, str]:
    """What is written of the subjects of a kind, by subject; nothing without a file."""
    if meta is None:
        return {}
    rows = meta[(meta["kind"] == kind) & meta[key].notna()]
    return dict(zip(rows["subject"], rows[key], strict=True))


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n"))
    except OSError as error:
        raise PlanError(f"cannot read {path.name}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise PlanError(f"{path.name} is not UTF-8 text: save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise PlanError(f"{path.name} is not valid TOML: {error}") from error


def _entry(kind: str, subject: str) -> str:
    lines = [f"{key} = {json.dumps('')}" for key in KEYS]
    return "\n".join([f"[{kind}.{json.dumps(str(subject), ensure_ascii=False)}]", *lines, ""])


def _wrong(content: Mapping[str, Any], subjects: Mapping[str, list[str]]) -> list[str]:
    """Every fault of the file, a line each."""
    lines = []
    for kind, table in content.items():
        if kind not in subjects or not isinstance(table, dict):
            lines.append(f"{kind}: {_unknown(kind, list(subjects), 'such table')}")
            continue
        for subject, entry in table.items():
            lines += [f"{kind}, {subject}: {fault}" for fault in _faults(subject, entry, subjects[kind], kind)]
    return lines


def _faults(subject: str, entry: Any, subjects: list[str], kind: str) -> list[str]:
    if subject not in subjects:
        return [_unknown(subject, subjects, f"{subject!r} among the {kind}")]
    if not isinstance(entry, dict):
        return [f"write a table [{kind}.{subject}] with the keys {', '.join(KEYS)}"]
    faults = [f"{key}: {_unknown(key, list(KEYS), 'such key')}" for key in entry if key not in KEYS]
    faults += [f"{key}: write text in quotes" for key in KEYS if not isinstance(entry.get(key, ""), str)]
    fit = entry.get("fit") or FITS[0]
    return faults + [f"fit: {fit!r} is none of {', '.join(FITS)}"] * (isinstance(fit, str) and fit not in FITS)


def _unknown(name: str, allowed: list[str], what: str) -> str:
    near = get_close_matches(name, allowed, n=1)
    return f"there is no {what}; " + (f"did you mean {near[0]!r}?" if near else f"there are {', '.join(allowed)}")
