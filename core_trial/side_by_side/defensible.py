"""Which analyses of an outcome a reviewer could ask for, as entries of a plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter

from ..plan import AnyAnalysis

Entry = Mapping[str, Any]

CORRECTIONS = {"cr2": "CR2", "md": "MD", "fg": "FG", "mbn": "MBN", "avg": "average of CR2 and MD"}
WEIGHTS = {"none": "clusters alike", "size": "by size", "inverse-variance": "by inverse variance"}
DDF = {"kenward-roger": "Kenward-Roger", "satterthwaite": "Satterthwaite"}
TOTALS = {"negative_binomial": "Negative binomial", "poisson": "Poisson"}


def of_means() -> Iterator[Entry]:
    for ddf, words in DDF.items():
        yield _entry(f"lmm-{ddf}", f"Mixed model, {words}", "lmm", ddf=ddf)
    yield _entry("lmm-unconstrained", "Mixed model, variance of either sign", "lmm", unconstrained=True)
    yield from _estimating_equations()
    for correction in ("cr2", "cr3"):
        label = f"Least squares, {correction.upper()}"
        yield _entry(f"ols-{correction}", label, "cluster_robust", correction=correction)
    yield from _two_stage()


def of_proportions() -> Iterator[Entry]:
    yield _entry("glmm", "Logistic mixed model", "glmm", ddf="clusters")
    yield from _estimating_equations()
    for correction in ("cr2", "cr3"):
        label = f"Logistic regression, {correction.upper()}"
        yield _entry(f"logistic-{correction}", label, "cluster_robust", correction=correction)
    for model, label, options in (
        ("glmm", "Logistic mixed model", {"ddf": "clusters"}),
        ("gee", f"GEE, exchangeable, {CORRECTIONS['avg']}", {"correction": "avg"}),
    ):
        measure = "risk difference"
        yield _entry(f"{model}-standardised", f"{label}, standardised", model, measure=measure, **options)
    yield from _two_stage()


def of_rates() -> Iterator[Entry]:
    for family, words in TOTALS.items():
        for correction, name in CORRECTIONS.items():
            label, options = f"{words} totals, {name}", {"family": family, "correction": correction}
            yield _entry(f"{family.replace('_', '-')}-{correction}", label, "count_regression", **options)
    yield _entry("glmm", "Poisson mixed model", "glmm", family="poisson", ddf="clusters")
    yield from _two_stage()
    yield _entry("two-stage-taylor", "Two-stage, ratio of arithmetic means", "cluster_level", interval="taylor")


def _estimating_equations() -> Iterator[Entry]:
    for correction, name in CORRECTIONS.items():
        yield _entry(f"gee-{correction}", f"GEE, exchangeable, {name}", "gee", correction=correction)
    independence = {"correlation": "independence", "correction": "avg"}
    yield _entry("gee-independence", f"GEE, independence, {CORRECTIONS['avg']}", "gee", **independence)


def _two_stage() -> Iterator[Entry]:
    for weights, words in WEIGHTS.items():
        identifier = "two-stage" if weights == "none" else f"two-stage-{weights}"
        yield _entry(identifier, f"Two-stage, {words}", "cluster_level", weights=weights)


def _entry(identifier: str, label: str, model: str, **options: Any) -> Entry:
    return {"id": identifier, "label": label, "model": model, **options}


DEFENSIBLE = {"mean": of_means, "proportion": of_proportions, "rate": of_rates}


def defensible(
    kind: str, effect: str, covariates: tuple[str, ...], strata: str | None, frame: str | None = None
) -> list[AnyAnalysis]:
    """The analyses of a kind of outcome; strata are a factor of regressions, and of the second stage of two.

    Two stages compare arms: where the effect is another term, such as an interaction with time, they have no answer.
    """
    adapter: TypeAdapter[AnyAnalysis] = TypeAdapter(AnyAnalysis)
    found = []
    for entry in DEFENSIBLE[kind]():
        two_stage = entry["model"] == "cluster_level"
        if two_stage and ":" in effect:
            continue
        adjusted = covariates if two_stage or strata is None else (*covariates, strata)
        design = {"effect": effect, "covariates": adjusted, "frame": frame} | ({"strata": strata} if two_stage else {})
        found.append(adapter.validate_python({**entry, **design}))
    return found
