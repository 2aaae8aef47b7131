"""Families of outcomes: density, link, and what a search for their parameters begins with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, NamedTuple, get_args

import numpy as np
from scipy import special

from ...errors import PlanError
from ..arrays import Array
from .densities import (
    BetaBinomial,
    BinomialLogit,
    BinomialMean,
    NegativeBinomial1,
    NegativeBinomial2,
    PoissonLog,
    PoissonMean,
)
from .density import Density, Repeated, Rows
from .inflated import ZeroInflated
from .links import LINKS, Link, LinkName

FamilyName = Literal["poisson", "binomial", "negative_binomial", "nb1", "beta_binomial"]
Evaluate = Callable[[Array, tuple[Array, ...], Rows], Density]
Draw = Callable[[np.random.Generator, Array, Array, Array], Array]


class Parameter(NamedTuple):
    """A parameter beside the linear predictor, by a transformation that may take any value.

    Attributes
    ----------
    name : as it is reported
    start : where the search begins
    of : the parameter itself, from its transformation
    end : the value (infinite or zero) at which the family is the simpler one
    """

    name: str
    start: float
    of: Callable[[float], float]
    end: float


@dataclass(frozen=True)
class Family:
    """A family of distributions with its link.

    Attributes
    ----------
    name, words : the name that users give, and what it is
    link : of the mean of a row, or for proportions of the mean of one trial
    evaluate : density from eta, the other parameters and the outcomes
    parameters : those other than eta
    proportions : whether the outcome is out of a number of trials
    draw : outcomes from a generator, means, the other parameters themselves, and trials
    limit : the name of the simpler family that its parameter can run off to
    """

    name: str
    words: str
    link: Link
    evaluate: Evaluate
    parameters: tuple[Parameter, ...]
    proportions: bool
    draw: Draw
    limit: FamilyName | None = None

    def at(self, eta: Array, parameters: tuple[Array, ...], rows: Rows) -> Density:
        density = self.evaluate(eta, parameters, rows)
        return density if rows.weights is None else Repeated(density, rows.weights)

    def constant(self, rows: Rows) -> float:
        """What log-likelihoods have beside `Density.value`."""
        y, m = rows.y, rows.trials
        each = -special.gammaln(y + 1)
        if self.proportions:
            each = each + special.gammaln(m + 1) - special.gammaln(m - y + 1)
        return float(np.sum(each if rows.weights is None else rows.weights * each))

    def guess(self, rows: Rows) -> Array:
        """(n,) linear predictors near the outcomes."""
        share = (rows.y + 0.5) / (rows.trials + 1) if self.proportions else rows.y + 0.5
        return np.asarray(self.link.of(share))

    @property
    def unbounded(self) -> bool:
        """Whether any linear predictor gives a possible mean."""
        return self.link.name == ("logit" if self.proportions else "log")

    @property
    def inflated(self) -> bool:
        return any(parameter.name == INFLATION.name for parameter in self.parameters)


def _theta(name: str, start: float, end: float) -> Parameter:
    return Parameter(name, np.log(start), lambda value: float(np.exp(value)), end)


THETA, ALPHA, PRECISION = _theta("theta", 5.0, np.inf), _theta("alpha", 0.5, 0.0), _theta("precision", 10.0, np.inf)
INFLATION = Parameter("zero_inflation", -2.0, lambda value: float(special.expit(value)), 0.0)


def _poisson(rng: np.random.Generator, mean: Array, _: Array, __: Array) -> Array:
    return rng.poisson(mean).astype(float)


def _nb2(rng: np.random.Generator, mean: Array, parameters: Array, _: Array) -> Array:
    return np.asarray(rng.poisson(rng.gamma(parameters[0], mean / parameters[0])), float)


def _nb1(rng: np.random.Generator, mean: Array, parameters: Array, _: Array) -> Array:
    return np.asarray(rng.poisson(rng.gamma(mean / parameters[0], parameters[0])), float)


def _binomial(rng: np.random.Generator, mean: Array, _: Array, trials: Array) -> Array:
    return rng.binomial(trials.astype(int), mean).astype(float)


def _beta_binomial(rng: np.random.Generator, mean: Array, parameters: Array, trials: Array) -> Array:
    shares = rng.beta(parameters[0] * mean, parameters[0] * (1 - mean))
    return rng.binomial(trials.astype(int), shares).astype(float)


def _counts(
    name: FamilyName, words: str, evaluate: Evaluate, draw: Draw, parameters: tuple[Parameter, ...] = ()
) -> Family:
    """Counts with a log link; those with a parameter can come to be Poisson."""
    return Family(name, words, LINKS["log"], evaluate, parameters, False, draw, "poisson" if parameters else None)


def _shares(link: LinkName, evaluate: Evaluate) -> Family:
    return Family("binomial", "binomial", LINKS[link], evaluate, (), True, _binomial)


POISSON = _counts("poisson", "Poisson", PoissonLog, _poisson)
FAMILIES: Mapping[str, Sequence[Family]] = {
    "poisson": (
        POISSON,
        replace(POISSON, link=LINKS["identity"], evaluate=partial(PoissonMean, link=LINKS["identity"])),
    ),
    "binomial": (
        _shares("logit", BinomialLogit),
        _shares("log", partial(BinomialMean, link=LINKS["log"])),
        _shares("identity", partial(BinomialMean, link=LINKS["identity"])),
    ),
    "negative_binomial": (
        _counts(
            "negative_binomial", "negative binomial (variance mu + mu^2 / theta)", NegativeBinomial2, _nb2, (THETA,)
        ),
    ),
    "nb1": (_counts("nb1", "negative binomial (variance mu (1 + alpha))", NegativeBinomial1, _nb1, (ALPHA,)),),
    "beta_binomial": (
        replace(
            _shares("logit", partial(BetaBinomial, link=LINKS["logit"])),
            name="beta_binomial",
            words="beta-binomial",
            parameters=(PRECISION,),
            draw=_beta_binomial,
            limit="binomial",
        ),
    ),
}


def find_family(name: str, link: LinkName | None = None, *, zero_inflated: bool = False) -> Family:
    """The family of that name, with its first link unless another is asked for; PlanError lists what there is.

    Examples
    --------
    >>> find_family("binomial", "log").link.name
    'log'
    """
    if name not in get_args(FamilyName):
        raise PlanError(f"family {name!r} is unknown; choose from {', '.join(get_args(FamilyName))}")
    links = [family.link.name for family in FAMILIES[name]]
    if link is not None and link not in links:
        raise PlanError(f"the {name} family has no link {link!r}; choose from {', '.join(links)}")
    family = FAMILIES[name][links.index(link) if link else 0]
    return _inflate(family) if zero_inflated else family


def _inflate(family: Family) -> Family:
    if family.proportions or family.link.name != "log":
        raise PlanError("zero inflation is for counts with a log link: poisson, negative_binomial and nb1")

    def evaluate(eta: Array, parameters: tuple[Array, ...], rows: Rows) -> Density:
        return ZeroInflated(family.evaluate(eta, parameters[:-1], rows), parameters[-1], rows.y == 0)

    def draw(rng: np.random.Generator, mean: Array, parameters: Array, trials: Array) -> Array:
        return np.asarray(family.draw(rng, mean, parameters, trials) * (rng.random(mean.shape) >= parameters[-1]))

    return replace(
        family,
        words=f"zero-inflated {family.words}",
        evaluate=evaluate,
        draw=draw,
        parameters=(*family.parameters, INFLATION),
    )
