"""A run put on disk at once or not at all."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..errors import DataError, OutputError
from .manifest import MANIFEST, Manifest, read_manifest, read_outputs, sha256


def write_run(folder: Path, outputs: Mapping[str, bytes], manifest: Manifest) -> None:
    """Put the outputs and their manifest in `folder`, in the place of an earlier run.

    All is written beside it first, then renamed: whatever happens half-way, a full disk, Ctrl-C, loss of power, the
    earlier run stays whole.

    Raises OutputError where the folder cannot be written, is not a run, or holds work that would be lost.
    """
    folder = Path(folder).resolve()
    with _reporting(folder):
        restore_run(folder)
        check_replaceable(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _partial(folder) as partial:
            _write(partial, {**outputs, MANIFEST: manifest.to_json().encode()})
            _swap(partial, folder)


def check_replaceable(folder: Path) -> None:
    """Raises OutputError unless `folder` can be made, is empty, or is a run that nobody has changed since."""
    with _reporting(folder):
        _check_writable(Path(folder).resolve())
        _check_own(Path(folder).resolve())


def restore_run(folder: Path) -> None:
    """Clear up after a run that was killed: put back the run that was being replaced, remove what was half written."""
    previous = _previous(folder)
    if previous.exists() and not folder.exists():
        previous.rename(folder)
    for litter in [previous, *folder.parent.glob(f".{glob.escape(folder.name)}.partial-*")]:
        shutil.rmtree(litter, ignore_errors=True)


def _check_writable(folder: Path) -> None:
    """Raises OSError unless the nearest folder above that exists can be written to."""
    above = next(path for path in folder.parents if path.exists())
    if not above.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"{above} is a file")
    if not os.access(above, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, f"no permission to write in {above}")


def _check_own(folder: Path) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not (folder / MANIFEST).is_file():
        raise OutputError(f"{folder} exists and is not a run of core_trial; choose another folder")
    changed = _changed_files(folder)
    if changed:
        raise OutputError(
            f"{folder} holds files that were added or changed after the run and would be lost: {', '.join(changed)}. "
            "Move them away, or choose another folder"
        )


def _changed_files(folder: Path) -> list[str]:
    try:
        recorded = {output.path: output.sha256 for output in read_manifest(folder).outputs}
    except DataError as error:
        raise OutputError(f"{error}. Move the folder away, or choose another") from error
    return [path for path, content in read_outputs(folder).items() if recorded.get(path) != sha256(content)]


@contextlib.contextmanager
def _partial(folder: Path) -> Iterator[Path]:
    """A folder beside `folder`, gone at the end whatever happens."""
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.partial-", dir=folder.parent))
    try:
        partial.chmod(0o777 & ~_umask())
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for path, content in sorted(files.items()):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def _swap(partial: Path, folder: Path) -> None:
    """Put `partial` in the place of `folder`; what stood there comes back if that fails, and goes if it does not."""
    try:
        if folder.exists():
            folder.rename(_previous(folder))
        partial.rename(folder)
    finally:
        restore_run(folder)


def _previous(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.previous")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextlib.contextmanager
def _reporting(folder: Path) -> Iterator[None]:
    """Faults of the file system as OutputError that names the folder."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror or error}. What stood there is untouched") from error
