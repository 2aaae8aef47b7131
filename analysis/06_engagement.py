"""Did teams that engaged more with the programme change more? Exploratory: the teams are few, and chose to engage.

Run: python analysis/06_engagement.py [DATA]
"""

import sys
from pathlib import Path

import core_trial as ct

OUT = Path("reports/scripts")

trial = ct.load_trial(sys.argv[1]) if len(sys.argv) > 1 else ct.simulate_trial()
choices = ct.read_plan().engagement

linked = ct.mixed_methods.link(trial, using=choices.using, draws=choices.draws, seed=choices.seed)
engagement = ct.mixed_methods.derive_engagement(trial)

OUT.mkdir(parents=True, exist_ok=True)
linked.summary().to_csv(OUT / "engagement.csv")
heat_map = ct.plots.heat_map(engagement.components, trial.panel(), names=ct.team_names(trial))
heat_map.save(OUT / "engagement")
columns = ["label", "teams", "kendall_tau_b", "p_value", "p_adjusted", "slope", "conf_low", "conf_high"]
print(linked.summary()[columns].round(3).to_string(index=False))
print(linked.method, ct.mixed_methods.complier_effect(trial).tidy().round(2).to_string(index=False), sep="\n")
