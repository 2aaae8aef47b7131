"""Time of `ct.glmm`, from formula and data frame to the table, as a ratio to glmer (lme4) and glmmTMB, and its growth.

    python benchmarks/glmm.py [--rounds 3] [--largest 100000]

Synthetic admissions of 25 teams before and after, 50 rows: Poisson counts by Laplace's approximation and with 15 nodes,
negative binomial counts. The programs take turns in three blocks, so that what else the machine does falls on all of
them; a time is the median of the blocks' medians. R is left out where there is no Rscript with lme4 and glmmTMB.
Then the time of Poisson and negative binomial fits as the number of clusters grows, five rows in each.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

import core_trial as ct

FORMULA = "admissions ~ arm * period + offset(log_people) + (1 | team)"
BLOCKS, TIMES = 3, 10
CLUSTERS = (200, 2_000, 20_000)

R_SIDE = """
suppressMessages({library(lme4); library(glmmTMB)})
data <- read.csv(commandArgs(TRUE)[1]); times <- as.integer(commandArgs(TRUE)[2])
turn <- function(work) system.time(for (i in seq_len(times)) work(), gcFirst = FALSE)[["elapsed"]] / times
seconds <- function(work) { suppressWarnings(work()); suppressWarnings(turn(work)) }
formula <- admissions ~ arm * period + offset(log_people) + (1 | team)
varied <- update(formula, varied ~ .)
writeLines(jsonlite::toJSON(list(
  "Poisson" = seconds(function() summary(glmer(formula, data, family = poisson))),
  "Poisson, 15 nodes" = seconds(function() summary(glmer(formula, data, family = poisson, nAGQ = 15))),
  "negative binomial" = seconds(function() summary(glmmTMB(varied, data, family = nbinom2)))),
  auto_unbox = TRUE, digits = NA))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help=f"in each of the {BLOCKS} blocks")
    parser.add_argument("--largest", type=int, default=100_000, help="rows of the largest data to show the growth with")
    options = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ct.TrialWarning)
        compare(simulate(25, 2), options.rounds)
        show_growth(options.largest)


def simulate(clusters: int, rows: int, seed: int = 1) -> pd.DataFrame:
    """Admissions of teams in `rows` periods, three in five teams with the intervention."""
    rng = np.random.default_rng(seed)
    team, period = np.repeat(np.arange(clusters), rows), np.tile(np.arange(rows), clusters)
    arm = (np.arange(clusters) % 5 < 3).astype(int)
    people = rng.integers(40_000, 300_000, clusters)[team]
    mean = people * np.exp(-6.5 + rng.normal(0, 0.4, clusters)[team] - 0.1 * arm[team] * period)
    names = np.array([f"T{i:05d}" for i in range(clusters)])
    return pd.DataFrame(
        {
            "team": names[team],
            "arm": arm[team],
            "period": period,
            "log_people": np.log(people),
            "admissions": rng.poisson(mean),
            "varied": rng.poisson(rng.gamma(15, mean / 15)),
        }
    )


def fits(data: pd.DataFrame) -> dict[str, Callable[[], object]]:
    varied = FORMULA.replace("admissions", "varied")
    return {
        "Poisson": lambda: ct.glmm(FORMULA, data, family="poisson").tidy(),
        "Poisson, 15 nodes": lambda: ct.glmm(FORMULA, data, family="poisson", n_agq=15).tidy(),
        "negative binomial": lambda: ct.glmm(varied, data, family="negative_binomial").tidy(),
    }


def compare(data: pd.DataFrame, rounds: int) -> None:
    blocks = [(in_turns(fits(data), rounds), in_r(data)) for _ in range(BLOCKS)]
    print(f"{len(data)} rows in {data['team'].nunique()} teams")
    print(f"{'':24s}{'core_trial ms':>14s}{'R ms':>10s}{'ratio':>9s}")
    for name in fits(data):
        ours = statistics.median(block[name] for block, _ in blocks)
        theirs = [block[name] for _, block in blocks if block]
        r = statistics.median(theirs) if theirs else float("nan")
        print(f"{name:24s}{1000 * ours:>14.2f}{1000 * r:>10.1f}{r / ours:>7.1f} x")


def in_turns(work: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each, a turn being `TIMES` calls; the first round is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds + 1):
        for name, call in work.items():
            start = time.perf_counter()
            for _ in range(TIMES):
                call()
            seconds[name].append((time.perf_counter() - start) / TIMES)
    return {name: statistics.median(values[1:]) for name, values in seconds.items()}


def in_r(data: pd.DataFrame) -> dict[str, float]:
    """Seconds of glmer and glmmTMB; nothing where R or the packages are not installed."""
    if not shutil.which("Rscript"):
        return {}
    with tempfile.TemporaryDirectory() as folder:
        csv = Path(folder, "data.csv")
        data.to_csv(csv, index=False)
        done = subprocess.run(
            ["Rscript", "-e", R_SIDE, str(csv), str(TIMES)], capture_output=True, text=True, check=False
        )
    if done.returncode:
        print(f"R is left out: {done.stderr.strip().splitlines()[-1]}")
        return {}
    return dict(json.loads(done.stdout))


def show_growth(largest: int) -> None:
    print(f"\n{'clusters':>9s}{'rows':>9s}" + "".join(f"{name:>28s}" for name in fits(pd.DataFrame())))
    for clusters in CLUSTERS:
        if 5 * clusters > largest:
            break
        data, cells = simulate(clusters, 5), []
        for call in fits(data).values():
            start = time.perf_counter()
            call()
            seconds = time.perf_counter() - start
            cells.append(f"{seconds:>10.3f} s {1e6 * seconds / len(data):>7.1f} us/row")
        print(f"{clusters:>9,}{len(data):>9,}" + "".join(f"{cell:>28s}" for cell in cells))


if __name__ == "__main__":
    main()
