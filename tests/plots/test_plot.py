import io
import os
import subprocess
import sys
import xml.etree.ElementTree as ET

import matplotlib as mpl
import pandas as pd
import pytest
from PIL import Image

from core_trial.errors import OutputError, PlanError
from core_trial.plots import Plot, forest
from core_trial.plots.style import MM

SVG = "{http://www.w3.org/2000/svg}"

SCRIPT = """
import sys
import core_trial
assert "matplotlib" not in sys.modules, "importing the package loads matplotlib"
import pandas as pd
frame = pd.DataFrame({"label": ["a", "b"], "estimate": [1.0, 2.0], "conf_low": [0.0, 1.0], "conf_high": [2.0, 3.0]})
core_trial.plots.forest(frame, title="A & B").save(sys.argv[1])
assert "matplotlib.pyplot" not in sys.modules, "plotting loads pyplot"
"""


@pytest.fixture
def plot():
    frame = {"label": ["a", "b"], "estimate": [1.0, 2.0], "conf_low": [0.0, 1.0], "conf_high": [2.0, 3.0]}
    return forest(pd.DataFrame(frame), title="A & B")


def test_a_plot_is_a_figure_and_its_data(plot):
    figure, data = plot
    assert figure.get_size_inches()[0] * 25.4 == pytest.approx(183)
    assert len(data) == 2


def test_save_writes_every_format_and_the_data(plot, tmp_path):
    paths = plot.save(tmp_path / "new" / "forest.v1")
    assert [path.name for path in paths] == [f"forest.v1.{kind}" for kind in ("png", "svg", "pdf", "csv")]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(path.name for path in paths)
    assert pd.read_csv(paths[-1])["label"].tolist() == ["a", "b"]
    assert paths[2].read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(("width", "mm"), [("single", 89), ("double", 183), (120, 120)])
def test_widths_are_those_of_the_journal(plot, width, mm):
    image = Image.open(io.BytesIO(plot.png(dpi=254, width=width)))
    assert image.width == pytest.approx(mm * 10, abs=1)
    assert float(ET.fromstring(plot.svg(width)).get("width").removesuffix("pt")) == pytest.approx(mm * MM, abs=0.01)


@pytest.mark.parametrize("width", ["triple", 20, -5, float("nan")])
def test_other_widths_are_refused(plot, width):
    with pytest.raises(PlanError, match=r"'single' \(89 mm\), 'double' \(183 mm\)"):
        plot.svg(width)


def test_unknown_formats_are_refused_before_anything_is_written(plot, tmp_path):
    with pytest.raises(PlanError, match="no figure format 'jpeg'; there are png, svg, pdf"):
        plot.save(tmp_path / "forest", formats=("png", "jpeg"))
    assert list(tmp_path.iterdir()) == []


def test_one_format_may_stand_alone(plot, tmp_path):
    assert [path.suffix for path in plot.save(tmp_path / "forest", "svg")] == [".svg", ".csv"]


def test_changes_to_the_figure_are_saved(plot):
    before = plot.svg()
    plot.figure.write(50, 50, "added by hand")
    assert plot.svg() != before


def test_the_same_data_give_the_same_bytes(plot):
    assert plot.files() == plot.files()


def test_another_process_gives_the_same_bytes_without_pyplot(plot, tmp_path):
    seed = os.environ | {"PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path / "forest")], check=True, env=seed)
    assert {path.suffix[1:]: path.read_bytes() for path in tmp_path.iterdir()} == plot.files()


def test_the_reader_s_settings_neither_change_a_figure_nor_are_changed(plot):
    before = plot.files(("svg",))
    with mpl.rc_context({"font.size": 20, "lines.linewidth": 9, "axes.facecolor": "red", "svg.fonttype": "none"}):
        changed = dict(mpl.rcParams)
        assert plot.files(("svg",)) == before
        assert dict(mpl.rcParams) == changed


def test_svg_is_an_image_with_title_and_description(plot):
    svg = plot.svg()
    root = ET.fromstring(svg)
    assert svg.startswith("<svg")
    assert root.get("role") == "img"
    assert root[0].tag == f"{SVG}title"
    assert root[0].text == "A & B"
    assert root[1].tag == f"{SVG}desc"
    assert root[1].text == plot.alt
    assert "<style" not in svg
    assert "date" not in svg.lower()


def test_ids_in_an_svg_are_its_own(plot):
    ids = [element.get("id") for element in ET.fromstring(plot.svg()).iter() if element.get("id")]
    assert len(ids) == len(set(ids))


def test_png_and_pdf_carry_the_words_and_no_date(plot):
    info = Image.open(io.BytesIO(plot.png())).info
    assert (info["Title"], info["Description"]) == ("A & B", plot.alt)
    assert b"CreationDate" not in plot.files(("pdf",))["pdf"]


def test_a_target_that_cannot_be_written_is_an_error_and_leaves_nothing(plot, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError, match="cannot write"):
        plot.save(tmp_path / "file" / "forest")
    (tmp_path / "forest.png").mkdir()
    with pytest.raises(OutputError, match=r"forest\.png"):
        plot.save(tmp_path / "forest")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "forest.png"]


def test_a_notebook_shows_the_figure(plot):
    assert plot._repr_svg_() == plot.svg()
    assert isinstance(plot, Plot)
