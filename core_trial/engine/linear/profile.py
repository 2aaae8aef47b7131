"""Deviance of a Gaussian mixed model with its fixed effects and residual variance profiled out, and its derivatives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..arrays import Array
from .crossed import Basis, marginal
from .crossprod import CrossProducts
from .marginal import Derivatives, Marginal


@dataclass(frozen=True)
class Profile:
    """The model y = X beta + error, error of covariance sigma2 V(gamma), at one gamma.

    Attributes
    ----------
    gamma : (r,) elements of the random-effect covariances over sigma2
    marginal : V^-1 between the columns of w = [X y]
    n_rows : n
    reml : whether the likelihood is restricted
    """

    gamma: Array
    marginal: Marginal
    n_rows: int
    reml: bool

    @cached_property
    def _triangle(self) -> Array:
        return np.linalg.cholesky(self.marginal.ww)

    @cached_property
    def _inverse(self) -> Array:
        return np.linalg.inv(self._triangle[:-1, :-1])

    @property
    def df(self) -> int:
        """Rows that the variance is estimated from: n - p by REML, n by ML."""
        return self.n_rows - self.reml * len(self._inverse)

    @property
    def sigma2(self) -> float:
        return float(self._triangle[-1, -1] ** 2 / self.df)

    @cached_property
    def beta(self) -> Array:
        """(p,) generalised least squares."""
        return self._inverse.T @ self._triangle[-1, :-1]

    @cached_property
    def unscaled(self) -> Array:
        """(p, p) (X'V^-1 X)^-1, the covariance of beta over sigma2."""
        return self._inverse.T @ self._inverse

    @cached_property
    def value(self) -> float:
        """Minus twice the log-likelihood, constants included (Bates et al., 2015, equations 34 and 41)."""
        log_det = self.marginal.log_det + self.reml * 2 * float(np.log(np.diagonal(self._triangle)[:-1]).sum())
        return float(log_det + self.df * (1 + np.log(2 * np.pi * self.sigma2)))

    @cached_property
    def residual(self) -> Array:
        """(p + 1, p + 1) weights that turn [X y] into [X, y - X beta]."""
        weights = np.eye(len(self.beta) + 1)
        weights[:-1, -1] = -self.beta
        return weights

    @cached_property
    def likelihood(self) -> Likelihood:
        return Likelihood(self.marginal.derivatives(self.residual), self.unscaled, self.sigma2, self.reml)

    @cached_property
    def with_residual_variance(self) -> Likelihood:
        """The same with a last parameter, the residual variance, whose derivative of V is I = V - sum_r gamma_r V_r."""
        products = self.residual.T @ self.marginal.ww @ self.residual
        extended = _extend(self.likelihood.derivatives, self.gamma, products, self.n_rows)
        return replace(self.likelihood, derivatives=extended)

    @property
    def gradient(self) -> Array:
        """(r,) of the profiled deviance by gamma."""
        return self.likelihood.gradient

    @property
    def hessian(self) -> Array:
        """(r, r) of the profiled deviance by gamma."""
        quadratic = self.likelihood.quadratic
        return self.likelihood.hessian - np.outer(quadratic, quadratic) / self.df


@dataclass(frozen=True)
class Likelihood:
    """Derivatives of the (restricted) deviance of N(X beta, sigma2 V) by parameters in which V is linear.

    Attributes
    ----------
    derivatives : of V between the columns [X e], e = y - X beta
    unscaled : (p, p) (X'V^-1 X)^-1
    sigma2 : residual variance
    reml : whether the likelihood is restricted
    """

    derivatives: Derivatives
    unscaled: Array
    sigma2: float
    reml: bool

    @cached_property
    def quadratic(self) -> Array:
        """(r,) e'V^-1 V_r V^-1 e / sigma2."""
        return self.derivatives.first[:, -1, -1] / self.sigma2

    @cached_property
    def gradient(self) -> Array:
        """(r,) of the deviance."""
        fixed = np.einsum("ab,rab->r", self.unscaled, self.derivatives.first[:, :-1, :-1])
        return np.asarray(self.derivatives.trace - self.reml * fixed - self.quadratic)

    @cached_property
    def traces(self) -> Array:
        """(r, r) tr P V_r P V_s, twice the expected information; P = V^-1 - V^-1 X (X'V^-1 X)^-1 X'V^-1, V^-1 by ML."""
        if not self.reml:
            return self.derivatives.traces
        first = self.derivatives.first[:, :-1, :-1] @ self.unscaled
        second = np.einsum("ab,rsab->rs", self.unscaled, self.derivatives.second[:, :, :-1, :-1])
        return np.asarray(self.derivatives.traces - 2 * second + np.einsum("rab,sba->rs", first, first))

    @property
    def hessian(self) -> Array:
        """(r, r) twice the observed information."""
        cross = self.derivatives.first[:, :-1, -1]
        squared = self.derivatives.second[:, :, -1, -1] - cross @ self.unscaled @ cross.T
        return 2 * squared / self.sigma2 - self.traces


def profile(products: CrossProducts, basis: Basis, gamma: Array, reml: bool) -> Profile:
    """Profile at `gamma`; its attributes raise LinAlgError where V is not positive definite."""
    return Profile(gamma, marginal(products, basis, gamma), products.n_rows, reml)


def _extend(derivatives: Derivatives, gamma: Array, products: Array, n_rows: int) -> Derivatives:
    """Derivatives by (gamma, residual variance), from those by gamma and by a common factor of V."""
    r = len(gamma)
    change = np.eye(r + 1)
    change[r, :r] = -gamma
    first = np.concatenate([derivatives.first, products[None]])
    second = np.empty((r + 1, r + 1, *products.shape))
    second[:r, :r] = derivatives.second
    second[:, r] = second[r, :] = first
    trace = np.append(derivatives.trace, n_rows)
    traces = np.empty((r + 1, r + 1))
    traces[:r, :r] = derivatives.traces
    traces[:, r] = traces[r, :] = trace
    return Derivatives(
        np.einsum("ri,iab->rab", change, first),
        np.einsum("sj,rjab->rsab", change, np.einsum("ri,ijab->rjab", change, second)),
        change @ trace,
        change @ traces @ change.T,
    )
