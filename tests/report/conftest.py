"""A report such as a trial has: intervals, missing and withheld cells, two figures, text that needs escaping."""

import io

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.figure import Figure

from core_trial.report import (
    Column,
    Definitions,
    Document,
    FigureBlock,
    Notes,
    Paragraph,
    Section,
    Table,
)
from core_trial.report.cells import INTERVAL


@pytest.fixture(scope="session")
def effects() -> Table:
    frame = pd.DataFrame(
        {
            "role": ["Primary", "Secondary", "Secondary", "Secondary"],
            "outcome": ["CSQ-8", "Fidelity", "Admissions", "Burnout <0-54>"],
            "estimate": [0.9712345678901234, -0.004, 1234.5, float("nan")],
            "conf_low": [-1.0187, -3.2, 0.31, float("nan")],
            "conf_high": [2.9601, 3.1, 2000.0, float("nan")],
            "p_value": [0.34, 0.00002, 0.9996, float("nan")],
            "df": [21.57, float("inf"), 23.0, float("nan")],
            "n": pd.array([375, 1234, None, 6], dtype="Int64"),
            "responders": [120, 99, 81, "*"],
        }
    )
    columns = (
        Column("outcome", "Outcome"),
        Column("estimate", "Effect (95% CI)", INTERVAL, parts=("estimate", "conf_low", "conf_high")),
        Column("p_value", "p", "p"),
        Column("df", "df", ".1f"),
        Column("n", "People", "integer"),
        Column("responders", "Responders", "integer"),
    )
    return Table(
        "effects", "Effects", frame, columns, ("t with the stated df.",), groups="role", missing="not estimated"
    )


def figure(name: str, heights: list[float]) -> FigureBlock:
    drawn = Figure(figsize=(4, 2.5))
    axes = drawn.subplots()
    axes.plot([0, 6, 12], heights, marker="o")
    axes.set_clip_on(True)
    svg, png = io.StringIO(), io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "core_trial"}):
        drawn.savefig(svg, format="svg", metadata={"Date": None})
    drawn.savefig(png, format="png", dpi=100)
    return FigureBlock(name, svg.getvalue(), png.getvalue(), f"The {name}.", f'What the "{name}" shows.')


@pytest.fixture(scope="session")
def document(effects: Table) -> Document:
    software = pd.DataFrame({"package": ["numpy"], "version": ["2.4.6"]})
    versions = Table("software", "Software", software, (Column("package", "Package"), Column("version", "Version")))
    return Document(
        "CORE & friends",
        "A synthetic trial",
        (
            Section("design", "Design", (Paragraph("25 <teams>"), Definitions((("Strata", "8 trusts"),)))),
            Section("effects", "Effects", (effects, figure("forest", [1, 2, 3]))),
            Section("course", "Course", (figure("trajectory", [120, 130, 128]), Notes(("Boundary fit.", "A & B")))),
            Section("software", "Software", (versions,), environment=True),
        ),
        banner='SYNTHETIC DATA: "made" by a </style> program',
    )


@pytest.fixture
def outputs(effects: Table) -> dict[str, bytes]:
    return {"report.html": b"<p>0.97</p>\n", **effects.files()}
