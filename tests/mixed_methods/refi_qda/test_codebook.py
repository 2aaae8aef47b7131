from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core_trial import DataError, OutputError, PlanError
from core_trial.mixed_methods import read_refi_qda, write_codebook

KEPT = ["code", "name", "parent", "codable", "color", "description"]
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)


@st.composite
def codebooks(draw: st.DrawFn) -> pd.DataFrame:
    """Codes with identifiers, each under none or an earlier one."""
    n = draw(st.integers(1, 8))
    guids = [f"00000000-0000-4000-8000-{number:012x}" for number in range(n)]
    rows = [
        {
            "code": guids[i],
            "name": draw(TEXT),
            "parent": draw(st.sampled_from([None, *guids[:i]])),
            "codable": draw(st.booleans()),
            "color": draw(st.sampled_from([None, "#36c", "#3366CC"])),
            "description": draw(st.none() | TEXT | st.just("two\nlines & a <tag>")),
        }
        for i in range(n)
    ]
    return pd.DataFrame(rows, columns=KEPT)


@given(codebooks())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
def test_codebooks_come_back(tmp_path: Path, codes: pd.DataFrame) -> None:
    path = tmp_path / "themes.qdc"
    write_codebook(path, codes)
    back = read_refi_qda(path).codes
    expected = codes.astype({name: "str" for name in KEPT if name != "codable"}).set_index("code")
    pd.testing.assert_frame_equal(back.set_index("code")[KEPT[1:]].loc[expected.index], expected)


def test_what_was_read_is_written_the_same(tmp_path: Path) -> None:
    codes = pd.DataFrame({"code": ["a", "b", "c"], "name": ["A", "B", "C"], "parent": [None, "a", None]})
    write_codebook(tmp_path / "first.qdc", codes)
    write_codebook(tmp_path / "second.qdc", read_refi_qda(tmp_path / "first.qdc").codes)
    assert (tmp_path / "first.qdc").read_bytes() == (tmp_path / "second.qdc").read_bytes()


def test_elements_are_those_of_the_standard(tmp_path: Path) -> None:
    codes = pd.DataFrame(
        {
            "code": ["staff", "rota"],
            "name": ["Workforce", "Rota"],
            "parent": ["", "staff"],
            "description": ["", "Shifts"],
        }
    )
    write_codebook(tmp_path / "themes.qdc", codes)
    root = ElementTree.parse(tmp_path / "themes.qdc").getroot()
    names = [element.tag.removeprefix("{urn:QDA-XML:codebook:1.0}") for element in root.iter()]
    assert names == ["CodeBook", "Codes", "Code", "Code", "Description"]
    guids = [element.get("guid") for element in root.iter() if element.get("guid")]
    assert len({len(guid) for guid in guids}) == 1
    assert len(set(guids)) == 2


def test_a_name_alone_is_enough_and_identifies(tmp_path: Path) -> None:
    write_codebook(tmp_path / "one.qdc", pd.DataFrame({"name": ["Coaching", "Rota"]}))
    write_codebook(tmp_path / "two.qdc", pd.DataFrame({"name": ["Rota", "Coaching"]}))
    one, two = (read_refi_qda(tmp_path / name).codes.set_index("name")["code"] for name in ("one.qdc", "two.qdc"))
    assert one["Rota"] == two["Rota"]


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ({"name": ["A", None]}, "row 2, name: a code must have a name"),
        ({"code": ["a", "a"], "name": ["A", "B"]}, "row 2, code: the code is there already"),
        ({"code": ["a", None], "name": ["A", "B"]}, "row 2, code: a code must have an identifier"),
        ({"code": ["a"], "name": ["A"], "parent": ["b"]}, "row 1, parent: the parent is no code of the table"),
        ({"code": ["a", "b"], "name": ["A", "B"], "parent": ["b", "a"]}, "row 1, parent: the code is above itself"),
        ({"code": ["a"], "name": ["A"], "parent": ["a"]}, "row 1, parent: the code is above itself"),
        ({"name": ["A"], "color": ["red"]}, "row 1, color: write a colour as #RGB or #RRGGBB"),
        ({"name": ["A\x07"]}, "row 1, name: holds a control character"),
        ({"name": ["A"], "codable": ["folder"]}, "row 1, codable: write true or false"),
        ({"name": []}, "the table has no codes"),
    ],
)
def test_bad_codes_are_named_and_nothing_is_written(tmp_path: Path, codes: dict[str, list], message: str) -> None:
    with pytest.raises(DataError, match=message):
        write_codebook(tmp_path / "themes.qdc", pd.DataFrame(codes))
    assert not list(tmp_path.iterdir())


def test_a_tree_that_no_reader_takes(tmp_path: Path) -> None:
    names = [f"level {i}" for i in range(150)]
    codes = pd.DataFrame({"code": names, "name": names, "parent": [None, *names[:-1]]})
    with pytest.raises(DataError, match="levels deep"):
        write_codebook(tmp_path / "themes.qdc", codes)


def test_a_table_without_names(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="no column 'name'"):
        write_codebook(tmp_path / "themes.qdc", pd.DataFrame({"theme": ["A"]}))


def test_a_failed_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "themes.qdc"
    write_codebook(path, pd.DataFrame({"name": ["A"]}))
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OutputError, match=r"No space left on device\. What stood there is untouched"):
        write_codebook(path, pd.DataFrame({"name": ["B"]}))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_codebook(tmp_path / "none" / "themes.qdc", pd.DataFrame({"name": ["A"]}))
