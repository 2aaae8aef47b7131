"""The forest and trajectory plots.

Run: python analysis/04_figures.py [DATA]
"""

import sys
from pathlib import Path

import core_trial as ct

OUT = Path("reports/scripts")

trial = ct.load_trial(sys.argv[1]) if len(sys.argv) > 1 else ct.simulate_trial()
plan = ct.read_plan()
results, _ = ct.analyse(trial, plan)
effects = ct.effects(results, plan)
panel = trial.panel()
panel["team"] = panel["team"].map(ct.team_names(trial))

ct.plots.forest(effects[effects["prespecified"]]).save(OUT / "forest", width="double")
ct.plots.trajectory(panel, "fidelity").save(OUT / "trajectory", width="double")
print(f"Figures: {OUT}")
