"""Options of the two-stage analysis: which go together, and what they are in the words of a methods section."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ..errors import PlanError
from .summaries import Kind, Roles

Weights = Literal["none", "size", "inverse-variance"]
Interval = Literal["log", "taylor"]
Ddf = Literal["clusters", "normal"]

MEASURES: dict[str, tuple[str, ...]] = {
    "mean": ("mean difference",),
    "proportion": ("risk difference", "risk ratio"),
    "rate": ("rate ratio", "rate difference"),
}
"""Effect measures of each kind of outcome, the default first."""


@dataclass(frozen=True)
class Choices:
    """How stage two compares the summaries."""

    measure: str
    weights: Weights
    interval: Interval
    ddf: Ddf

    @property
    def ratio(self) -> bool:
        return self.measure.endswith("ratio")

    @property
    def logarithms(self) -> bool:
        return self.ratio and self.interval == "log"


def choose(kind: Kind, measure: str | None, weights: Weights, interval: Interval, ddf: Ddf) -> Choices:
    """The choices, or a `PlanError` that lists the good ones."""
    check_option("kind", kind, tuple(MEASURES))
    measure = measure or MEASURES[kind][0]
    check_option(f"the measure of a {kind}", measure, MEASURES[kind])
    check_option("weights", weights, get_args(Weights))
    check_option("interval", interval, get_args(Interval))
    check_option("ddf", ddf, get_args(Ddf))
    choices = Choices(measure, weights, interval, ddf)
    if interval == "taylor" and not choices.ratio:
        raise PlanError(f"interval='taylor' is for ratios, and the measure is the {measure}")
    return choices


def check_option(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """PlanError for a value that is not allowed."""
    if value not in allowed:
        raise PlanError(f"{name} is {value!r}; choose one of {', '.join(map(repr, allowed))}")


def size_column(kind: Kind, denominator: str | None, person_time: str | None) -> str | None:
    """The column that an outcome of this kind is divided by, or a `PlanError`."""
    if kind == "rate" and (person_time is None or denominator is not None):
        raise PlanError("a rate needs person_time, the column of the time at risk, and no denominator")
    if kind != "rate" and person_time is not None:
        raise PlanError(f"person_time is for kind='rate'; a {kind} takes a denominator, if rows are clusters")
    return person_time or denominator


def in_words(roles: Roles, choices: Choices, shape: tuple[int, int], cluster_level: int) -> str:
    """One sentence: summaries, measure, adjustment, strata, weights and where the degrees of freedom come from."""
    clusters, coefficients = shape
    parts = [
        f"Two-stage analysis of {clusters} cluster {roles.kind}s (Hayes and Moulton 2017)",
        f"{choices.measure} {_averages(choices)}",
        *_adjustment(roles, choices),
        *([f"stratified by {roles.strata}"] if roles.strata else []),
        _weighting(roles, choices),
        _reference(choices, clusters, coefficients, cluster_level),
    ]
    return ", ".join(parts)


def _averages(choices: Choices) -> str:
    if not choices.ratio:
        return "of arithmetic means"
    return "of geometric means" if choices.logarithms else "of arithmetic means with a Taylor-series standard error"


def _adjustment(roles: Roles, choices: Choices) -> list[str]:
    if not roles.covariates:
        return []
    model = {"mean": "linear", "proportion": "logistic", "rate": "Poisson"}[roles.kind]
    residuals = "ratio" if choices.ratio else "difference"
    return [f"adjusted for {', '.join(roles.covariates)} by {residuals} residuals of a {model} regression"]


def _weighting(roles: Roles, choices: Choices) -> str:
    size = "person-time" if roles.kind == "rate" else "cluster size"
    return {
        "none": "clusters unweighted",
        "size": f"clusters weighted by {size}, with estimated variances",
        "inverse-variance": "clusters weighted by inverse estimated variance",
    }[choices.weights]


def _reference(choices: Choices, clusters: int, coefficients: int, cluster_level: int) -> str:
    if choices.ddf == "normal":
        return "normal reference (large sample)"
    taken = f"{coefficients} for arm and strata" if coefficients > 2 else "2 for the arms"
    if cluster_level:
        taken += f" and {cluster_level} for cluster-level covariates"
    df = clusters - coefficients - cluster_level
    return f"t with {df} degrees of freedom ({clusters} clusters less {taken})"
