"""Reading of REFI-QDA projects and codebooks."""

from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd

from ...data.checks import describe
from ...errors import DataError, TrialWarning
from .archive import EXPORT, RefiFile, open_refi
from .cases import misfits, read_cases
from .collect import Collector
from .frames import code_frame, coding_frame, note_frame, set_frame, source_frame, unique, user_labels
from .project import RefiProject
from .stream import Element, read_elements
from .text import decode

ROOTS = ("Project", "CodeBook")


def read_refi_qda(path: str | Path) -> RefiProject:
    """Read a project (.qdpx, .qde) or codebook (.qdc) that NVivo, ATLAS.ti, MAXQDA or another program exported.

    Nothing is unpacked to disk: the XML is streamed from the zip archive, and of the texts one at a time is read, to
    put positions as characters of `RefiProject.text`. Codes that stand for cases in NVivo are cases, not codes. What
    names an unknown code, coder, case or source is kept and listed in `checks`, which are warned of once. A codebook,
    or a project without codings, has an empty table of them.

    Raises
    ------
    DataError : the file is missing, empty, damaged or no REFI-QDA file; or it is not safe to read (a document type or
        entities, a zip bomb, names that lead out of the archive, several projects, tags of half a megabyte).

    Example
    -------
    >>> import core_trial as ct, pandas as pd, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> codes = pd.DataFrame({"name": ["Coaching", "Scoping day"]})
    >>> ct.mixed_methods.write_codebook(f"{folder.name}/themes.qdc", codes)
    >>> ct.mixed_methods.read_refi_qda(f"{folder.name}/themes.qdc").codes["name"].to_list()
    ['Coaching', 'Scoping day']
    >>> folder.cleanup()
    """
    with open_refi(Path(path)) as file:
        found = _gather(file)
    project = _project(Path(path).absolute(), found)
    if len(project.checks):
        warnings.warn(f"{project.path.name}: {describe(project.checks)}", TrialWarning, stacklevel=2)
    return project


def _gather(file: RefiFile) -> Collector:
    found = Collector(lambda location: decode(file.source(location)))

    def take(opens: bool, element: Element) -> None:
        if element.parent is None and element.tag not in ROOTS:
            raise DataError(f"{file.path.name} is XML but no REFI-QDA file: it begins with <{element.tag}>: {EXPORT}")
        found.take(opens, element)

    read_elements(file.xml(), file.path.name, take)
    return found


def _project(path: Path, found: Collector) -> RefiProject:
    root = found.root
    assert root is not None
    users = user_labels(unique(found, found.users.take(), "users", "user"))
    sources = source_frame(found, users)
    given = found.codings.take()
    cases = read_cases(found, sources, given)
    all_codes = unique(found, code_frame(found), "codes", "code")
    codes = all_codes[~all_codes["code"].isin(cases.cases["case"])].reset_index(drop=True)
    is_theme = ~given["code"].isin(cases.cases["case"])
    themes = given if is_theme.all() else given[is_theme].reset_index(drop=True)
    codings = coding_frame(found, themes, codes, sources, users)
    names = [all_codes.set_index("code")["name"], sources.set_index("source")["name"]]
    sets = set_frame(found, pd.concat(names))
    _report_misfits(found, cases.variables)
    if found.unsigned:
        message = f"codings that name no coder: {found.unsigned:,}; they are taken as by who marked the passage"
        found.report("codings", "coder", message, column="coder")
    if root.tag == "Project" and codings.empty:
        found.report("codings", "codings", "the project has no codings; if it should, they were left out of the export")
    return RefiProject(
        path, root.get("name"), root.get("origin"), codes, *cases, codings, sources, sets, note_frame(found),
        found.checks(),
    )  # fmt: skip


def _report_misfits(found: Collector, variables: pd.DataFrame) -> None:
    for name, values in misfits(variables).items():
        message = f"values of {name!r} that do not fit its type: {len(values):,}; case_table() leaves them out"
        found.report("variables", "type", message, row=int(values.index[0]) + 1, column=name)
