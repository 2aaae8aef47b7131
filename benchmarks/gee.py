"""Time of `ct.gee` with a correction and of `ct.cluster_robust`, as ratios to statsmodels alone.

    python benchmarks/gee.py [--rounds 15]

Synthetic trials of unequal clusters. statsmodels is given a formula (`smf.gee`), as `ct.gee` is, and also bare arrays;
of the corrections for few clusters it has that of Mancl and DeRouen. The programs take turns, so that what else the
machine does falls on all of them; a time is the median. The growth with clusters is printed below.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import statsmodels.api as sm
import statsmodels.formula.api as smf

import core_trial as ct

FAMILIES = {"gaussian": sm.families.Gaussian(), "binomial": sm.families.Binomial(), "poisson": sm.families.Poisson()}
FORMULA = "{outcome} ~ arm + baseline + age"
GROWTH = (25, 250, 2500)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    warnings.simplefilter("ignore")
    for family in FAMILIES:
        print(f"{family}, exchangeable, 25 clusters of 5 to 25 rows")
        report(compare(trial(25), family, rounds))
    print("growth with clusters, poisson")
    for clusters in GROWTH:
        times = compare(trial(clusters), "poisson", 3)
        print(
            f"  {clusters:>5} clusters",
            *(f"{name} {seconds * 1e3:.1f} ms" for name, seconds in times.items()),
            sep="  ",
        )


def trial(clusters: int) -> pd.DataFrame:
    """15 in 25 clusters with the intervention, outcomes of each family."""
    rng = np.random.default_rng(clusters)
    size = rng.integers(5, 26, clusters)
    team, n = np.repeat(np.arange(clusters), size), size.sum()
    arm, effect = (np.arange(clusters) % 5 < 3)[team].astype(float), rng.normal(0, 0.3, clusters)[team]
    baseline, age = rng.normal(25, 1, clusters)[team], rng.normal(45, 12, n)
    eta = -0.3 + 0.3 * arm + 0.1 * (baseline - 25) + effect
    return pd.DataFrame(
        {
            "team": team,
            "arm": arm,
            "baseline": baseline,
            "age": age,
            "gaussian": eta + rng.normal(size=n),
            "binomial": rng.binomial(1, 1 / (1 + np.exp(-eta))),
            "poisson": rng.poisson(np.exp(eta)),
        }
    )


def compare(data: pd.DataFrame, family: str, rounds: int) -> dict[str, float]:
    """Median seconds of each program."""
    formula, distribution = FORMULA.format(outcome=family), FAMILIES[family]
    x, y, team = (
        sm.add_constant(data[["arm", "baseline", "age"]]).to_numpy(),
        data[family].to_numpy(),
        data["team"].to_numpy(),
    )
    exchangeable = sm.cov_struct.Exchangeable

    def statsmodels(**options: str) -> object:
        return smf.gee(formula, "team", data, family=distribution, cov_struct=exchangeable()).fit(**options).bse

    programs = {
        "statsmodels": statsmodels,
        "statsmodels, Mancl-DeRouen": lambda: statsmodels(cov_type="bias_reduced"),
        "statsmodels, arrays": lambda: sm.GEE(y, x, team, family=distribution, cov_struct=exchangeable()).fit().bse,
        "ct.gee, CR2": lambda: ct.gee(formula, data, cluster="team", family=family, correction="cr2").tidy(),
        "ct.gee, average": lambda: ct.gee(formula, data, cluster="team", family=family).tidy(),
        "ct.cluster_robust": lambda: ct.cluster_robust(formula, data, cluster="team", family=family).tidy(),
    }
    times: dict[str, list[float]] = {name: [] for name in programs}
    for program in programs.values():
        program()
    for _ in range(rounds):
        for name, program in programs.items():
            times[name].append(seconds(program))
    return {name: statistics.median(values) for name, values in times.items()}


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def report(times: dict[str, float]) -> None:
    for name, value in times.items():
        print(f"  {name:<28} {value * 1e3:>8.2f} ms {value / times['statsmodels']:>8.2f}")


if __name__ == "__main__":
    main()
