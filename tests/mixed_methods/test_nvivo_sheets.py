from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from core_trial import DataError, TrialWarning
from core_trial.mixed_methods import read_classification, read_matrix_coding

MATRIX = [
    ["", "A : Coaching", "B : Codes\\\\Scoping day"],
    ["1 : Cases\\\\CRT01", "3", "0"],
    ["2 : Cases\\\\CRT02", "12", ""],
]
SHEET = [
    ["Team", "Fidelity", "Site code", "Setting", "Score"],
    ["Cases\\\\CRT01", "110", "007", "Unassigned", "1.5"],
    ["Cases\\\\CRT02", "", "012", "Not Applicable", "2"],
]


@pytest.fixture(params=[".csv", ".tsv", ".txt", ".xlsx"])
def write(request: pytest.FixtureRequest, tmp_path: Path):
    """Write cells in one of the formats."""

    def write(cells: list[list[str]]) -> Path:
        path = tmp_path / f"table{request.param}"
        if request.param == ".xlsx":
            pytest.importorskip("openpyxl")
            table = pd.DataFrame(cells).map(lambda cell: float(cell) if cell.isdecimal() and cell[0] != "0" else cell)
            table.to_excel(path, header=False, index=False)
        else:
            delimiter = "," if request.param == ".csv" else "\t"
            path.write_text("".join(f"{delimiter.join(row)}\n" for row in cells), encoding="utf-8-sig")
        return path

    return write


@pytest.fixture
def write_csv(tmp_path: Path):
    def write(text: str | bytes, name: str = "table.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_a_matrix_has_the_names_of_cases_and_codes(write) -> None:
    matrix = read_matrix_coding(write(MATRIX))
    assert matrix.index.to_list() == ["CRT01", "CRT02"]
    assert matrix.columns.to_list() == ["Coaching", "Scoping day"]
    assert matrix["Coaching"].to_list() == [3, 12]
    assert matrix["Scoping day"].isna().to_list() == [matrix.loc["CRT01", "Scoping day"] != 0, True]
    assert set(map(str, matrix.dtypes)) == {"Int64"}


def test_a_matrix_with_full_names(write) -> None:
    matrix = read_matrix_coding(write(MATRIX), full_names=True)
    assert matrix.index.to_list() == ["Cases\\\\CRT01", "Cases\\\\CRT02"]
    assert matrix.columns.to_list() == ["Coaching", "Codes\\\\Scoping day"]


def test_percentages_of_a_matrix(write_csv) -> None:
    matrix = read_matrix_coding(write_csv(',"A : X","B : Y"\n"1 : CRT01",12.5%,0%\n"2 : CRT02",100%,7%\n'))
    assert matrix.to_numpy().tolist() == [[12.5, 0], [100, 7]]


def test_names_that_only_look_numbered_are_whole(write_csv) -> None:
    matrix = read_matrix_coding(write_csv(",Aim: better\nCRT01: north,3\n"))
    assert matrix.columns.to_list() == ["Aim: better"]
    assert matrix.index.to_list() == ["CRT01: north"]


def test_a_classification_sheet_is_typed(write) -> None:
    sheet = read_classification(write(SHEET))
    assert sheet.index.to_list() == ["CRT01", "CRT02"]
    assert sheet["Fidelity"].to_list() == [110, pd.NA]
    assert sheet["Site code"].to_list() == ["007", "012"]
    assert sheet["Setting"].isna().to_list() == [True, False]
    assert sheet["Score"].to_list() == [1.5, 2.0]


@pytest.mark.parametrize("read", [read_matrix_coding, read_classification])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"is empty \(0 bytes\)"),
        (",A\n", "has 0 rows"),
        ("CRT01\nCRT02\n", "1 columns; names and cells are expected"),
        (",A\nCRT01,1\nCRT01,2\n", "two rows are named 'CRT01'"),
        (",A\nx\\CRT01,1\ny\\CRT01,2\n", "read with full_names=True"),
        (",A,A\nCRT01,1,2\n", "stands 2 times in the header"),
        (",A,\nCRT01,1,2\n", "column 2 of the cells has no name|stands 2 times in the header"),
        (",A\n,1\n", "row 1 of the cells has no name"),
        (",A\nCRT01,1,2\n", "the row has 3 cells where the header has 2"),
    ],
)
def test_tables_that_cannot_be_read(read, write_csv, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(write_csv(text))


@pytest.mark.parametrize("cell", ["yes", "-1", "inf", "0:01:20"])
def test_cells_that_are_no_counts(write_csv, cell: str) -> None:
    with pytest.raises(DataError, match=f"row 2, Coaching: '{cell}' is not a number of at least 0") as caught:
        read_matrix_coding(write_csv(f",A : Coaching\nCRT01,1\nCRT02,{cell}\n"))
    assert caught.value.failures["row"].to_list() == [2]


def test_files_of_other_kinds(write_csv, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"save it as \.csv or \.xlsx, not as \.xls"):
        read_matrix_coding(write_csv(b"\xd0\xcf\x11\xe0", "matrix.xls"))
    with pytest.raises(DataError, match="there is no such file"):
        read_classification(tmp_path / "none.csv")


def test_a_guessed_encoding_is_warned_of(write_csv) -> None:
    with pytest.warns(TrialWarning, match="read as Windows-1252"):
        sheet = read_classification(write_csv("Team,Site\nCRT01,Café\n".encode("cp1252")))
    assert sheet["Site"].to_list() == ["Café"]
