"""Two-stage least squares over teams with one instrument, and its interval by randomisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .linking.allocations import Contrast, Resampling, invert, p_value
from .team_regression import degrees_of_freedom, held_columns, regress

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Stages:
    """Columns over teams: `outcome`, `dose` and `offer` (n,), and those `held` fixed (n, p)."""

    outcome: Array
    dose: Array
    offer: Array
    held: pd.DataFrame

    @classmethod
    def of(cls, teams: pd.DataFrame, outcome: str, strata: bool) -> Stages:
        held = held_columns(teams, [f"{outcome}_baseline"], strata=strata)
        y, dose, offer = (teams[name].to_numpy("float64") for name in (outcome, "dose", "intervention"))
        return cls(y, dose, offer, held)

    @property
    def df(self) -> int:
        """Teams less coefficients of a stage."""
        return degrees_of_freedom(self.held.assign(offer=self.offer).to_numpy("float64"))

    def two_stage(self, *, robust: bool) -> tuple[float, float]:
        """Estimate and standard error of the dose: with one instrument, the ratio of the two effects of the offer."""
        held = self.held.to_numpy("float64")
        instruments, regressors = np.column_stack([held, self.offer]), np.column_stack([held, self.dose])
        bread = np.linalg.inv(instruments.T @ regressors)
        estimate = bread @ (instruments.T @ self.outcome)
        squares = (self.outcome - regressors @ estimate) ** 2
        squares = squares if robust else np.full_like(squares, squares.mean())
        meat = (instruments * squares[:, None]).T @ instruments * len(squares) / self.df
        return float(estimate[-1]), float(np.sqrt((bread @ meat @ bread.T)[-1, -1]))

    def rows(self, conf_level: float) -> pd.DataFrame:
        """Effects of the offer on the dose and on the outcome, with the F of the first."""
        columns = self.held.assign(offer=self.offer)
        dose, outcome = (regress(each, columns).row("offer", conf_level) for each in (self.dose, self.outcome))
        f = [dose["statistic"] ** 2, np.nan]
        return pd.DataFrame([{"term": "dose", **dose}, {"term": "outcome", **outcome}]).assign(f=f)

    def randomisation(self, stratum: pd.Series, conf_level: float, resampling: Resampling) -> pd.DataFrame:
        """The effects that arrangements of the offer within strata do not reject."""
        contrast = Contrast(self.held.to_numpy("float64"))
        arranged = resampling.arrange(self.offer, pd.factorize(stratum)[0])
        observed = [float(contrast.of(self.offer[None], column)[0]) for column in (self.outcome, self.dose)]
        outcome, dose = (contrast.of(arranged.rows, column) for column in (self.outcome, self.dose))
        low, high = invert((observed[0], observed[1]), outcome, dose, conf_level)
        p = p_value(outcome, observed[0])
        row = (observed[0] / observed[1], p, low, high, len(outcome), arranged.exact, arranged.p_error(p))
        names = ["estimate", "p_value", "conf_low", "conf_high", "arrangements", "exact", "p_error"]
        return pd.DataFrame([row], columns=names)
