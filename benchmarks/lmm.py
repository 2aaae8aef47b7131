"""Time of `ct.lmm`, from formula and data frame to the table, as a ratio to statsmodels and to lme4 with lmerTest.

    python benchmarks/lmm.py [--rounds 3]

Two synthetic trials, 375 rows in 25 teams and 100,000 rows in 1,000, each `y ~ arm + baseline + age + (1 | team)`. The
programs take turns in three blocks, so that what else the machine does falls on all of them; a time is the median of
the blocks' medians. R is left out where there is no Rscript with lme4 and lmerTest, and Kenward-Roger in R where its n
by n matrices would not fit.
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
import statsmodels.formula.api as smf

import core_trial as ct

FIXED = "y ~ arm + baseline + age"
FORMULA = f"{FIXED} + (1 | team)"
SIZES = ((25, 15), (1000, 100))
BLOCKS = 3
LARGEST_KENWARD_ROGER_IN_R = 2000

R_SIDE = """
suppressMessages(library(lmerTest))
data <- read.csv(commandArgs(TRUE)[1]); options <- as.integer(commandArgs(TRUE)[2:4])
times <- options[1]; rounds <- options[2]; formula <- y ~ arm + baseline + age + (1 | team)
turn <- function(work) system.time(for (i in seq_len(times)) work(), gcFirst = FALSE)[["elapsed"]] / times
seconds <- function(work) { work(); median(replicate(rounds, turn(work))) }
result <- list(
  "lme4: fit alone" = seconds(function() lme4::lmer(formula, data)),
  "lmerTest: Satterthwaite" = seconds(function() summary(lmer(formula, data))))
if (nrow(data) <= options[3])
  result[["lmerTest: Kenward-Roger"]] <- seconds(function() summary(lmer(formula, data), ddf = "Kenward-Roger"))
writeLines(jsonlite::toJSON(result, auto_unbox = TRUE, digits = NA))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help=f"in each of the {BLOCKS} blocks")
    rounds = parser.parse_args().rounds
    for clusters, rows in SIZES:
        compare(simulate(clusters, rows), rounds)


def simulate(clusters: int, rows: int, seed: int = 1) -> pd.DataFrame:
    """`rows` persons in each cluster, three in five clusters with the intervention."""
    rng = np.random.default_rng(seed)
    team = np.repeat(np.arange(clusters), rows)
    arm, baseline = np.arange(clusters) % 5 < 3, rng.normal(25, 1.2, clusters)
    age, noise = rng.normal(40, 12, len(team)), rng.normal(0, 4.6, len(team))
    y = 10 + 0.6 * baseline[team] + arm[team] + rng.normal(0, 1.1, clusters)[team] + noise
    names = np.array([f"T{i:04d}" for i in range(clusters)])[team]
    label = np.where(arm, "intervention", "control")[team]
    return pd.DataFrame({"team": names, "arm": label, "baseline": baseline[team], "age": age, "y": y})


def compare(data: pd.DataFrame, rounds: int) -> None:
    ours: dict[str, Callable[[], object]] = {
        "core_trial: satterthwaite": lambda: ct.lmm(FORMULA, data, ddf="satterthwaite").tidy(),
        "core_trial: kenward-roger": lambda: ct.lmm(FORMULA, data, ddf="kenward-roger").tidy(),
    }
    theirs = {"statsmodels: MixedLM fit": lambda: smf.mixedlm(FIXED, data, groups="team").fit()}
    times = max(1, 4000 // len(data))
    blocks = [in_turns(ours | theirs, times, rounds) | in_r(data, times, rounds) for _ in range(BLOCKS)]
    seconds = {name: statistics.median(block[name] for block in blocks) for name in blocks[0]}
    print(f"\n{len(data):,} rows in {data['team'].nunique():,} teams")
    print(f"{'':32s}{'ms':>10s}" + "".join(f"{name:>28s}" for name in ours))
    for name, value in seconds.items():
        ratios = "".join(f"{value / seconds[one]:>26.1f} x" for one in ours)
        print(f"{name:32s}{1000 * value:>10.2f}{ratios}")


def in_turns(work: dict[str, Callable[[], object]], times: int, rounds: int) -> dict[str, float]:
    """Median seconds of each, a turn being `times` calls; the first round is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(rounds + 1):
            for name, call in work.items():
                start = time.perf_counter()
                for _ in range(times):
                    call()
                seconds[name].append((time.perf_counter() - start) / times)
    return {name: statistics.median(values[1:]) for name, values in seconds.items()}


def in_r(data: pd.DataFrame, times: int, rounds: int) -> dict[str, float]:
    """Median seconds of lme4 and lmerTest; nothing where R or the packages are not installed."""
    if not shutil.which("Rscript"):
        return {}
    with tempfile.TemporaryDirectory() as folder:
        csv = Path(folder, "data.csv")
        data.to_csv(csv, index=False)
        options = [str(option) for option in (csv, times, rounds, LARGEST_KENWARD_ROGER_IN_R)]
        done = subprocess.run(["Rscript", "-e", R_SIDE, *options], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"R is left out: {done.stderr.strip().splitlines()[-1]}")
        return {}
    return dict(json.loads(done.stdout))


if __name__ == "__main__":
    main()
