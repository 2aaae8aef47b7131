"""Write data.csv: synthetic rows of 25 teams of unequal size, 15 of them intervention, in no order."""

from pathlib import Path

import numpy as np
import pandas as pd

rng = np.random.default_rng(20140611)
size = rng.integers(3, 18, 25)
team = np.repeat(np.arange(25), size)
arm = (rng.permutation(25) < 15).astype(int)[team]
effect = rng.normal(0, 0.35, 25)[team]
n = len(team)
age, years = rng.normal(45, 12, n).round(), rng.uniform(0.2, 2, n).round(3)
visit = np.concatenate([np.arange(k) for k in size])
eta = 0.1 - 0.4 * arm + 0.015 * (age - 45) + effect
data = pd.DataFrame(
    {
        "team": np.array([f"t{i:02d}" for i in range(25)])[team],
        "visit": visit,
        "ward": np.where(visit % 3 == 0, "a", "b"),
        "arm": arm,
        "age": age,
        "years": years,
        "times": rng.integers(1, 4, n),
        "score": (20 + 3 * eta + rng.normal(0, 2, n)).round(2),
        "readmitted": rng.binomial(1, 1 / (1 + np.exp(0.6 - eta))),
        "days": rng.poisson(rng.gamma(2, years * np.exp(1 + eta) / 2)),
    }
)
data.iloc[rng.permutation(n)].to_csv(Path(__file__).with_name("data.csv"), index=False)
