"""The report, its tables, and the manifest that `core-trial verify` checks.

Run: python analysis/05_report.py [DATA]
"""

import sys
from pathlib import Path

import core_trial as ct

OUT = Path("reports/report")

trial = ct.load_trial(sys.argv[1]) if len(sys.argv) > 1 else ct.simulate_trial()
ct.run(trial, ct.read_plan(), OUT)
print(f"Report: {OUT / 'report.html'}")
