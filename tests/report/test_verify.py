"""Two runs side by side: what is the same, what is not, in which cell, and what may explain it."""

import io
import zlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core_trial.report import (
    Comparison,
    Document,
    Input,
    Manifest,
    Section,
    Step,
    Table,
    compare_outputs,
    describe_outputs,
    render_docx,
    render_html,
)
from core_trial.report.differences import Pair, compare_lines
from core_trial.report.formats import compare_content

Outputs = dict[str, bytes]


def manifest(outputs: Outputs) -> Manifest:
    return Manifest(
        plan_sha256="1" * 64,
        dictionary_sha256="2" * 64,
        seed=7,
        source={"kind": "synthetic", "seed": 7},
        inputs=(Input("patients", "csv", "a" * 64, 375), Input("teams", "csv", "b" * 64, 25)),
        steps=(Step("panel", "c" * 64, 65), Step("effects", "d" * 64, 9)),
        outputs=describe_outputs(outputs, environment=["tables/software.csv"]),
    )


def compare(recorded: Outputs, rerun: Outputs) -> Comparison:
    return compare_outputs(recorded, rerun, manifest(recorded), manifest(rerun))


def verdicts(comparison: Comparison) -> dict[str, str]:
    return dict(zip(comparison.outputs["output"], comparison.outputs["verdict"], strict=True))


def changed(table: Table, row: int, column: str, change: Callable[[float], object]) -> Table:
    frame = table.frame.copy()
    frame.loc[row, column] = change(frame.loc[row, column])
    return replace(table, frame=frame)


def test_the_same_outputs_are_identical(outputs: Outputs) -> None:
    comparison = compare(outputs, dict(outputs))
    assert set(verdicts(comparison).values()) == {"identical"}
    assert comparison.ok
    assert comparison.cells.empty
    assert comparison.summary().startswith("3 outputs: 3 identical")
    assert "The report verifies." in comparison.summary()


def test_a_number_within_tolerance_is_the_same(effects: Table) -> None:
    rerun = changed(effects, 0, "estimate", lambda x: x * (1 + 1e-9)).files()
    comparison = compare(effects.files(), rerun)
    assert set(verdicts(comparison).values()) == {"same within tolerance"}
    assert comparison.ok
    assert comparison.outputs["largest_difference"].tolist() == pytest.approx([9.7e-10, 9.7e-10], rel=0.01)


def test_a_number_beyond_tolerance_is_named_by_its_cell(effects: Table) -> None:
    comparison = compare(effects.files(), changed(effects, 2, "p_value", lambda x: x - 1e-3).files())
    assert not comparison.ok
    assert set(verdicts(comparison).values()) == {"different"}
    assert comparison.cells.to_dict("records") == [
        {
            "output": "tables/effects.csv",
            "row": "3: Secondary",
            "column": "p_value",
            "recorded": "0.9996",
            "rerun": "0.9986",
            "difference": pytest.approx(1e-3),
        },
        {
            "output": "tables/effects.json",
            "row": "rows.3",
            "column": "p_value",
            "recorded": "0.9996",
            "rerun": "0.9986",
            "difference": pytest.approx(1e-3),
        },
    ]
    assert "The report does NOT verify." in comparison.summary()
    assert "p_value" in comparison.summary()


@pytest.mark.parametrize(("column", "same"), [("conf_low", True), ("conf_high", True), ("estimate", False)])
def test_limits_of_intervals_may_differ_more(effects: Table, column: str, same: bool) -> None:
    comparison = compare(effects.files(), changed(effects, 0, column, lambda x: x * (1 + 2e-5)).files())
    assert comparison.ok == same


def test_a_value_that_became_missing_is_different(effects: Table) -> None:
    comparison = compare(effects.files(), changed(effects, 0, "estimate", lambda _: float("nan")).files())
    assert comparison.cells["rerun"].tolist() == ["", "null"]
    assert comparison.cells["difference"].isna().all()


def test_a_row_more_is_different(effects: Table) -> None:
    longer = replace(effects, frame=pd.concat([effects.frame, effects.frame.tail(1)]))
    comparison = compare(effects.files(), longer.files())
    assert set(comparison.cells["row"]) >= {"5: Secondary", "rows.5"}
    assert set(comparison.cells["recorded"]) == {"(absent)"}


def test_a_column_renamed_is_different(effects: Table) -> None:
    renamed = replace(effects, frame=effects.frame.rename(columns={"n": "people"}))
    comparison = compare({"t.csv": effects.to_csv().encode()}, {"t.csv": renamed.to_csv().encode()})
    assert set(comparison.cells["column"]) == {"n", "people"}


def test_files_that_are_not_there_are_missing_and_files_not_made_again_extra(outputs: Outputs) -> None:
    recorded = {**outputs, "old.csv": b"a\n"}
    rerun = {**outputs, "new.csv": b"a\n"}
    comparison = compare(recorded, rerun)
    assert verdicts(comparison)["old.csv"] == "extra"
    assert verdicts(comparison)["new.csv"] == "missing"
    assert not comparison.ok


def test_a_file_that_was_lost_is_missing(outputs: Outputs) -> None:
    found = {path: content for path, content in outputs.items() if path != "report.html"}
    comparison = compare_outputs(found, outputs, manifest(outputs), manifest(outputs))
    assert verdicts(comparison)["report.html"] == "missing"
    assert not comparison.ok


def test_a_file_edited_after_the_run_is_altered_even_within_tolerance(outputs: Outputs) -> None:
    edited = {**outputs, "report.html": b"<p>0.98</p>\n", "tables/effects.csv": outputs["tables/effects.csv"] + b"\n"}
    comparison = compare_outputs(edited, outputs, manifest(outputs), manifest(outputs))
    assert verdicts(comparison)["report.html"] == "altered"
    assert verdicts(comparison)["tables/effects.csv"] == "altered"
    assert not comparison.ok
    cell = comparison.cells.iloc[0]
    assert (cell["output"], cell["recorded"], cell["rerun"]) == ("report.html", "0.98", "0.97")


def test_a_file_added_by_hand_is_a_note(outputs: Outputs) -> None:
    found = {**outputs, "my-notes.md": b"ask about team 7"}
    comparison = compare_outputs(found, outputs, manifest(outputs), manifest(outputs))
    assert comparison.ok
    assert "my-notes.md" in comparison.summary()


def test_changed_inputs_are_the_first_finding(outputs: Outputs) -> None:
    old = manifest(outputs)
    new = replace(
        old,
        inputs=(Input("patients", "csv", "f" * 64, 374), Input("staff", "csv", "e" * 64, 9)),
        plan_sha256="9" * 64,
        steps=(Step("panel", "0" * 64, 65), Step("effects", "1" * 64, 9)),
    )
    comparison = compare_outputs(outputs, outputs, old, new)
    assert not comparison.ok
    assert comparison.inputs[["input", "finding"]].to_numpy().tolist() == [
        ["patients", "changed"],
        ["teams", "gone"],
        ["plan", "changed"],
        ["staff", "new"],
    ]
    assert "374 rows" in comparison.summary()
    assert "The first step that gave something else, to the last digit: panel" in comparison.notes


def test_other_software_is_a_note_and_no_difference(document: Document) -> None:
    other = replace(document, sections=(*document.sections[:-1], Section("software", "Software", (), environment=True)))
    recorded = {
        "r.html": render_html(document).encode(),
        "r.docx": render_docx(document),
        "tables/software.csv": b"1\n",
    }
    rerun = {"r.html": render_html(other).encode(), "r.docx": render_docx(other), "tables/software.csv": b"2\n"}
    newer = replace(manifest(rerun), libraries={**manifest(rerun).libraries, "numpy": "99.0"})
    comparison = compare_outputs(recorded, rerun, manifest(recorded), newer)
    assert verdicts(comparison) == {
        "r.docx": "same within tolerance",
        "r.html": "same within tolerance",
        "tables/software.csv": "not compared",
    }
    assert comparison.ok
    assert "-> 99.0" in comparison.notes[0]


@pytest.mark.parametrize("render", [render_html, render_docx])
def test_a_number_changed_in_a_report_is_found(
    document: Document, effects: Table, render: Callable[[Document], str | bytes]
) -> None:
    path = "report.docx" if render is render_docx else "report.html"
    table = changed(effects, 0, "estimate", lambda x: x + 0.01)
    section = replace(document.sections[1], blocks=(table, *document.sections[1].blocks[1:]))
    other = replace(document, sections=(document.sections[0], section, *document.sections[2:]))
    before, after = (render(version) for version in (document, other))
    pairs = compare_content(path, _bytes(before), _bytes(after))
    assert [(pair.recorded, pair.rerun) for pair in pairs if not pair.same] == [("0.97", "0.98")]


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def test_figures_are_compared_by_the_place_of_their_marks() -> None:
    svg = '<svg><g id="p{id}"/><path d="M {x:.6f} 20" clip-path="url(#p{id})"/><text>p = {p}</text></svg>'
    recorded = svg.format(id="0123456789", x=100.0, p="0.04").encode()
    near = svg.format(id="abcdef0123", x=100.0002, p="0.04").encode()
    moved = svg.format(id="0123456789", x=101.0, p="0.04").encode()
    for path in ("f.svg", "f.html"):
        assert compare({path: recorded}, {path: near}).ok
        cells = compare({path: recorded}, {path: moved}).cells
        assert cells[["recorded", "rerun"]].to_numpy().tolist() == [["100.000000", "101.000000"]]


def picture(shade: int, size: tuple[int, int] = (40, 30)) -> bytes:
    pixels = np.full((size[1], size[0], 3), 255, dtype="uint8")
    pixels[5, 5] = shade
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, format="png")
    return content.getvalue()


def test_pictures_are_compared_by_their_pixels() -> None:
    assert compare({"f.png": picture(255)}, {"f.png": picture(250)}).ok
    assert not compare({"f.png": picture(255)}, {"f.png": picture(0)}).ok
    resized = compare({"f.png": picture(255)}, {"f.png": picture(255, (41, 30))})
    assert resized.cells["column"].tolist() == ["size"]


def test_a_pdf_is_compared_by_what_it_draws() -> None:
    def pdf(x: float, level: int) -> bytes:
        stream = zlib.compress(f"{x} 20 m\n(p = 0.04) Tj".encode() * 50, level)
        return b"%%PDF-1.4\n<< /Length %d >>\nstream\n%s\nendstream\n%%%%EOF" % (len(stream), stream)

    assert pdf(100, 9) != pdf(100, 1)
    assert compare({"f.pdf": pdf(100, 9)}, {"f.pdf": pdf(100, 1)}).ok
    assert not compare({"f.pdf": pdf(100, 9)}, {"f.pdf": pdf(101, 9)}).ok


def test_another_look_is_no_difference(document: Document) -> None:
    page = render_html(document)
    assert compare({"r.html": page.encode()}, {"r.html": page.replace("font-size", "font-weight").encode()}).ok


@pytest.mark.parametrize("path", ["f.png", "r.docx", "t.json", "t.csv", "f.svg", "r.html", "f.pdf", "plan.toml"])
@pytest.mark.parametrize("broken", [b"", b"\xff\xfe\x00 broken"])
def test_a_broken_file_is_different(path: str, broken: bytes) -> None:
    sound = {"f.png": picture(0), "t.json": b"{}", "r.docx": render_docx(Document("", "", ()))}.get(path, b"a,b\n1,2\n")
    comparison = compare({path: sound}, {path: broken})
    assert verdicts(comparison) == {path: "different"}
    assert len(comparison.cells) >= 1


def test_lines_that_moved_are_not_all_different() -> None:
    old = [f"row {place}: {place / 7:.3f}" for place in range(50)]
    new = ["a title", *old]
    assert [pair.rerun for pair in compare_lines(old, new) if not pair.same] == ["a title"]


@pytest.mark.parametrize(
    ("recorded", "rerun", "same"),
    [
        ("1,234", "1234", True),
        ("−1.02", "-1.02", True),
        ("0", "1e-12", True),
        ("1e-7", "2e-7", False),
        ("nan", "nan", True),
        ("inf", "1.0", False),
        ("", "0", False),
        ("yes", "no", False),
    ],
)
def test_one_value(recorded: str, rerun: str, same: bool) -> None:
    assert Pair("1", "estimate", recorded, rerun).same == same


@pytest.mark.parametrize("text", ["T07", "sha256 4f1c0d2f", "6-12", "v3.11.2", "1.5pt"])
def test_digits_inside_words_are_not_numbers_with_a_tolerance(text: str) -> None:
    other = text.replace("1", "3").replace("07", "08").replace("12", "13").replace("2f", "3f")
    assert [pair for pair in compare_lines([text], [other]) if not pair.same]
