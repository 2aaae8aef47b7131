"""Write growth.csv: a synthetic trial of 30 teams, each scored at eight months, with slopes of their own."""

from pathlib import Path

import numpy as np
import pandas as pd


def simulate(seed: int = 7) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    team, month = np.divmod(np.arange(240), 8)
    effects = rng.multivariate_normal([0, 0], [[4, 0.5], [0.5, 0.25]], 30)
    arm = np.where(np.arange(30) % 2, "intervention", "control")
    fixed = 20 + 0.3 * month + 0.25 * month * (arm[team] == "intervention")
    random = effects[team, 0] + effects[team, 1] * month + rng.normal(0, 1, 240)
    data = pd.DataFrame({"team": [f"T{i:02d}" for i in team], "arm": arm[team], "month": month})
    return data.assign(score=(fixed + random).round(3))


if __name__ == "__main__":
    simulate().to_csv(Path(__file__).parent / "growth.csv", index=False)
