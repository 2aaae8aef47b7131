"""Nodes and weights of Gauss-Hermite quadrature for integrals over standard normal effects."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from scipy.special import roots_hermitenorm

from ..arrays import Array


@dataclass(frozen=True)
class Nodes:
    """Sum over K nodes of exp(`log_weight`) f(`node`) is the integral of f over (2 pi)^(q/2).

    One node is Laplace's approximation: it stands at zero, with weight 1.

    Attributes
    ----------
    node : (K, q)
    log_weight : (K,) of e^(x'x/2) f, the Gaussian taken out
    """

    node: Array
    log_weight: Array


@lru_cache(maxsize=64)
def gauss_hermite(n: int, size: int) -> Nodes:
    """`n` nodes for each of `size` effects.

    Examples
    --------
    >>> nodes = gauss_hermite(2, 1)
    >>> nodes.node.ravel().tolist()
    [-1.0, 1.0]
    """
    node, weight = roots_hermitenorm(n)
    log_weight = np.log(weight / weight.sum()) + node**2 / 2
    grid = np.array(list(product(range(n), repeat=size)))
    return Nodes(node[grid], log_weight[grid].sum(axis=1))
