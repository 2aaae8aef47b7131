"""The trials that the size study draws: 25 clusters, 15 of them in the intervention arm, and no effect of it."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

INTERVENTION, CONTROL = 15, 10
MEAN_SIZE = 20
EFFECT = "intervention"
PREVALENCE = 0.3
RATE = 0.5
ICCS = (0.0, 0.01, 0.05, 0.1)
SIZE_CVS = (0.0, 0.4, 0.8)

Kind = Literal["mean", "proportion", "rate"]
KINDS: tuple[Kind, ...] = ("rate", "proportion", "mean")


class Cell(NamedTuple):
    """One setting: kind of outcome, intracluster correlation of persons, coefficient of variation of cluster sizes."""

    kind: Kind
    icc: float
    size_cv: float


CELLS = tuple(Cell(kind, icc, cv) for kind in KINDS for icc in ICCS for cv in SIZE_CVS)


def draw(cell: Cell, rng: np.random.Generator) -> pd.DataFrame:
    """A row a person (`mean`, `proportion`), or a cluster with its person-years (`rate`): `team intervention y`."""
    clusters = INTERVENTION + CONTROL
    sizes = _sizes(cell.size_cv, clusters, rng)
    arm = rng.permutation(np.repeat([1, 0], [INTERVENTION, CONTROL]))
    team = np.array([f"T{i:02d}" for i in range(clusters)])
    if cell.kind == "rate":
        k2 = cell.icc / (1 - cell.icc) / RATE
        rates = rng.gamma(1 / k2, RATE * k2, clusters) if k2 else np.full(clusters, RATE)
        return pd.DataFrame({"team": team, EFFECT: arm, "person_years": sizes, "y": rng.poisson(rates * sizes)})
    at = np.repeat(np.arange(clusters), sizes)
    return pd.DataFrame({"team": team[at], EFFECT: arm[at], "y": _persons(cell, at, clusters, rng)})


def _sizes(cv: float, clusters: int, rng: np.random.Generator) -> np.ndarray:
    """Gamma, rounded, at least 2."""
    if cv == 0:
        return np.full(clusters, MEAN_SIZE)
    return np.maximum(np.rint(rng.gamma(1 / cv**2, MEAN_SIZE * cv**2, clusters)), 2).astype(int)


def _persons(cell: Cell, at: np.ndarray, clusters: int, rng: np.random.Generator) -> np.ndarray:
    """Normal with normal clusters, or beta-binomial."""
    if cell.kind == "mean":
        level = rng.normal(0, np.sqrt(cell.icc), clusters)
        return level[at] + rng.normal(0, np.sqrt(1 - cell.icc), len(at))
    total = 1 / cell.icc - 1 if cell.icc else np.inf
    risk = (
        rng.beta(PREVALENCE * total, (1 - PREVALENCE) * total, clusters) if cell.icc else np.full(clusters, PREVALENCE)
    )
    return rng.binomial(1, risk[at])
