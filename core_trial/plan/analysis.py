"""What every analysis that a plan names has in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from pydantic import BaseModel, ConfigDict

from ..fit import Fit

if TYPE_CHECKING:
    from .outcome import Outcome


class Strict(BaseModel):
    """A table of the plan: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Analysis(Strict):
    """One analysis of an outcome; `frame` replaces the outcome's frame where it differs."""

    id: str
    label: str
    prespecified: bool = False
    effect: str = "intervention"
    covariates: tuple[str, ...] = ()
    frame: str | None = None

    def fit(self, outcome: Outcome, data: pd.DataFrame, *, cluster: str, large_sample: bool = False) -> Fit:
        """The fitted analysis; `large_sample` takes a normal reference whatever the plan's own is."""
        raise NotImplementedError

    def formula(self, outcome: Outcome, cluster: str) -> str:
        """Outcome on effect, covariates and further terms, with the person-time of a rate as offset."""
        offset = (f"offset(log({outcome.person_time}))",) if outcome.person_time else ()
        return f"{outcome.variable} ~ {' + '.join((self.effect, *self.covariates, *offset, *self.terms(cluster)))}"

    def terms(self, cluster: str) -> tuple[str, ...]:  # noqa: ARG002
        """Terms of the formula that the kind of analysis adds."""
        return ()
