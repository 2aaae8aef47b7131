"""Time of `ct.mmrm`, from formula and data frame to the table, as a ratio to R's mmrm and nlme, and as subjects grow.

    python benchmarks/mmrm.py [--rounds 9]

Synthetic patients over four visits, a third of which are missed, `score ~ race + sex + arm * visit` with an
unstructured covariance. Where R with the package mmrm, or nlme, is installed, it is measured in the same run (nlme fits
only, and has no small-sample inference); the recorded time is that of mmrm 0.3.16 on 537 rows of 197 subjects with 11
coefficients, fit and Kenward-Roger. A time is the median of the rounds.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

import core_trial as ct

FORMULA = "score ~ race + sex + arm * visit"
RECORDED = 0.1068  # seconds
SIZES = (200, 2_000, 20_000, 200_000)

R_SIDE = """
arguments <- commandArgs(TRUE)
data <- read.csv(arguments[1], stringsAsFactors = TRUE); rounds <- as.integer(arguments[2])
data$index <- as.integer(data$visit)
seconds <- function(work) { work(); median(replicate(rounds, system.time(work(), gcFirst = FALSE)[["elapsed"]])) }
result <- list()
if (requireNamespace("mmrm", quietly = TRUE))
  result[["R mmrm: fit and Kenward-Roger"]] <- seconds(function() summary(mmrm::mmrm(
    score ~ race + sex + arm * visit + us(visit | patient), data, vcov = "Kenward-Roger-Linear",
    method = "Kenward-Roger")))
if (requireNamespace("nlme", quietly = TRUE))
  result[["R nlme: gls fit alone"]] <- seconds(function() nlme::gls(score ~ race + sex + arm * visit, data,
    nlme::corSymm(form = ~ index | patient), nlme::varIdent(form = ~ 1 | visit)))
writeLines(jsonlite::toJSON(result, auto_unbox = TRUE, digits = NA))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    compare(simulate(SIZES[0]), rounds)
    grow(rounds)


def simulate(patients: int, seed: int = 1) -> pd.DataFrame:
    """Patients in teams of eight, each of their four visits missed with probability one third."""
    rng = np.random.default_rng(seed)
    visits = np.array(["v1", "v2", "v3", "v4"])
    patient, visit = np.repeat(np.arange(patients), 4), np.tile(np.arange(4), patients)
    arm, sex, race = rng.integers(0, 2, patients), rng.integers(0, 2, patients), rng.integers(0, 3, patients)
    course = rng.normal(0, 2, (patients, 1)) + rng.normal(size=(patients, 4)).cumsum(axis=1)
    team = np.arange(patients) // 8
    score = 30 + 5 * visit + (1 + visit) * arm[patient] + race[patient] + course.ravel()
    frame = pd.DataFrame(
        {
            "patient": np.array([f"P{i:06d}" for i in range(patients)])[patient],
            "team": np.array([f"T{i:06d}" for i in range(team.max() + 1)])[team][patient],
            "visit": visits[visit],
            "arm": np.array(["control", "intervention"])[arm][patient],
            "sex": np.array(["female", "male"])[sex][patient],
            "race": np.array(["a", "b", "c"])[race][patient],
            "score": score + rng.normal(0, 2, len(visit)) + rng.normal(0, 1, team.max() + 1)[team][patient],
        }
    )
    return frame[rng.random(len(frame)) > 1 / 3].reset_index(drop=True)


def fit(data: pd.DataFrame, **options: str) -> pd.DataFrame:
    return ct.mmrm(FORMULA, data, subject="patient", visit="visit", **options).tidy()


def compare(data: pd.DataFrame, rounds: int) -> None:
    ours = seconds(lambda: fit(data), rounds)
    print(f"{len(data):,} rows of {data['patient'].nunique():,} patients, unstructured, Kenward-Roger")
    print(f"{'core_trial':40s}{1000 * ours:10.1f} ms")
    for name, value in ({"R mmrm 0.3.16, recorded": RECORDED} | in_r(data, rounds)).items():
        print(f"{name:40s}{1000 * value:10.1f} ms{value / ours:10.1f} times ours")


def grow(rounds: int) -> None:
    print(f"\n{'patients':>10s}{'rows':>12s}{'ms':>10s}{'ms, patients in teams':>24s}")
    for patients in SIZES:
        data = simulate(patients)
        few = max(1, rounds * 1000 // patients) if patients > 1000 else rounds
        plain, clustered = (seconds(lambda d=data, o=o: fit(d, **o), few) for o in ({}, {"cluster": "team"}))
        print(f"{patients:10,d}{len(data):12,d}{1000 * plain:10.1f}{1000 * clustered:24.1f}", flush=True)


def seconds(work: Callable[[], object], rounds: int) -> float:
    """Median time of a call, after one that is not counted."""
    work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def in_r(data: pd.DataFrame, rounds: int) -> dict[str, float]:
    """Seconds of the programs of R that are installed."""
    if not shutil.which("Rscript"):
        return {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.csv"
        data.to_csv(path, index=False)
        script = Path(folder) / "time.R"
        script.write_text(R_SIDE)
        done = subprocess.run(
            ["Rscript", str(script), str(path), str(rounds)], check=True, capture_output=True, text=True
        )
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
