"""Write data.csv: synthetic totals of 25 teams, 15 of them intervention, with person-time."""

from pathlib import Path

import numpy as np
import pandas as pd

rng = np.random.default_rng(20140612)
arm = (rng.permutation(25) < 15).astype(int)
years, baseline = rng.uniform(150, 600, 25).round(1), rng.uniform(0.05, 0.2, 25).round(3)
mean = years * baseline * np.exp(-0.2 * arm)
data = pd.DataFrame(
    {
        "team": [f"t{i:02d}" for i in range(25)],
        "arm": arm,
        "years": years,
        "baseline": baseline,
        "admissions": rng.poisson(rng.gamma(6, mean / 6)),
        "even": np.rint(mean).astype(int),
    }
)
data.sample(frac=1, random_state=1).to_csv(Path(__file__).with_name("data.csv"), index=False)
