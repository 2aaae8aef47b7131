"""Type I error and coverage of every analysis that `ct.compare` offers, at 25 clusters in arms of 15 and 10.

    python benchmarks/size/study.py [--trials 2000] [--workers 2]

Every cell of `designs.CELLS` draws that many trials without an effect, from seeds that do not depend on the workers;
each analysis is fitted to each. `results.csv` beside this file gets a row a cell and analysis, cell by cell: cells that
it has are not run again, so remove it to start anew. `report.py` shows it.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from designs import CELLS, EFFECT, Cell, draw
from scipy import special

from core_trial.errors import TrialError
from core_trial.plan import AnyAnalysis, Outcome
from core_trial.robust.fit import RobustFit
from core_trial.robust.inference import ENGINE, robust_inference
from core_trial.side_by_side.comparison import describe
from core_trial.side_by_side.defensible import defensible

RESULTS = Path(__file__).with_name("results.csv")
SEED = 20_261
PIECE = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=2000, help="in each cell")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    choices = parser.parse_args()
    with ProcessPoolExecutor(choices.workers) as pool:
        for cell in CELLS:
            done = read_results()
            if len(done) and (done[list(Cell._fields)] == cell).all(axis=1).any():
                continue
            start, pieces = time.perf_counter(), range(choices.trials // PIECE)
            found = summarise(pd.concat(pool.map(partial(piece_of_cell, cell), pieces)))
            pd.concat([done, found]).to_csv(RESULTS, index=False, lineterminator="\n", float_format="%.5g")
            print(f"{cell}: {time.perf_counter() - start:.0f} s", flush=True)


def read_results() -> pd.DataFrame:
    """What `results.csv` holds so far."""
    return pd.read_csv(RESULTS) if RESULTS.exists() else pd.DataFrame()


def piece_of_cell(cell: Cell, piece: int) -> pd.DataFrame:
    """Every analysis of `PIECE` trials: estimate, standard error and p value, on the scale of the link."""
    warnings.simplefilter("ignore")
    person_time = "person_years" if cell.kind == "rate" else None
    analyses = defensible(cell.kind, EFFECT, (), None)
    outcome = describe("y", cell.kind, person_time, analyses)
    rows = []
    for trial in range(PIECE * piece, PIECE * (piece + 1)):
        data = draw(cell, np.random.default_rng([SEED, CELLS.index(cell), trial]))
        found = pd.concat([answers(alike, outcome, data) for alike in sharing_a_fit(analyses)])
        rows.append(found.assign(**cell._asdict()))
    return pd.concat(rows)


def sharing_a_fit(analyses: Iterable[AnyAnalysis]) -> list[list[AnyAnalysis]]:
    """Analyses that differ in the small-sample correction only, together."""
    groups: dict[str, list[AnyAnalysis]] = {}
    for analysis in analyses:
        groups.setdefault(analysis.model_dump_json(exclude={"id", "label", "correction"}), []).append(analysis)
    return list(groups.values())


def answers(analyses: list[AnyAnalysis], outcome: Outcome, data: pd.DataFrame) -> pd.DataFrame:
    """A row an analysis; without numbers where there is no answer."""
    rows = pd.DataFrame({"analysis": [a.id for a in analyses], "label": [a.label for a in analyses]})
    try:
        fit = analyses[0].fit(outcome, data, cluster="team")
    except TrialError:
        return rows
    place, row = fit.terms.index(EFFECT), fit.row({EFFECT: 1.0})
    errors = [(fit.covariance[place, place], fit.degrees(row))]
    if len(analyses) > 1:  # what `fit.compare_corrections()` shows
        assert isinstance(fit, RobustFit)
        corrections = [ENGINE[a.model_dump()["correction"]] for a in analyses]
        inferences = [robust_inference(fit.parts, fit.observed, correction, fit.ddf) for correction in corrections]
        errors = [(found.covariance[place, place], found.degrees(row)) for found in inferences]
    variance, df = np.array(errors, float).T
    std_error, estimate = np.sqrt(variance), float(fit.estimate[place])
    p_value = 2 * special.stdtr(df, -abs(estimate) / std_error)
    half = special.stdtrit(df, 0.975) * std_error
    numbers = {"std_error": std_error, "p_value": p_value, "conf_low": estimate - half, "conf_high": estimate + half}
    return rows.assign(estimate=estimate, **numbers)


def summarise(found: pd.DataFrame) -> pd.DataFrame:
    """A row a cell and analysis: trials, how many had no answer, size, coverage of no effect, and its ratio of SEs."""
    known = found["p_value"].notna()
    found = found.assign(
        failed=~known,
        rejected=(found["p_value"] < 0.05).where(known).astype(float),
        covered=((found["conf_low"] <= 0) & (found["conf_high"] >= 0)).where(known).astype(float),
        variance=found["std_error"] ** 2,
    )
    cell = ["kind", "icc", "size_cv", "analysis", "label"]
    groups = found.groupby(cell, as_index=False, sort=False).agg(
        trials=("failed", "size"),
        failed=("failed", "sum"),
        size=("rejected", "mean"),
        coverage=("covered", "mean"),
        sd=("estimate", "std"),
        variance=("variance", "mean"),
    )
    return groups.assign(se_ratio=np.sqrt(groups["variance"]) / groups["sd"]).drop(columns=["variance", "sd"])


if __name__ == "__main__":
    main()
