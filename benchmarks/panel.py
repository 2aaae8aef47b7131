"""Time and memory of the panel on 16 million synthetic admissions, against DuckDB asked directly.

    python benchmarks/panel.py [--rows 16000000] [--memory-limit 500MB]

Two queries are timed beside the panel, in the same process and in turns. "windows" asks for the admissions and bed days
of each team and window, as one would by hand; "plain" only counts admissions and nights by team, without windows.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import core_trial as ct
from core_trial.data.panel import build_panel
from core_trial.data.synthetic.folder import write_draw
from core_trial.data.synthetic.tables import draw_trial

TEAMS, ADMISSIONS_A_TEAM, ROUNDS = 250, 640, 5

PLAIN = """
SELECT team, count(*) AS admissions, sum(date_diff('day', admitted_on, discharged_on)) AS nights
FROM admissions GROUP BY team"""

WINDOWS = """
SELECT team, period, count(*) FILTER (admitted_on >= start_on) AS admissions,
    sum(date_diff('day', greatest(admitted_on, start_on), least(discharged_on, end_on))) AS bed_days
FROM admissions JOIN exposure USING (team)
WHERE admitted_on < end_on AND coalesce(discharged_on > start_on, true)
GROUP BY team, period"""


def main() -> None:
    options = _options()
    if options.folder:
        _measure(options.folder, options.memory_limit)
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "trial")
        print(f"drawing about {options.rows:,} admissions", flush=True)
        write_draw(draw_trial(1, TEAMS, ct.Truth(), options.rows / TEAMS / ADMISSIONS_A_TEAM), {}, folder)
        # A process of its own, so that the peak is not that of drawing.
        again = [sys.executable, __file__, "--folder", str(folder), "--memory-limit", options.memory_limit]
        subprocess.run(again, check=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=16_000_000)
    parser.add_argument("--memory-limit", default="500MB")
    parser.add_argument("--folder", type=Path, help="a trial that is already drawn")
    return parser.parse_args()


def _measure(folder: Path, memory_limit: str) -> None:
    warnings.simplefilter("ignore", ct.TrialWarning)
    began = time.perf_counter()
    trial = ct.load_trial(folder, memory_limit=memory_limit)
    print(f"loaded and checked in {time.perf_counter() - began:.1f} s, peak {_peak():.0f} MB", flush=True)
    tasks: dict[str, Callable[[], object]] = {
        "plain": lambda: trial.sql(PLAIN),
        "windows": lambda: trial.sql(WINDOWS),
        "panel": lambda: build_panel(trial.connection, trial.tables),
    }
    best = dict.fromkeys(tasks, float("inf"))
    for _ in range(ROUNDS):
        for name, task in tasks.items():
            best[name] = min(best[name], _seconds(task))
    rows = trial.sql("SELECT count(*) AS n FROM admissions")["n"][0]
    print(f"{rows:,} admissions; " + ", ".join(f"{name} {seconds:.3f} s" for name, seconds in best.items()))
    print(f"panel / windows {best['panel'] / best['windows']:.2f}, panel / plain {best['panel'] / best['plain']:.2f}")
    print(f"peak memory {_peak():.0f} MB")


def _seconds(task: Callable[[], object]) -> float:
    began = time.perf_counter()
    task()
    return time.perf_counter() - began


def _peak() -> float:
    """Peak resident memory of this process, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    main()
