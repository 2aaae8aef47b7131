"""Fifteen synthetic teams whose analysis by the R package QCA 3.25.1 is known, and calibration by the same package.

`truthTable(fuzzy, "FID", incl.cut = 0.8)`, `truthTable(crisp, "FID", incl.cut = 0.75)`, and `minimize` of each with
`include = ""`, `include = "?"` and `include = "?", dir.exp = c(1, 1, 1, 1)`.
"""

from __future__ import annotations

import pandas as pd
import pytest

from core_trial.mixed_methods import qca

CONDITIONS = ["SCOPE", "COACH", "LEARN", "MGMT"]

FUZZY = """
0.33 0.33 0.80 0.33 0.33
0.95 0.80 0.67 0.40 0.70
0.05 0.80 0.80 0.67 0.67
0.33 0.05 0.95 0.33 0.23
0.67 0.40 0.33 0.40 0.51
0.05 0.20 0.20 0.20 0.10
0.33 0.60 0.60 0.20 0.48
0.80 0.40 0.95 0.80 0.51
0.33 0.95 0.60 0.40 0.40
0.60 0.40 0.95 0.80 0.40
0.60 0.20 0.67 0.33 0.75
0.40 0.40 0.60 0.60 0.51
0.33 0.40 0.67 0.20 0.33
0.20 0.80 0.20 0.95 0.80
0.33 0.20 0.40 0.33 0.23
"""

CONFIGURATIONS = {
    15: ("1", 1, 1.000, 1.000, "T02"),
    8: ("1", 1, 0.975, 0.773, "T03"),
    6: ("1", 1, 0.972, 0.857, "T14"),
    11: ("1", 1, 0.947, 0.636, "T11"),
    9: ("1", 1, 0.938, 0.345, "T05"),
    4: ("1", 1, 0.901, 0.204, "T12"),
    12: ("1", 2, 0.883, 0.169, "T08, T10"),
    7: ("1", 2, 0.882, 0.000, "T07, T09"),
    3: ("0", 3, 0.726, 0.102, "T01, T04, T13"),
    1: ("0", 2, 0.725, 0.070, "T06, T15"),
}

SOLUTIONS = {
    ("fuzzy", "conservative"): {
        "~SCOPE*COACH*MGMT": (0.978, 0.904, 0.652, 0.135),
        "SCOPE*~COACH*~MGMT": (0.928, 0.561, 0.541, 0.065),
        "~COACH*LEARN*MGMT": (0.855, 0.150, 0.578, 0.060),
        "COACH*LEARN*~MGMT": (0.896, 0.380, 0.604, 0.079),
        "(model)": (0.852, 0.587, 0.964, None),
    },
    ("fuzzy", "parsimonious"): {
        "SCOPE": (0.825, 0.418, 0.748, 0.055),
        "COACH": (0.846, 0.556, 0.843, 0.022),
        "MGMT": (0.823, 0.485, 0.822, 0.016),
        "(model)": (0.730, 0.411, 0.978, None),
    },
    ("fuzzy", "intermediate"): {
        "SCOPE": (0.825, 0.418, 0.748, 0.059),
        "COACH*LEARN": (0.893, 0.534, 0.742, 0.022),
        "COACH*MGMT": (0.981, 0.912, 0.741, 0.086),
        "LEARN*MGMT": (0.824, 0.341, 0.725, 0.016),
        "(model)": (0.772, 0.465, 0.978, None),
    },
    ("crisp", "conservative"): {
        "~SCOPE*COACH*MGMT": (1.0, 1.0, 0.286, 0.143),
        "SCOPE*~COACH*~MGMT": (1.0, 1.0, 0.286, 0.143),
        "SCOPE*LEARN*~MGMT": (1.0, 1.0, 0.286, 0.143),
        "~SCOPE*LEARN*MGMT": (1.0, 1.0, 0.286, 0.143),
        "(model)": (1.0, 1.0, 0.857, None),
    },
    ("crisp", "parsimonious"): {
        "~SCOPE*MGMT": (1.0, 1.0, 0.429, 0.429),
        "SCOPE*~MGMT": (1.0, 1.0, 0.429, 0.429),
        "(model)": (1.0, 1.0, 0.857, None),
    },
    ("crisp", "intermediate"): {
        "SCOPE*~MGMT": (1.0, 1.0, 0.429, 0.429),
        "~SCOPE*COACH*MGMT": (1.0, 1.0, 0.286, 0.143),
        "~SCOPE*LEARN*MGMT": (1.0, 1.0, 0.286, 0.143),
        "(model)": (1.0, 1.0, 0.857, None),
    },
}

NEGATED = {
    "fuzzy": {
        "~COACH*LEARN": (0.877, 0.664, 0.727, 0.084),
        "~COACH*~MGMT": (0.917, 0.805, 0.727, 0.128),
        "LEARN*~MGMT": (0.879, 0.671, 0.719, 0.061),
        "~SCOPE*COACH*MGMT": (0.797, 0.096, 0.458, 0.000),
        "(model)": (0.777, 0.554, 0.975, None),
    },
    "crisp": {
        "~SCOPE*~COACH*~MGMT": (1.0, 1.0, 0.625, 0.250),
        "~SCOPE*LEARN*~MGMT": (1.0, 1.0, 0.625, 0.250),
        "(model)": (1.0, 1.0, 0.875, None),
    },
}

NECESSITY = {
    "fuzzy": {
        "~SCOPE": (0.786, 0.660, 0.628),
        "SCOPE": (0.748, 0.888, 0.825),
        "~COACH": (0.712, 0.690, 0.613),
        "COACH": (0.843, 0.883, 0.846),
        "~LEARN": (0.630, 0.884, 0.781),
        "LEARN": (0.872, 0.628, 0.645),
        "~MGMT": (0.728, 0.698, 0.628),
        "MGMT": (0.822, 0.868, 0.823),
    },
    "crisp": {
        "~SCOPE": (0.429, 0.417, 0.300),
        "SCOPE": (0.571, 0.909, 0.800),
        "~COACH": (0.571, 0.455, 0.400),
        "COACH": (0.429, 0.833, 0.600),
        "~LEARN": (0.286, 0.846, 0.500),
        "LEARN": (0.714, 0.400, 0.455),
        "~MGMT": (0.429, 0.417, 0.300),
        "MGMT": (0.571, 0.909, 0.800),
    },
}


def teams(kind: str) -> pd.DataFrame:
    """The crisp sets are the fuzzy ones cut at a half."""
    rows = [line.split() for line in FUZZY.strip().splitlines()]
    fuzzy = pd.DataFrame(rows, columns=[*CONDITIONS, "FID"], dtype=float)
    fuzzy.insert(0, "team", [f"T{number:02}" for number in range(1, 16)])
    return fuzzy if kind == "fuzzy" else fuzzy.assign(**(fuzzy[[*CONDITIONS, "FID"]] > 0.5).astype(int))


def table(kind: str) -> qca.TruthTable:
    with pytest.warns(match="more than the 15 cases"):
        return qca.truth_table(teams(kind), "FID", CONDITIONS, {"fuzzy": 0.8, "crisp": 0.75}[kind])


def fits(rows: pd.DataFrame) -> dict[str, tuple[float, ...]]:
    shown = rows.set_index("term")[["consistency", "pri", "coverage", "unique_coverage"]]
    return {str(term): tuple(values) for term, values in zip(shown.index, shown.to_numpy(), strict=True)}


def assert_fits(rows: pd.DataFrame, known: dict[str, tuple[float | None, ...]]) -> None:
    got = fits(rows)
    assert got.keys() == known.keys()
    for term, numbers in known.items():
        printed = [number for number in numbers if number is not None]
        assert got[term][: len(printed)] == pytest.approx(printed, abs=5.001e-4), term


def test_truth_table_of_fuzzy_sets() -> None:
    rows = table("fuzzy").rows
    seen = rows[rows["output"] != "?"].set_index("row")
    assert seen.index.tolist() == list(CONFIGURATIONS)
    for row, (output, n, consistency, pri, cases) in CONFIGURATIONS.items():
        assert (seen.loc[row, "output"], seen.loc[row, "n"], seen.loc[row, "cases"]) == (output, n, cases)
        assert seen.loc[row, ["consistency", "pri"]].tolist() == pytest.approx([consistency, pri], abs=5.001e-4)


def test_contradictory_configuration_of_crisp_sets() -> None:
    crisp = table("crisp")
    rows = crisp.rows[crisp.rows["contradictory"]]
    assert rows[["row", "output", "consistency", "cases"]].to_numpy().tolist() == [[12, "0", 0.5, "T08, T10"]]
    assert "contradictory configuration 12: T08, T10" in crisp.notes


@pytest.mark.parametrize(("kind", "solution"), SOLUTIONS)
def test_solutions(kind: str, solution: str) -> None:
    models = qca.minimize(table(kind), solution)
    assert len(models.models) == 1
    rows = models.tidy()
    assert_fits(rows[rows["outcome"] == "FID"], SOLUTIONS[kind, solution])


@pytest.mark.parametrize("kind", NEGATED)
def test_negated_outcome_stands_beside(kind: str) -> None:
    rows = qca.minimize(table(kind)).tidy()
    assert_fits(rows[rows["outcome"] == "~FID"], NEGATED[kind])


@pytest.mark.parametrize("kind", NECESSITY)
def test_necessity(kind: str) -> None:
    rows = qca.necessity(teams(kind), "FID", CONDITIONS).query("outcome == 'FID'").set_index("condition")
    for condition, known in NECESSITY[kind].items():
        assert rows.loc[condition, ["consistency", "relevance", "coverage"]].tolist() == pytest.approx(
            known, abs=5.001e-4
        )


def test_solutions_say_which_cases_deviate() -> None:
    model = qca.minimize(table("fuzzy")).models[0]
    assert model.parts.set_index("term")["deviant"].to_dict() == {
        "~SCOPE*COACH*MGMT": "",
        "SCOPE*~COACH*~MGMT": "",
        "~COACH*LEARN*MGMT": "T10",
        "COACH*LEARN*~MGMT": "T07, T09",
    }
    assert model.uncovered == ()


@pytest.mark.parametrize(
    ("anchors", "method", "known"),
    [
        ((15, 30, 45), "logistic", [0.0193425, 0.1231471, 0.5, 0.8768529, 0.9806575]),
        ((15, 30, 45), "linear", [0, 1 / 6, 0.5, 5 / 6, 1]),
        (30, "crisp", [0, 0, 1, 1, 1]),
    ],
)
def test_calibration(anchors: float | tuple[float, ...], method: str, known: list[float]) -> None:
    assert qca.calibrate([10, 20, 30, 40, 50], anchors, method=method).tolist() == pytest.approx(known, abs=5e-8)
