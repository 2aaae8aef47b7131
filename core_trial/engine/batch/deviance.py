"""The profiled deviance of many data sets, each at its own theta, with its derivatives."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..arrays import Array, Codes
from ..linear.random import RandomDesign
from .equations import Equations
from .newton import Points
from .products import BatchProducts
from .traces import traces


@dataclass(frozen=True)
class Slopes:
    """Derivatives of B deviances by gamma (r), the fixed effects profiled out.

    Attributes
    ----------
    gradient : (B, r)
    hessian : (B, r, r)
    quadratic : (B, r) e'V^-1 V_r V^-1 e / sigma2, the mixed derivative by gamma and log sigma2
    trace : (B, r) tr P V_r
    pairs : (B, r, r) tr P V_r P V_s
    """

    gradient: Array
    hessian: Array
    quadratic: Array
    trace: Array
    pairs: Array


@dataclass(frozen=True)
class BatchDeviance:
    """Minus twice the (restricted) log-likelihoods; a call takes theta (b, r) of the data sets `which` (b,)."""

    products: BatchProducts
    random: RandomDesign
    reml: bool

    def of(self, which: Codes) -> BatchDeviance:
        """The deviances of the data sets `which`."""
        return replace(self, products=self.products.take(which))

    def __call__(self, theta: Array, which: Codes) -> Points:
        structure = self.random.structure
        at = self.equations(structure.gamma(theta), which)
        slopes, jacobian = self.slopes(at), structure.jacobian(theta)
        profiled = slopes.hessian - slopes.quadratic[:, None] * slopes.quadratic[..., None] / self.df(at)[:, None, None]
        bent = structure.bend(theta, slopes.gradient)
        gradient = (slopes.gradient[:, None] @ jacobian)[:, 0]
        return Points(self.value(at), gradient, jacobian.mT @ profiled @ jacobian + bent)

    def equations(self, gamma: Array, which: Codes) -> Equations:
        return Equations(self.products.take(which), self.random.basis, gamma)

    def df(self, at: Equations) -> Array:
        """(B,) rows that the variances are estimated from."""
        return np.asarray(at.rows - self.reml * at.beta.shape[1])

    def sigma2(self, at: Equations) -> Array:
        """(B,) residual variances."""
        return np.asarray(at.squares / self.df(at))

    def value(self, at: Equations) -> Array:
        """(B,) constants included (Bates et al., 2015, J Stat Softw 67(1), equations 34 and 41)."""
        return np.asarray(at.log_det(self.reml) + self.df(at) * (1 + np.log(2 * np.pi * self.sigma2(at))))

    def slopes(self, at: Equations) -> Slopes:
        first, second = at.quadratics(at.effects(at.residual))
        sigma2 = self.sigma2(at)[:, None]
        quadratic = first[..., 0] / sigma2
        trace, pairs = traces(at, self.reml)
        hessian = 2 * second[..., 0] / sigma2[..., None] - pairs
        return Slopes(trace - quadratic, hessian, quadratic, trace, pairs)
