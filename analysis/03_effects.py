"""What did the programme change? Every analysis of the plan, or those of the outcomes named.

Run: python analysis/03_effects.py [DATA [OUTCOME ...]]
"""

import sys
from pathlib import Path

import core_trial as ct

OUT = Path("reports/scripts")

trial = ct.load_trial(sys.argv[1]) if len(sys.argv) > 1 else ct.simulate_trial()
plan = ct.read_plan()
results, left_out = ct.analyse(trial, plan, sys.argv[2:] or None)
effects = ct.effects(results, plan)

OUT.mkdir(parents=True, exist_ok=True)
effects.to_csv(OUT / "effects.csv", index=False)
print(effects[["analysis", "estimate", "conf_low", "conf_high", "df", "p_value"]].round(3).to_string(index=False))
print(*(f"{row.analysis}: {row.method}" for row in effects.itertuples()), *left_out, sep="\n")
