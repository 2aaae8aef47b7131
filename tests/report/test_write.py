"""A run is on disk whole or not at all, and never in the place of somebody's work."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core_trial.errors import OutputError
from core_trial.report import Manifest, describe_outputs, read_manifest, read_outputs, write_run
from core_trial.report import write as writing

OLD = {"report.html": b"old", "tables/effects.csv": b"a\n1\n"}
NEW = {"report.html": b"new", "tables/effects.csv": b"a\n2\n", "tables/more.csv": b"b\n"}


def manifest(outputs: dict[str, bytes]) -> Manifest:
    return Manifest(
        plan_sha256="p",
        dictionary_sha256="d",
        seed=1,
        source={"kind": "synthetic", "seed": 1},
        inputs=(),
        steps=(),
        outputs=describe_outputs(outputs),
    )


def write(folder: Path, outputs: dict[str, bytes]) -> None:
    write_run(folder, outputs, manifest(outputs))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "reports" / "run"
    write(folder, OLD)
    return folder


def assert_holds(folder: Path, outputs: dict[str, bytes]) -> None:
    """The run is whole and alone in its place."""
    assert read_outputs(folder) == outputs
    assert read_manifest(folder) == manifest(outputs)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_run_is_written_and_replaced(run: Path) -> None:
    assert_holds(run, OLD)
    write(run, NEW)
    assert_holds(run, NEW)
    write(run, OLD)
    assert_holds(run, OLD)


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    write(folder, NEW)
    assert_holds(folder, NEW)


def test_a_link_to_a_folder_stays_a_link(run: Path, tmp_path: Path) -> None:
    link = tmp_path / "latest"
    link.symlink_to(run, target_is_directory=True)
    write(link, NEW)
    assert link.is_symlink()
    assert_holds(run, NEW)


def test_others_may_read_what_the_umask_lets_them(run: Path) -> None:
    mask = os.umask(0o027)
    try:
        write(run, NEW)
    finally:
        os.umask(mask)
    assert run.stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("name", ["notes.docx", "tables/mine.csv"])
def test_work_that_was_added_is_not_lost(run: Path, name: str) -> None:
    (run / name).write_bytes(b"mine")
    with pytest.raises(OutputError, match=name):
        write(run, NEW)
    assert read_outputs(run) == {**OLD, name: b"mine"}


def test_work_in_a_file_of_the_run_is_not_lost(run: Path) -> None:
    (run / "report.html").write_bytes(b"commented")
    with pytest.raises(OutputError, match=r"report\.html.*Move them away"):
        write(run, NEW)
    assert (run / "report.html").read_bytes() == b"commented"


def test_what_desktops_leave_is_no_work(run: Path) -> None:
    for name in (".DS_Store", "Thumbs.db", "~$report.docx", ".~lock.report.docx#"):
        (run / name).write_bytes(b"")
    write(run, NEW)
    assert_holds(run, NEW)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_bytes(b"years")
    with pytest.raises(OutputError, match="is not a run"):
        write(tmp_path, NEW)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.docx"]


def test_a_folder_whose_manifest_is_not_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"name": "a web app"}')
    with pytest.raises(OutputError, match="cannot be read as the manifest of a run"):
        write(tmp_path, NEW)
    assert (tmp_path / "manifest.json").read_text() == '{"name": "a web app"}'


@pytest.mark.parametrize("target", ["file", "file/run"])
def test_a_file_in_the_way_is_an_error(tmp_path: Path, target: str) -> None:
    (tmp_path / "file").write_bytes(b"kept")
    with pytest.raises(OutputError, match="file"):
        write(tmp_path / target, NEW)
    assert (tmp_path / "file").read_bytes() == b"kept"


def test_a_target_that_cannot_be_written_is_known_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="file is a file"):
        writing.check_replaceable(tmp_path / "file" / "run")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(OutputError, match="no permission to write in"):
        writing.check_replaceable(tmp_path / "new" / "run")


def test_the_name_of_a_folder_is_no_pattern(tmp_path: Path) -> None:
    folder = tmp_path / "run [1]"
    litter = tmp_path / ".run [1].partial-dead"
    litter.mkdir()
    write(folder, NEW)
    assert_holds(folder, NEW)


@pytest.mark.parametrize("failing", ["mkdtemp", "fsync", "rename"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_fault_of_the_file_system_leaves_the_run(
    run: Path, monkeypatch: pytest.MonkeyPatch, failing: str, code: int
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    owner = {"mkdtemp": writing.tempfile, "fsync": writing.os, "rename": writing.Path}[failing]
    with monkeypatch.context() as patched:
        patched.setattr(owner, failing, fail)
        with pytest.raises(OutputError, match=rf"cannot write .*run: {os.strerror(code)}"):
            write(run, NEW)
    assert_holds(run, OLD)


def test_a_second_rename_that_fails_takes_the_first_back(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.rename

    def fail(self: Path, target: Path) -> Path:
        if ".partial-" in self.name:
            raise PermissionError(errno.EACCES, "held by another program")
        return rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", fail)
        with pytest.raises(OutputError, match="held by another program"):
            write(run, NEW)
    assert_holds(run, OLD)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounting = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    ) if sys.platform == "linux" else None  # fmt: skip
    if mounting is None or mounting.returncode:
        pytest.skip("a file system of its own can only be mounted by root on Linux")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_leaves_the_run(small_disk: Path) -> None:
    folder = small_disk / "run"
    write(folder, OLD)
    with pytest.raises(OutputError, match="No space left"):
        write(folder, {**NEW, "big.csv": b"x" * 100_000})
    assert_holds(folder, OLD)


INTERRUPTED = """
import os, signal
from pathlib import Path
from core_trial.report.manifest import Manifest, describe_outputs
from core_trial.report.write import write_run

calls = 0

def interrupt(original):
    def call(*args):
        global calls
        calls += 1
        result = original(*args)
        if calls == {after}:
            os.kill(os.getpid(), signal.{by})
        return result
    return call

{owner} = interrupt({owner})
outputs = {outputs}
manifest = Manifest(
    plan_sha256="p", dictionary_sha256="d", seed=1, source={{"kind": "synthetic", "seed": 1}},
    inputs=(), steps=(), outputs=describe_outputs(outputs),
)
write_run(Path({folder!r}), outputs, manifest)
"""


def interrupted(folder: Path, *, owner: str, after: int, by: str) -> int:
    """Write a run in a process of its own that is ended after so many calls of a function."""
    script = INTERRUPTED.format(owner=owner, after=after, by=by, outputs=NEW, folder=str(folder))
    return subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode


@pytest.mark.parametrize(("owner", "after"), [("os.fsync", 1), ("os.fsync", 3), ("Path.rename", 1)])
def test_ctrl_c_leaves_the_run_and_no_litter(run: Path, owner: str, after: int) -> None:
    assert interrupted(run, owner=owner, after=after, by="SIGINT") == -signal.SIGINT
    assert_holds(run, OLD)


@pytest.mark.parametrize(("owner", "after"), [("os.fsync", 2), ("Path.rename", 1), ("Path.rename", 2)])
def test_the_next_run_clears_up_after_one_that_was_killed(run: Path, owner: str, after: int) -> None:
    assert interrupted(run, owner=owner, after=after, by="SIGKILL") == -signal.SIGKILL
    if owner == "os.fsync":
        assert read_outputs(run) == OLD
    writing.restore_run(run)
    assert_holds(run, NEW if after == 2 and owner == "Path.rename" else OLD)
    write(run, NEW)
    assert_holds(run, NEW)
