"""What was each team's fidelity, and how many of its people were admitted, at each timepoint?

The panel holds small counts of single teams: keep it as confidential as the records.
Run: python analysis/02_panel.py [DATA]
"""

import sys
from pathlib import Path

import core_trial as ct

OUT = Path("reports/scripts")

trial = ct.load_trial(sys.argv[1]) if len(sys.argv) > 1 else ct.simulate_trial()
panel = trial.panel()

OUT.mkdir(parents=True, exist_ok=True)
panel.to_csv(OUT / "panel.csv", index=False)
print(panel.groupby(["arm", "timepoint"])[["fidelity", "admission_rate", "bed_day_rate"]].mean().round(2).to_string())
