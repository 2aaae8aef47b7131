"""Time and memory of `ct.lmm` streamed from Parquet, against the time DuckDB needs to scan the same columns.

    python benchmarks/streaming.py [--rows 1000000 10000000 100000000] [--rounds 5] [--folder DIR]

Synthetic rows in 1,000 teams, drawn a million at a time, 18 bytes each on disk; `y ~ arm + baseline + (1 | team)` with
its Kenward-Roger table. A scan is the sum of each of the four columns, by the same number of threads. The two take
turns, in a process of their own, after one of each; a time is the median of the rounds. The peak memory is that of
another process, which fits once. A last line a size is a fit with slopes, `y ~ arm * C(month) + baseline + (month |
team)`, of five columns.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet

import core_trial as ct

TEAMS, CHUNK = 1000, 1_000_000
SCHEMA = pa.schema([("y", "float64"), ("arm", "int8"), ("baseline", "float64"), ("team", "int16"), ("month", "int8")])
MODELS = {
    "y ~ arm + baseline + (1 | team)": ("y", "arm", "baseline", "team"),
    "y ~ arm * C(month) + baseline + (month | team)": ("y", "arm", "baseline", "team", "month"),
}


def main() -> None:
    options = _options()
    if options.time:
        _time(options.time, options.rounds)
        return
    if options.peak:
        fit = ct.lmm(next(iter(MODELS)), options.peak)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        print(f"  peak memory of a fit of {fit.summary['nobs']:,} rows {peak:.0f} MB", flush=True)
        return
    for rows in options.rows:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            path = Path(folder, "rows.parquet")
            draw(path, rows)
            print(f"{rows:,} rows, {path.stat().st_size / 1e6:.0f} MB on disk", flush=True)
            for task in ("--time", "--peak"):
                again = [sys.executable, __file__, task, str(path), "--rounds", str(options.rounds)]
                subprocess.run(again, check=True)


def draw(path: Path, rows: int, seed: int = 1) -> None:
    rng = np.random.default_rng(seed)
    effect, slope = rng.normal(size=(2, TEAMS))
    with pyarrow.parquet.ParquetWriter(path, SCHEMA) as writer:
        for start in range(0, rows, CHUNK):
            n = min(CHUNK, rows - start)
            team, month = rng.integers(0, TEAMS, n), rng.choice([0, 6, 12], n)
            baseline = 50 + 10 * rng.normal(size=n)
            arm = team % 2
            y = (
                20
                + 0.5 * baseline
                + 0.1 * arm * month
                + effect[team]
                + 0.05 * slope[team] * month
                + 3 * rng.normal(size=n)
            )
            columns = [y, arm.astype("int8"), baseline, team.astype("int16"), month.astype("int8")]
            writer.write_table(pa.table(columns, schema=SCHEMA))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10**6, 10**7, 10**8])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the rows are written, and removed")
    parser.add_argument("--time", type=Path, help="rows that are drawn already, to be timed")
    parser.add_argument("--peak", type=Path, help="the same, to be fitted once")
    return parser.parse_args()


def _time(path: Path, rounds: int) -> None:
    for formula, columns in MODELS.items():
        sums = ", ".join(f"sum({name})" for name in columns)
        tasks: dict[str, Callable[[], object]] = {
            "scan": lambda sums=sums: duckdb.read_parquet(str(path)).aggregate(sums).fetchall(),
            "fit": lambda formula=formula: ct.lmm(formula, path).tidy(),
        }
        seconds: dict[str, list[float]] = {name: [] for name in tasks}
        for _ in range(rounds + 1):
            for name, task in tasks.items():
                began = time.perf_counter()
                task()
                seconds[name].append(time.perf_counter() - began)
        scan, fit = (statistics.median(times[1:]) for times in seconds.values())
        print(f"  {formula}: scan {scan:.3f} s, fit {fit:.3f} s, ratio {fit / scan:.2f}", flush=True)


if __name__ == "__main__":
    main()
