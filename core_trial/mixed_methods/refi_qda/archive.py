"""A REFI-QDA file as it lies on disk. Its parts are read where they are; nothing is unpacked beside it."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from ...data.sources.records import reading
from ...errors import DataError

CHUNK = 1 << 16
MOST_MEMBERS = 100_000
LARGEST_XML = 4 << 30
LARGEST_TEXT = 64 << 20
FREELY_PACKED = 16 << 20
"""Bytes up to which a part may be packed as tightly as it likes."""
TIGHTEST = 200
"""Bytes from one byte: XML and transcripts pack to a tenth or so, a zip bomb to a thousandth."""

KIND = "a REFI-QDA file"
EXPORT = "export it again from NVivo, ATLAS.ti, MAXQDA or the like as a REFI-QDA project (.qdpx) or codebook (.qdc)"


@dataclass(frozen=True)
class RefiFile:
    """A project in a zip archive, or XML as it is. `sources` finds the text files by name, in lower case."""

    path: Path
    archive: zipfile.ZipFile | None = None
    project: zipfile.ZipInfo | None = None
    sources: dict[str, zipfile.ZipInfo] = field(default_factory=dict)

    def xml(self) -> Iterator[bytes]:
        """The XML, in pieces."""
        name = self.path.name
        with self._open_xml() as file, reading(name, KIND):
            while chunk := file.read(CHUNK):
                if file.tell() > LARGEST_XML:
                    raise DataError(f"{name} holds more than {LARGEST_XML >> 30} GiB of XML; it is not read")
                yield chunk

    def _open_xml(self) -> IO[bytes]:
        with reading(self.path.name, KIND):
            if self.archive is None or self.project is None:
                return self.path.open("rb")
            return self.archive.open(self.project)

    def source(self, location: str) -> bytes | None:
        """The bytes of a source file that is named `internal://...`; None if it is outside the project or missing.

        Raises: DataError where the name leads out of the project, or the file is packed like a zip bomb or damaged.
        """
        scheme, _, inner = location.rpartition("://")
        if scheme.lower() not in ("internal", ""):
            return None
        member = self.sources.get(_inner_name(inner, self.path.name))
        if member is None or self.archive is None:
            return None
        _check_size(member, LARGEST_TEXT, self.path.name)
        with reading(self.path.name, KIND):
            return self.archive.read(member)


@contextlib.contextmanager
def open_refi(path: Path) -> Iterator[RefiFile]:
    """Open a .qdpx, .qde or .qdc; what it is is told by its content.

    Raises: DataError where the file is missing, empty, neither zip nor XML, or no safe REFI-QDA archive.
    """
    start = _first_bytes(path)
    if not start.startswith(b"PK"):
        if b"<" not in start.replace(b"\0", b""):
            raise DataError(f"{path.name} is neither a zip archive nor XML, so not REFI-QDA: {EXPORT}")
        yield RefiFile(path)
        return
    with contextlib.ExitStack() as stack:
        with reading(path.name, KIND):
            archive = stack.enter_context(zipfile.ZipFile(path))
        members = _members(archive, path.name)
        yield RefiFile(path, archive, _project(members, path.name), _sources(members))


def _first_bytes(path: Path) -> bytes:
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    with reading(path.name, KIND), path.open("rb") as file:
        start = file.read(256)
    if not start:
        raise DataError(f"{path.name} is empty (0 bytes): {EXPORT}")
    return start


def _members(archive: zipfile.ZipFile, name: str) -> list[zipfile.ZipInfo]:
    members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise DataError(f"{name} holds {len(members):,} files; at most {MOST_MEMBERS:,} are read")
    for member in members:
        if _leads_out(member.filename):
            raise DataError(f"{name} holds a file that is to be put outside its folder, {member.filename!r}: not read")
    return [member for member in members if not member.is_dir()]


def _leads_out(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or ":" in path.parts[0]


def _project(members: list[zipfile.ZipInfo], name: str) -> zipfile.ZipInfo:
    found = [member for member in members if member.filename.lower().endswith(".qde")]
    at_top = [member for member in found if "/" not in member.filename]
    if len(at_top) > 1:
        names = ", ".join(member.filename for member in at_top)
        raise DataError(f"{name} holds {len(at_top)} projects ({names}); it must hold one: {EXPORT}")
    if not at_top:
        deeper = f"; {found[0].filename} is in a folder: pack what is in the folder, not the folder" if found else ""
        raise DataError(f"{name} is a zip archive without a project (.qde) at its top{deeper or ': ' + EXPORT}")
    _check_size(at_top[0], LARGEST_XML, name)
    return at_top[0]


def _sources(members: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    paths = ((PurePosixPath(member.filename.lower()), member) for member in members)
    return {path.name: member for path, member in paths if path.parent.name == "sources"}


def _inner_name(inner: str, name: str) -> str:
    path = PurePosixPath(inner.lower().lstrip("/").removeprefix("sources/"))
    if len(path.parts) != 1 or "\\" in inner or ".." in path.parts:
        raise DataError(f"{name} names a source outside its folder of sources, {inner!r}: not read")
    return path.name


def _check_size(member: zipfile.ZipInfo, largest: int, name: str) -> None:
    if member.flag_bits & 1:
        raise DataError(f"{member.filename} in {name} is locked with a password; export the project without one")
    if member.file_size > largest:
        raise DataError(
            f"{member.filename} in {name} unpacks to {member.file_size:,} bytes; at most {largest:,} are read"
        )
    if member.file_size > max(FREELY_PACKED, TIGHTEST * member.compress_size):
        raise DataError(
            f"{member.filename} in {name} unpacks from {member.compress_size:,} bytes to {member.file_size:,}, as a "
            "zip bomb does: not read"
        )
