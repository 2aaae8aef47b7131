"""Time of a fit among many, as a ratio to fits one at a time, to statsmodels, and to lme4's `refit` and `bootMer`.

    python benchmarks/batch.py [--rounds 3]

A synthetic trial of 375 rows in 25 teams of 5 trusts, with outcomes drawn from a first fit. The programs take turns in
blocks, so that what else the machine does falls on all of them; a time is the median of the blocks. R is left out where
there is no Rscript with lme4. The growth of the time of a fit with clusters, and that of leaving each of them out, is
printed below.
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
from lmm import simulate

import core_trial as ct
from core_trial.engine.batch import batch_design, fit_allocations
from core_trial.engine.linear.random import RandomTerm

FIXED = "y ~ arm + baseline + age"
RANDOM = ("(1 | team)", "(month | team)", "(1 | trust / team)")
MANY, FEW, IN_R = 10_000, 1000, 40

R_SIDE = """
suppressMessages(library(lme4))
data <- read.csv(commandArgs(TRUE)[1]); responses <- as.matrix(read.csv(commandArgs(TRUE)[2])); times <- ncol(responses)
quietly <- function(work) suppressMessages(suppressWarnings(work))
seconds <- function(work) system.time(work, gcFirst = FALSE)[["elapsed"]] / times
fits <- lapply(commandArgs(TRUE)[-(1:2)], function(formula) quietly(lmer(as.formula(formula), data)))
refits <- sapply(fits, function(fit) seconds(for (i in seq_len(times)) quietly(refit(fit, responses[, i]))))
boot <- seconds(quietly(bootMer(fits[[1]], fixef, nsim = times)))
writeLines(jsonlite::toJSON(list(refit = refits, bootMer = boot), auto_unbox = TRUE, digits = NA))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="blocks")
    rounds = parser.parse_args().rounds
    warnings.simplefilter("ignore")
    data = trial(25)
    fits = [ct.lmm(formula(random), data) for random in RANDOM]
    responses = fits[0].simulate(MANY, seed=1)
    blocks = [in_python(data, fits, responses) | in_r(data, responses) for _ in range(rounds)]
    report({name: statistics.median(block[name] for block in blocks) for name in blocks[0]})
    growth()


def formula(random: str) -> str:
    return f"{FIXED}{' + month' * ('month' in random)} + {random}"


def trial(clusters: int) -> pd.DataFrame:
    data = simulate(clusters, 15)
    return data.assign(trust=data["team"].str[-1].astype(int) % 5, month=np.tile(np.arange(15.0), clusters))


def in_python(data: pd.DataFrame, fits: list[ct.LmmFit], responses: np.ndarray) -> dict[str, float]:
    """Seconds a fit."""
    times = {}
    one_by_one = [data.assign(y=response) for response in responses[:IN_R]]
    for random, fit, many in zip(RANDOM, fits, (MANY, FEW, FEW), strict=True):
        times[f"{random}: refit_each"] = seconds(lambda f=fit, n=many: f.refit_each(responses[:n]), many)
        times[f"{random}: refit"] = seconds(lambda f=fit: [f.refit(response) for response in responses[:IN_R]], IN_R)
        times[f"{random}: lmm"] = seconds(lambda r=random: [ct.lmm(formula(r), d) for d in one_by_one], IN_R)
    few = one_by_one[:5]
    times["(1 | team): statsmodels"] = seconds(lambda: [smf.mixedlm(FIXED, d, groups="team").fit() for d in few], 5)
    times["(1 | team): bootstrap"] = seconds(lambda: fits[0].bootstrap(MANY, seed=1), MANY)
    times["(1 | team): fit_allocations"] = seconds(lambda: allocations(fits[0]), MANY)
    return times


def allocations(fit: ct.LmmFit) -> object:
    """Fits of all allocations of three in five teams, with the covariates of `fit`."""
    (random,) = fit.matrices.random
    level, teams = random.grouping.level, len(random.grouping.labels)
    design = batch_design(fit.matrices.x[:, [0, 2, 3]], [RandomTerm(random.columns, level, teams, "team")])
    drawn = np.random.default_rng(1).permuted(np.tile(np.arange(teams) % 5 < 3, (MANY, 1)), axis=1)
    return fit_allocations(design, fit.matrices.y, level, drawn.astype(float))


def seconds(work: Callable[[], object], times: int) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) / times


def in_r(data: pd.DataFrame, responses: np.ndarray) -> dict[str, float]:
    """Seconds a refit by lme4; nothing where R or lme4 are not installed."""
    if not shutil.which("Rscript"):
        return {}
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("data.csv", "responses.csv")]
        data.to_csv(files[0], index=False)
        pd.DataFrame(responses[:IN_R].T).to_csv(files[1], index=False)
        options = [str(file) for file in files] + [formula(random) for random in RANDOM]
        done = subprocess.run(["Rscript", "-e", R_SIDE, *options], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"R is left out: {done.stderr.strip().splitlines()[-1]}")
        return {}
    found = json.loads(done.stdout)
    refits = {f"{random}: lme4 refit": value for random, value in zip(RANDOM, found["refit"], strict=True)}
    return refits | {"(1 | team): lme4 bootMer": found["bootMer"]}


def report(times: dict[str, float]) -> None:
    """A line a program and model; ratios to `refit_each`, or to `bootstrap` for bootMer."""
    print(f"{'375 rows in 25 teams':44s}{'ms a fit':>10s}{'ratio':>10s}")
    for name, value in times.items():
        own = "bootstrap" if name.endswith("bootMer") else "refit_each"
        base = times[f"{name.split(': ')[0]}: {own}"]
        print(f"{name:44s}{1000 * value:>10.4f}{value / base:>8.1f} x")
    print(f"10,000 refits by the parametric bootstrap in {MANY * times['(1 | team): bootstrap']:.2f} s")


def growth() -> None:
    print(f"\n{'random intercept, rows':>24s}{'teams':>8s}{'refit_each, ms a fit':>24s}{'influence, ms a team':>24s}")
    for clusters in (25, 100, 400, 1600):
        fit = ct.lmm(formula(RANDOM[0]), trial(clusters))
        responses = fit.simulate(200, seed=1)
        fit.refit_each(responses[:1])
        each = seconds(lambda f=fit, r=responses: f.refit_each(r), len(responses))
        left_out = seconds(lambda f=fit: f.influence("baseline"), clusters) if clusters < 1000 else np.nan
        print(f"{15 * clusters:>24,}{clusters:>8,}{1000 * each:>24.3f}{1000 * left_out:>24.2f}")


if __name__ == "__main__":
    main()
