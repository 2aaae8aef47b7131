"""Write patients.csv and panel.csv: what the models of the embedded synthetic trial need, for R to read."""

from pathlib import Path

import core_trial as ct

COLUMNS = {
    "patients": ["team", "trust", "intervention", "csq8_total", "csq8_total_baseline"],
    "panel": ["team", "trust", "timepoint", "intervention", "month_6", "month_12", "fidelity"],
}

if __name__ == "__main__":
    trial = ct.simulate_trial()
    for name, columns in COLUMNS.items():
        trial.frame(name)[columns].to_csv(Path(__file__).with_name(f"{name}.csv"), index=False, lineterminator="\n")
