"""The families and links of marginal models, and what their coefficients are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from ..engine.generalised.links import LINKS, LinkName
from ..engine.robust.quasi_likelihood import MeanModel, QuasiName
from ..errors import PlanError

LINKS_OF: Mapping[QuasiName, tuple[LinkName, ...]] = {
    "gaussian": ("identity", "log"),
    "binomial": ("logit", "log", "identity"),
    "poisson": ("log", "identity"),
    "negative_binomial": ("log", "identity"),
}
COUNTS: tuple[QuasiName, ...] = ("poisson", "negative_binomial")
MEASURES: Mapping[tuple[str, str], str] = {
    ("gaussian", "identity"): "mean difference",
    ("gaussian", "log"): "ratio of means",
    ("binomial", "logit"): "odds ratio",
    ("binomial", "log"): "risk ratio",
    ("binomial", "identity"): "risk difference",
    ("poisson", "log"): "rate ratio",
    ("poisson", "identity"): "rate difference",
    ("negative_binomial", "log"): "rate ratio",
    ("negative_binomial", "identity"): "rate difference",
}


def mean_model(family: QuasiName, link: LinkName | None = None) -> MeanModel:
    """The family with its link, the first of `LINKS_OF` unless given; PlanError for a name that is not there."""
    if family not in get_args(QuasiName):
        raise PlanError(f"family {family!r} is unknown; choose from {', '.join(get_args(QuasiName))}")
    if link is not None and link not in LINKS_OF[family]:
        raise PlanError(f"the {family} family has no link {link!r}; choose from {', '.join(LINKS_OF[family])}")
    return MeanModel(family, LINKS[link or LINKS_OF[family][0]])


def measure(model: MeanModel) -> str:
    return MEASURES[model.name, model.link.name]


def model_words(model: MeanModel) -> str:
    return f"{model.name.replace('_', ' ')} variance and {model.link.name} link"
