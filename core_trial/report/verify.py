"""A run beside the same run made again: what is the same, what differs, and in which cells."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from .differences import ABSENT, Pair
from .formats import compare_content
from .manifest import Manifest, sha256

Verdict = Literal["identical", "same within tolerance", "different", "missing", "extra", "altered", "not compared"]

FAULTS: tuple[Verdict, ...] = ("altered", "missing", "extra", "different")
"""Verdicts with which a run does not verify: changed after the run; made again but not there; there but not made again;
made again with other content."""

SHOWN, SHORT = 20, 60
"""Cells that the summary shows, and letters of a text that differs."""

_OUTPUTS = ("output", "verdict", "largest_difference", "cells")
_CELLS = ("output", "row", "column", "recorded", "rerun", "difference")
_INPUTS = ("input", "finding", "recorded", "rerun")


@dataclass(frozen=True)
class Comparison:
    """The outcome of a verification.

    Attributes
    ----------
    outputs : `output verdict largest_difference cells`, a row a file; the difference is that of numbers, above 1 as a
        share of them; `cells` counts those that differ beyond tolerance
    cells : `output row column recorded rerun difference`, a row a difference beyond tolerance
    inputs : `input finding recorded rerun`, a row an input, plan or dictionary that is not what it was
    notes : what may explain a difference and is none itself
    """

    outputs: pd.DataFrame
    cells: pd.DataFrame
    inputs: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the same inputs gave the same outputs."""
        return self.inputs.empty and not self.outputs["verdict"].isin(FAULTS).any()

    def summary(self) -> str:
        """All of it as text for a terminal."""
        return "\n\n".join(self._paragraphs()) + "\n"

    def _paragraphs(self) -> Iterator[str]:
        counts = self.outputs["verdict"].value_counts()
        yield f"{len(self.outputs)} outputs: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
        if not self.inputs.empty:
            yield f"Inputs that changed since the run:\n{_text(self.inputs)}"
        unlike = self.outputs[self.outputs["verdict"] != "identical"]
        if not unlike.empty:
            yield f"Outputs that are not identical:\n{_text(unlike)}"
        if not self.cells.empty:
            more = f"\nand {len(self.cells) - SHOWN} more" if len(self.cells) > SHOWN else ""
            yield f"Cells that differ:\n{_text(self.cells.head(SHOWN))}{more}"
        yield from self.notes
        yield "The report verifies." if self.ok else "The report does NOT verify."


def compare_outputs(
    recorded: Mapping[str, bytes], rerun: Mapping[str, bytes], manifest: Manifest, rerun_manifest: Manifest
) -> Comparison:
    """Compare the files of a run with those of a run made again.

    Parameters
    ----------
    recorded, rerun : path -> content, without the manifests
    manifest, rerun_manifest : theirs
    """
    findings = list(_findings(recorded, rerun, manifest))
    return Comparison(
        outputs=pd.DataFrame([finding.row() for finding in findings], columns=list(_OUTPUTS)),
        cells=pd.DataFrame([cell for finding in findings for cell in finding.cells()], columns=list(_CELLS)),
        inputs=pd.DataFrame(_changed_inputs(manifest, rerun_manifest), columns=list(_INPUTS)),
        notes=tuple(_notes(recorded, manifest, rerun_manifest)),
    )


@dataclass(frozen=True)
class _Finding:
    path: str
    verdict: Verdict
    pairs: Sequence[Pair] = ()

    def row(self) -> tuple[str, str, float, int]:
        """As a row of `Comparison.outputs`."""
        differences = [pair.difference for pair in self.pairs if pair.numbers]
        return self.path, self.verdict, max(differences, default=0.0), len(self.cells())

    def cells(self) -> list[tuple[str, str, str, str, str, float]]:
        """As rows of `Comparison.cells`."""
        return [
            (self.path, pair.row, pair.column, _short(pair.recorded), _short(pair.rerun), pair.difference)
            for pair in self.pairs
            if not pair.same
        ]


def _findings(recorded: Mapping[str, bytes], rerun: Mapping[str, bytes], manifest: Manifest) -> Iterator[_Finding]:
    listed = {output.path: output for output in manifest.outputs}
    for path in sorted({*listed, *rerun}):
        before, after = recorded.get(path), rerun.get(path)
        if before is None or after is None:
            yield _Finding(path, "missing" if before is None else "extra")
        elif path not in listed or sha256(before) != listed[path].sha256:
            yield _Finding(path, "altered", compare_content(path, before, after))
        else:
            yield _compare(path, listed[path].kind, before, after)


def _compare(path: str, kind: str, recorded: bytes, rerun: bytes) -> _Finding:
    if recorded == rerun:
        return _Finding(path, "identical")
    if kind == "environment":
        return _Finding(path, "not compared")
    pairs = compare_content(path, recorded, rerun)
    return _Finding(path, "same within tolerance" if all(pair.same for pair in pairs) else "different", pairs)


def _changed_inputs(manifest: Manifest, rerun: Manifest) -> Iterator[tuple[str, str, str, str]]:
    old, new = _input_texts(manifest), _input_texts(rerun)
    for name in dict.fromkeys([*old, *new]):
        if old.get(name) != new.get(name):
            finding = "gone" if name not in new else "new" if name not in old else "changed"
            yield name, finding, old.get(name, ABSENT), new.get(name, ABSENT)


def _input_texts(manifest: Manifest) -> dict[str, str]:
    """All that a run is made from, in a few letters each."""
    return {
        **{table.name: f"{table.rows} rows, sha256 {table.sha256[:12]}" for table in manifest.inputs},
        "plan": f"sha256 {manifest.plan_sha256[:12]}",
        "data dictionary": f"sha256 {manifest.dictionary_sha256[:12]}",
        "seed": str(manifest.seed),
    }


def _notes(recorded: Mapping[str, bytes], manifest: Manifest, rerun: Manifest) -> Iterator[str]:
    old, new = ({"python": run.python, **run.libraries} for run in (manifest, rerun))
    versions = [
        f"{name} {old.get(name)} -> {new.get(name)}" for name in sorted({*old, *new}) if old.get(name) != new.get(name)
    ]
    if versions:
        yield f"Other software than at the time of the run, which is not a difference: {', '.join(versions)}"
    parted = [before.name for before, after in zip(manifest.steps, rerun.steps, strict=False) if before != after]
    if parted:
        yield f"The first step that gave something else, to the last digit: {parted[0]}"
    strangers = sorted({*recorded} - {output.path for output in manifest.outputs})
    if strangers:
        yield f"Files that are no part of the run: {', '.join(strangers)}"


def _short(text: str) -> str:
    return textwrap.shorten(text, SHORT, placeholder=" ...")


def _text(frame: pd.DataFrame) -> str:
    return frame.to_string(index=False, na_rep="", float_format="{:.3g}".format)
