"""Links: the mean as a function of the linear predictor, with its derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from ..arrays import Array

LinkName = Literal["log", "logit", "identity"]
Derivatives = tuple[Array, Array, Array, Array]


@dataclass(frozen=True)
class Link:
    """eta = link(mu).

    Attributes
    ----------
    of : eta from mu
    inverse : mu and three derivatives of it by eta
    """

    name: LinkName
    of: Callable[[Array], Array]
    inverse: Callable[[Array], Derivatives]

    def mean(self, eta: Array) -> Array:
        return self.inverse(eta)[0]


def _exponential(eta: Array) -> Derivatives:
    mu = np.exp(eta)
    return mu, mu, mu, mu


def _logistic(eta: Array) -> Derivatives:
    p, q = special.expit(eta), special.expit(-eta)
    return p, p * q, p * q * (q - p), p * q * (1 - 6 * p * q)


def _same(eta: Array) -> Derivatives:
    none = np.zeros_like(eta)
    return eta, np.ones_like(eta), none, none


LINKS: Mapping[LinkName, Link] = {
    "log": Link("log", np.log, _exponential),
    "logit": Link("logit", special.logit, _logistic),
    "identity": Link("identity", lambda mu: mu, _same),
}
