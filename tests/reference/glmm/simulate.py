"""Write data.csv: a synthetic trial of 25 teams in 5 trusts, 8 rows a team, with outcomes of every kind."""

from pathlib import Path

import numpy as np
import pandas as pd


def main() -> None:
    rng = np.random.default_rng(20240607)
    team = np.repeat(np.arange(25), 8)
    arm, trust, rater = team % 5 < 3, team // 5, rng.integers(0, 8, len(team))
    month = np.tile(np.repeat([0, 6, 12, 18], 2), 25)
    age = rng.normal(40, 12, len(team)).round(1)
    people = rng.integers(20, 200, len(team))
    effects = rng.normal(0, [0.3, 0.5, 0.25], (25, 3))
    eta = 0.3 * arm - 0.02 * month + 0.01 * (age - 40) + effects[trust, 0] + effects[team, 1] + effects[rater, 2]
    mean = 0.05 * people * np.exp(eta)
    share = 1 / (1 + np.exp(0.8 - eta))
    trials = rng.integers(2, 15, len(team))
    pd.DataFrame(
        {
            "team": [f"T{i:02d}" for i in team],
            "trust": [f"U{i}" for i in trust],
            "rater": [f"R{i}" for i in rater],
            "row": np.arange(len(team)),
            "arm": np.where(arm, "intervention", "control"),
            "month": month,
            "age": age,
            "people": people,
            "count": rng.poisson(mean),
            "varied": rng.poisson(rng.gamma(2.5, mean / 2.5)),
            "linear": rng.poisson(rng.gamma(mean / 1.5, 1.5)),
            "zeros": rng.poisson(mean) * (rng.random(len(team)) < 0.7),
            "varied_zeros": rng.poisson(rng.gamma(4, mean / 4)) * (rng.random(len(team)) < 0.75),
            "trials": trials,
            "events": rng.binomial(trials, share),
            "clumped": rng.binomial(trials, rng.beta(6 * share, 6 * (1 - share))),
            "binary": rng.binomial(1, share),
            "rare": rng.binomial(trials, 0.15 * np.exp(0.3 * arm + 0.8 * effects[team, 1])),
        }
    ).to_csv(Path(__file__).with_name("data.csv"), index=False)


if __name__ == "__main__":
    main()
