"""Do the records keep the data dictionary and the rules of the trial?

Run: python analysis/01_check_records.py [DATA]
"""

import sys
from pathlib import Path

import core_trial as ct

OUT = Path("reports/scripts")

failures = ct.check_trial(sys.argv[1]) if len(sys.argv) > 1 else ct.simulate_trial().checks

OUT.mkdir(parents=True, exist_ok=True)
failures.to_csv(OUT / "checks.csv", index=False)
print(failures.groupby(["severity", "table", "rule"]).size().to_string() if len(failures) else "Every check passed.")
