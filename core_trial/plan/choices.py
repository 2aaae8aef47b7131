"""The whole plan: what holds for every analysis, and the outcomes."""

from __future__ import annotations

import hashlib
from typing import Literal

from pydantic import Field, PrivateAttr, model_validator

from ..errors import PlanError
from .analysis import Strict
from .outcome import Outcome


class TrialChoices(Strict):
    """What holds for every analysis."""

    title: str
    registration: str
    design: str
    cluster: str
    stratum: str
    contrast: str
    conf_level: float = Field(0.95, gt=0.5, lt=1)
    reproduction: Literal["normal"] | None = None
    disclosure: Literal["nhs_hes", "mhsds", "opensafely", "threshold10", "none"] = "nhs_hes"


class EngagementChoices(Strict):
    """How engagement with the programme is set against change; without it the report has no such chapter."""

    using: Literal["rating", "delivered", "sessions", "dose", "months_late"] = "rating"
    draws: int = Field(19_999, ge=99)
    seed: int = Field(ge=0)
    published: bool = False


class Plan(Strict):
    """The whole plan; `sha256` is that of the file it was read from, `text` its content."""

    trial: TrialChoices
    engagement: EngagementChoices | None = None
    outcomes: tuple[Outcome, ...] = Field(alias="outcome", min_length=1)
    _text: str = PrivateAttr("")

    @model_validator(mode="after")
    def _check(self) -> Plan:
        for what, ids in (
            ("outcome", [outcome.id for outcome in self.outcomes]),
            ("analysis", [analysis.id for outcome in self.outcomes for analysis in outcome.analyses]),
        ):
            twice = sorted({name for name in ids if ids.count(name) > 1})
            if twice:
                raise ValueError(f"{what} id {twice[0]!r} stands twice")
        return self

    @property
    def text(self) -> str:
        return self._text

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self._text.encode()).hexdigest()

    def outcome(self, name: str) -> Outcome:
        """The outcome of that id."""
        for outcome in self.outcomes:
            if outcome.id == name:
                return outcome
        raise PlanError(f"no outcome {name!r} in the plan; it has {', '.join(o.id for o in self.outcomes)}")
