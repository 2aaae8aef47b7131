"""Write data.csv: 14 teams of up to 6 persons, seen in up to 5 periods. Synthetic; the seed is fixed."""

import numpy as np
import pandas as pd

TEAMS, PERSONS, PERIODS = 14, 6, 5
rng = np.random.default_rng(20)
team, person, period = (index.ravel() for index in np.indices((TEAMS, PERSONS, PERIODS)))
lag = np.abs(np.subtract.outer(np.arange(PERIODS), np.arange(PERIODS)))
decaying = rng.multivariate_normal(np.zeros(PERIODS), 0.8 * 0.7**lag, TEAMS) * np.linspace(0.8, 1.4, PERIODS)
one_person = rng.normal(0, 0.7, (TEAMS, PERSONS))
arm = (period > team % 4).astype(int)
share = rng.normal(size=(TEAMS, PERSONS, PERIODS))
share -= 0.9 * share.mean(axis=(1, 2), keepdims=True)
data = pd.DataFrame(
    {
        "team": [f"T{t + 1:02d}" for t in team],
        "person": [f"T{t + 1:02d}P{p + 1}" for t, p in zip(team, person, strict=True)],
        "period": period,
        "trained": team % 2,
        "arm": arm,
        "score": 5 + 0.5 * arm + 0.1 * period + decaying[team, period] + one_person[team, person],
        "share": share.ravel(),
    }
)
data["score"] += rng.normal(size=len(data))
kept = np.sort(rng.choice(len(data), 340, replace=False))
data.iloc[kept].round(4).to_csv("data.csv", index=False)
