"""Synthetic admissions and readmissions of 25 teams, four periods each."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def visits() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    team, period = np.repeat(np.arange(25), 4), np.tile(np.arange(4), 25)
    arm, people = team % 5 < 3, rng.integers(60, 400, 100)
    effect = rng.normal(0, 0.4, 25)[team]
    mean = people * 0.1 * np.exp(0.4 * arm - 0.05 * period + effect)
    share = 1 / (1 + np.exp(1.0 - 0.5 * arm - effect))
    admitted = rng.poisson(mean) + 1
    return pd.DataFrame(
        {
            "team": [f"T{i:02d}" for i in team],
            "arm": np.where(arm, "intervention", "control"),
            "period": period,
            "people": people,
            "count": rng.poisson(mean),
            "varied": rng.poisson(rng.gamma(4, mean / 4)),
            "admitted": admitted,
            "readmitted": rng.binomial(admitted, share),
            "clumped": rng.binomial(admitted, rng.beta(5 * share, 5 * (1 - share))),
            "yes": rng.binomial(1, share),
            "slight": rng.poisson(rng.gamma(60, 8 * np.exp(effect) / 60)),
            "even": rng.binomial(60, 0.5 / (1 + np.exp(-2 * effect))),
        }
    )
