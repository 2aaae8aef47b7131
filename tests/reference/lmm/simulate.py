"""Write data.csv: a synthetic trial of 25 teams in 8 trusts, 15 with the intervention, scored at three visits."""

from pathlib import Path

import numpy as np
import pandas as pd


def simulate(seed: int = 20260) -> pd.DataFrame:
    """Persons of unequal teams, each seen at one to three visits by one of six raters."""
    rng = np.random.default_rng(seed)
    persons = rng.integers(3, 13, 25)
    team = np.repeat(np.arange(25), persons)
    visits = rng.random((len(team), 3)) < [1, 0.85, 0.7]
    person, visit = np.nonzero(visits)
    at, rater = team[person], rng.integers(0, 6, len(person))
    intervention, baseline = (np.arange(25) % 5 < 3).astype(int), rng.normal(26, 1.5, 25)
    month, age = 6.0 * visit, rng.normal(40, 12, len(team)).round()[person]
    level, slope = rng.normal(0, 1.2, 25), rng.normal(0, 0.12, 25)
    fixed = 8 + 0.6 * baseline[at] + 1.5 * intervention[at] + 0.05 * month + 0.1 * intervention[at] * month
    random = level[at] + slope[at] * month + rng.normal(0, 0.8, 6)[rater]
    frame = pd.DataFrame(
        {
            "team": [f"T{i:02d}" for i in at],
            "trust": [f"S{i % 8}" for i in at],
            "arm": np.where(intervention[at] == 1, "intervention", "control"),
            "person": [f"P{i:03d}" for i in person],
            "rater": [f"R{i}" for i in rater],
            "month": month,
            "age": age,
            "baseline": baseline[at].round(2),
            "score": (fixed + random + rng.normal(0, 1.5, len(team))[person] + rng.normal(0, 2, len(person))).round(3),
            "noise": rng.normal(0, 1, len(person)).round(3),
        }
    )
    return frame.sample(frac=1, random_state=rng).reset_index(drop=True)


if __name__ == "__main__":
    simulate().to_csv(Path(__file__).parent / "data.csv", index=False)
