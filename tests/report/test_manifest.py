"""What is recorded of a run: enough to make it again, nothing that changes by itself."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from core_trial.errors import DataError
from core_trial.report import Input, Manifest, Step, describe_outputs, read_manifest
from core_trial.report.manifest import LIBRARIES, sha256


@pytest.fixture
def manifest(outputs: dict[str, bytes]) -> Manifest:
    return Manifest(
        plan_sha256="1" * 64,
        dictionary_sha256="2" * 64,
        seed=7,
        source={"kind": "files", "path": "../data"},
        inputs=(Input("teams", "csv", "3" * 64, 25),),
        steps=(Step("panel", "4" * 64, 65),),
        outputs=describe_outputs(outputs, environment=["tables/effects.csv"]),
        disclosure={"preset": "nhs_hes", "actions": [{"row": "other", "action": "withheld: small"}]},
    )


def test_it_reads_back_as_it_was(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(manifest.to_json(), encoding="utf-8")
    assert read_manifest(tmp_path) == manifest


def test_the_same_run_has_the_same_text_with_sorted_keys(manifest: Manifest) -> None:
    shuffled = replace(manifest, libraries=dict(reversed(manifest.libraries.items())))
    assert shuffled.to_json() == manifest.to_json()
    assert list(json.loads(manifest.to_json())) == sorted(json.loads(manifest.to_json()))


def test_outputs_are_described_by_path_digest_size_and_kind(outputs: dict[str, bytes], manifest: Manifest) -> None:
    assert [output.path for output in manifest.outputs] == sorted(outputs)
    for output in manifest.outputs:
        assert (output.sha256, output.bytes) == (sha256(outputs[output.path]), len(outputs[output.path]))
    assert {output.path: output.kind for output in manifest.outputs} == {
        "report.html": "report",
        "tables/effects.csv": "environment",
        "tables/effects.json": "table",
    }
    kinds = describe_outputs({"figures/forest.pdf": b"", "report.pdf": b"", "figures/forest.svg": b""})
    assert [output.kind for output in kinds] == ["figure", "figure", "report"]


def test_versions_are_those_installed(manifest: Manifest) -> None:
    assert sorted(manifest.libraries) == sorted(LIBRARIES)
    assert manifest.libraries["core_trial"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ("{}", "schema"),
        ('{"schema": "core_trial/run/99"}', "core_trial/run/99"),
        ('{"schema": "core_trial/run/1", "inputs": [{"name": "teams"}]}', "cannot be read"),
    ],
)
def test_a_manifest_that_cannot_be_understood_is_an_error(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=reason):
        read_manifest(tmp_path)


def test_a_folder_without_manifest_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a run"):
        read_manifest(tmp_path)
