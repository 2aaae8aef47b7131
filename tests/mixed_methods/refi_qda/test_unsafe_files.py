"""Files that are damaged, hostile or something else are refused, each with a message that says why."""

from __future__ import annotations

import tracemalloc
import zipfile
from pathlib import Path

import pytest

from core_trial import DataError
from core_trial.mixed_methods import read_refi_qda
from core_trial.mixed_methods.refi_qda import archive, stream

BOMB = "0" * (archive.FREELY_PACKED + 1)
CODED = """
<Sources><TextSource guid="a" name="Interview" plainTextPath="{path}">
<PlainTextSelection guid="b" startPosition="0" endPosition="1"/></TextSource></Sources>
"""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"\x89PNG\r\n", "neither a zip archive nor XML"),
        (b"PK\x03\x04 cut off", "cannot be read as a REFI-QDA file"),
        (b"<html><body/></html>", "begins with <html>"),
        (b"<Project><Users>", "no element found|unclosed token"),
        (b"<Project>&secret;</Project>", "undefined entity at line 1, column 10"),
        (b"<Project name='\xff\xfe'/>", "invalid token"),
        (b"<", "damaged XML"),
    ],
)
def test_content_that_is_no_refi_qda(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "study.qdpx"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_refi_qda(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.qdpx: there is no such file"):
        read_refi_qda(tmp_path / "none.qdpx")


@pytest.mark.parametrize(
    "before",
    [
        "<!DOCTYPE Project>",
        '<!DOCTYPE Project SYSTEM "file:///etc/hostname">',
        '<!DOCTYPE Project [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>',
        '<!DOCTYPE Project [<!ENTITY % remote SYSTEM "http://127.0.0.1/x"> %remote;]>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_document_types_and_entities(tmp_path: Path, before: str, encoding: str) -> None:
    path = tmp_path / "study.qde"
    path.write_bytes(f"{before}<Project/>".encode(encoding))
    with pytest.raises(DataError, match=r"declares a document type \(DOCTYPE\), at line 1"):
        read_refi_qda(path)


@pytest.mark.parametrize(
    "xml",
    [
        f"<Project name='{'x' * (stream.LONGEST_TAG * 3)}'/>",
        f"<Project><!--{'x' * (stream.LONGEST_TAG * 3)}--></Project>",
        "<Project {}/>".format(" ".join(f"a{i}='x'" for i in range(200_000))),
    ],
    ids=["attribute", "comment", "many attributes"],
)
def test_endless_tags_are_refused_before_they_are_held(tmp_path: Path, xml: str) -> None:
    path = tmp_path / "study.qde"
    path.write_text(xml, encoding="utf-8")
    tracemalloc.start()
    with pytest.raises(DataError, match="more than 512 KiB"):
        read_refi_qda(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * stream.LONGEST_TAG


def test_elements_nested_without_end(write_project) -> None:
    with pytest.raises(DataError, match="more than 200 deep"):
        read_refi_qda(write_project('<Code guid="a" name="b">' * 5000))


def test_a_text_too_long(write_project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LONGEST_TEXT", 1 << 20)
    with pytest.raises(DataError, match="a text of more than 1 Mi characters"):
        read_refi_qda(write_project(f"<Description>{'word ' * 300_000}</Description>"))


def test_a_bomb_as_project(write_project) -> None:
    with pytest.raises(DataError, match=r"project\.qde in study\.qdpx unpacks from .* as a zip bomb does"):
        read_refi_qda(write_project(f"<Description>{BOMB}</Description>"))


def test_a_bomb_as_source(write_project) -> None:
    with pytest.raises(DataError, match=r"a\.txt in study\.qdpx unpacks from .* as a zip bomb does"):
        read_refi_qda(write_project(CODED.format(path="internal://a.txt"), {"a.txt": BOMB}))


def test_sizes_beyond_the_limits(write_project, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_project(CODED.format(path="internal://a.txt"), {"a.txt": "x" * 100})
    monkeypatch.setattr(archive, "LARGEST_TEXT", 99)
    with pytest.raises(DataError, match=r"a\.txt in study\.qdpx unpacks to 100 bytes; at most 99 are read"):
        read_refi_qda(path)
    monkeypatch.setattr(archive, "MOST_MEMBERS", 1)
    with pytest.raises(DataError, match="holds 2 files; at most 1"):
        read_refi_qda(path)


def test_a_size_that_is_a_lie(write_project) -> None:
    path = write_project("<Description>a long description</Description>")
    content = path.read_bytes()
    with zipfile.ZipFile(path) as packed:
        size = packed.getinfo("project.qde").file_size
    path.write_bytes(content.replace(size.to_bytes(4, "little"), (size - 5).to_bytes(4, "little")))
    with pytest.raises(DataError, match="cannot be read as a REFI-QDA file"):
        read_refi_qda(path)


@pytest.mark.parametrize(
    "name", ["../../out.txt", "/etc/out.txt", "sources/../../out.txt", "C:\\out.txt", "..\\out.txt"]
)
def test_members_that_lead_out(write_project, name: str) -> None:
    path = write_project()
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr(name, "text")
    with pytest.raises(DataError, match="to be put outside its folder"):
        read_refi_qda(path)


@pytest.mark.parametrize("location", ["internal://../project.qde", "internal:///etc/passwd", "internal://a\\..\\b.txt"])
def test_source_paths_that_lead_out(write_project, location: str) -> None:
    with pytest.raises(DataError, match="names a source outside its folder of sources"):
        read_refi_qda(write_project(CODED.format(path=location)))


def test_two_projects(write_project) -> None:
    path = write_project()
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr("second.qde", "<Project/>")
    with pytest.raises(DataError, match=r"holds 2 projects \(project\.qde, second\.qde\)"):
        read_refi_qda(path)


def test_no_project_at_the_top(write_project) -> None:
    with pytest.raises(DataError, match=r"study/project\.qde is in a folder: pack what is in the folder"):
        read_refi_qda(write_project(inner="study/project.qde"))
    with pytest.raises(DataError, match=r"without a project \(\.qde\) at its top: export it again"):
        read_refi_qda(write_project(inner="notes.txt"))


def test_a_locked_project(write_project) -> None:
    path = write_project()
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="locked with a password"):
        read_refi_qda(path)


def test_a_damaged_archive(write_project) -> None:
    path = write_project("<Description>" + "word " * 1000 + "</Description>")
    content = bytearray(path.read_bytes())
    content[60:80] = bytes(20)
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as a REFI-QDA file"):
        read_refi_qda(path)


def test_nothing_is_put_on_disk(write_codings, tmp_path: Path) -> None:
    path = write_codings("secret words of a person", [(0, 6, "secret")])
    project = read_refi_qda(path)
    project.text(project.sources["source"][0])
    assert list(tmp_path.iterdir()) == [path]
