"""Models: frame -> engine -> Fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ..engine.inference import Information
from ..engine.linear.lmm import LmmResult, fit_lmm
from ..engine.linear.patterned import PATTERNS
from ..engine.linear.random import RandomTerm
from ..errors import PlanError
from ..formula.coding import INTERCEPT
from ..formula.frame import ModelFrame
from ..formula.matrices import Matrices, RandomColumns, model_matrices
from ..formula.parse import MixedFormula, parse_formula
from ..formula.parse import unconstrained as free_variance
from .degrees import DEFAULT_INFORMATION, Ddf, small_sample
from .fit import LmmFit
from .summary import lmm_notes, lmm_summary

if TYPE_CHECKING:
    from ..streams.sources import Source


def lmm(
    formula: str,
    data: pd.DataFrame | Source,
    *,
    reml: bool = True,
    ddf: Ddf = "kenward-roger",
    information: Information | None = None,
    unconstrained: bool = False,
) -> LmmFit:
    """Linear mixed model, with small-sample inference for its fixed effects.

    Parameters
    ----------
    formula : of lme4, such as `csq8 ~ arm + csq8_baseline + (1 | team)`. Random terms may be several, nested
        (`(1 | trust/team)`), crossed, with slopes (`(month | team)`) or uncorrelated (`(month || team)`). Columns of
        text are factors with levels in alphabetical order; the rest is formulaic's (`C()`, interactions, functions).
        Effects of the equally spaced periods of clusters may have a covariance of few parameters: first-order
        autoregressive in `ar1(0 + C(month) | team)`; `cs`, compound-symmetric; `ar1h` and `csh`, these with a variance
        a period; `diag`, independent; `us`, any. (glmmTMB's `cs` has a variance a period.)
    data : rows with missing values in a column of the formula are left out and counted in `notes`. A table of any size
        is streamed: the path of a Parquet file or folder, a `ct.Query`, or a DuckDB relation. Memory is then needed for
        the combinations of clusters and categories only; the fit is the same to about 9 digits, but keeps no rows, so
        that residuals, predictions, marginal means and between-within degrees of freedom need a data frame.
    reml : restricted maximum likelihood, or maximum likelihood
    ddf : `kenward-roger` (with adjusted standard errors; REML only), `kenward-roger-2009`, `satterthwaite`,
        `between-within`, `clusters` (less the parameters at their level), `residual`, or `normal` for z tests;
        `fit.compare_ddf()` shows all side by side
    information : `expected` or `observed`, from which the covariance of the variance parameters is taken; by default
        expected for Kenward-Roger, as pbkrtest, and observed for Satterthwaite, as lmerTest
    unconstrained : let the variance of the one random intercept be negative, as the covariance of two rows of a cluster
        may be: the size of tests is right then where the intracluster correlation is small

    `kenward-roger` leaves the second derivatives of the covariance out, which `ar1`, `ar1h` and `csh` have;
    `kenward-roger-2009` takes them in.

    Raises
    ------
    PlanError : the formula or an option is wrong, the outcome is not a number
    DataError : a value is infinite, a column occurs twice, the outcome does not vary
    DesignError : a grouping factor with one level, more effects than the rows can tell apart
    FitError : the likelihood has no maximum that could be found

    Examples
    --------
    >>> data = pd.DataFrame({"team": list("aabbccdd"), "arm": [0, 0, 0, 0, 1, 1, 1, 1], "y": [3, 5, 4, 4, 8, 6, 9, 8]})
    >>> lmm("y ~ arm + (1 | team)", data).tidy().round(2).loc[1, ["estimate", "df"]].tolist()
    [3.75, 2.0]
    """
    parsed = parse_formula(formula)
    if not parsed.bars:
        raise PlanError(f"formula {formula!r} has no random term; add one, such as '(1 | team)'")
    if unconstrained:
        parsed = free_variance(parsed)
    if isinstance(data, pd.DataFrame):
        matrices, result = _from_frame(parsed, data, reml)
        frame = ModelFrame(parsed.fixed, matrices.columns, result.kept, parsed.bars)
    else:
        (matrices, result), frame = _streamed(parsed, data, reml), None
    inference = small_sample(ddf, result, matrices, reml=reml, information=information)
    return LmmFit(
        terms=tuple(matrices.names[i] for i in result.kept),
        estimate=result.estimate,
        covariance=inference.covariance,
        degrees=inference.degrees,
        method=_method(matrices, reml, inference.words),
        notes=lmm_notes(matrices, result, stacklevel=2),
        summary=lmm_summary(matrices, result),
        joint=inference.joint,
        frame=frame,
        result=result,
        matrices=matrices,
        ddf=(ddf, information or DEFAULT_INFORMATION.get(ddf)),
    )


def _from_frame(formula: MixedFormula, data: pd.DataFrame, reml: bool) -> tuple[Matrices, LmmResult]:
    matrices = model_matrices(formula, data)
    return matrices, fit_lmm(matrices.y, matrices.x, [random_term(random) for random in matrices.random], reml=reml)


def _streamed(formula: MixedFormula, source: Source, reml: bool) -> tuple[Matrices, LmmResult]:
    from ..streams.accumulate import stream_lmm  # DuckDB takes longer to load than most models to fit

    return stream_lmm(formula, source, reml=reml)


def random_term(random: RandomColumns) -> RandomTerm:
    """A bar term as the engine takes it."""
    grouping = random.grouping
    return RandomTerm(random.columns, grouping.level, len(grouping.labels), grouping.name, random.structure)


def _method(matrices: Matrices, reml: bool, inference: str) -> str:
    likelihood = "restricted maximum likelihood" if reml else "maximum likelihood"
    random = " and ".join(map(random_words, matrices.random))
    origin = f" streamed from {matrices.source}" if matrices.source else ""
    return f"Linear mixed model fitted by {likelihood} to {matrices.n_rows} rows{origin} with {random}; {inference}"


def random_words(random: RandomColumns) -> str:
    """A bar term in words, for the method."""
    effects = f"random {' and '.join(map(_effect, random.names))}"
    if random.structure in PATTERNS:
        effects = f"{PATTERNS[random.structure].words} random effects of {random.factor}"
    clusters = f"by {random.grouping.name} ({len(random.grouping.labels)} levels)"
    sign = " of a variance that may be negative (compound-symmetric rows)" if random.structure == "any sign" else ""
    return f"{effects} {clusters}{sign}"


def _effect(name: str) -> str:
    return "intercepts" if name == INTERCEPT else f"effects of {name}"
