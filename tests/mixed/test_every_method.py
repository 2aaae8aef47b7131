"""Every method of a linear mixed model on every kind of fit: an answer, or a plain refusal."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import core_trial as ct
from core_trial.engine.batch import BatchFits
from core_trial.mixed.fit import LmmFit

pytestmark = pytest.mark.filterwarnings("ignore:boundary fit:core_trial.TrialWarning")

PERIODS = "(0 + C(period) | team)"
KINDS = {
    "intercept": "y ~ arm + (1 | team)",
    "slopes": "y ~ arm + period + (period | team)",
    "uncorrelated": "y ~ arm + period + (period || team)",
    "nested": "y ~ arm + (1 | team/period)",
    "crossed": "y ~ arm + (1 | team) + (1 | site)",
    "diag": f"y ~ arm + diag{PERIODS}",
    "cs": f"y ~ arm + cs{PERIODS}",
    "csh": f"y ~ arm + csh{PERIODS}",
    "ar1": f"y ~ arm + ar1{PERIODS}",
    "ar1h": f"y ~ arm + ar1h{PERIODS}",
    "us": f"y ~ arm + us{PERIODS}",
    "unconstrained": "y ~ arm + (1 | team)",
    "negative": "flat ~ arm + (1 | team)",
    "singular": "flat ~ arm + (1 | team)",
    "dropped": "y ~ arm + twice + (1 | team)",
    "likelihood": "y ~ arm + (1 | team)",
    "streamed": "y ~ arm + (1 | team)",
    "streamed slopes": "y ~ arm + period + (period | team)",
}

Method = Callable[[LmmFit], object]
METHODS: dict[str, Method] = {
    "tidy": lambda fit: fit.tidy(),
    "glance": lambda fit: fit.glance(),
    "test": lambda fit: fit.test("(Intercept), arm"),
    "anova": lambda fit: fit.anova(),
    "marginal means": lambda fit: fit.marginal_means("arm"),
    "marginal differences": lambda fit: fit.marginal_differences("arm"),
    "variance components": lambda fit: fit.variance_components(),
    "ranef": lambda fit: fit.ranef(),
    "compare ddf": lambda fit: fit.compare_ddf("arm"),
    "predict": lambda fit: fit.predict(),
    "predict new": lambda fit: fit.predict(interval="prediction"),
    "predict conditional": lambda fit: fit.predict(conditional=True, interval="prediction"),
    "residuals": lambda fit: fit.residuals("marginal"),
    "conditional residuals": lambda fit: fit.residuals(),
    "pearson residuals": lambda fit: fit.residuals("pearson"),
    "scaled residuals": lambda fit: fit.residuals("scaled"),
    "effect size": lambda fit: fit.effect_size("arm"),
    "effect size within": lambda fit: fit.effect_size("arm", standard="within"),
    "test variances": lambda fit: fit.test_variances(),
    "profile intervals": lambda fit: fit.profile_intervals(conf_level=0.8),
    "variance intervals": lambda fit: fit.variance_intervals(conf_level=0.8),
    "wald variance intervals": lambda fit: fit.variance_intervals(interval="wald"),
    "icc intervals": lambda fit: fit.icc_intervals(conf_level=0.8),
    "wald icc intervals": lambda fit: fit.icc_intervals(interval="wald"),
    "simulate": lambda fit: fit.simulate(3, seed=1),
    "simulate conditional": lambda fit: fit.simulate(3, seed=1, conditional=True),
    "refit": lambda fit: fit.refit(fit.matrices.y + 1).tidy(),
    "refit each": lambda fit: fit.refit_each(np.stack([fit.matrices.y, fit.matrices.y + 1])),
    "bootstrap": lambda fit: fit.bootstrap(9, seed=1).tidy(conf_level=0.5),
    "cluster bootstrap": lambda fit: fit.bootstrap(9, seed=1, kind="clusters").tidy(conf_level=0.5),
    "influence": lambda fit: fit.influence("arm"),
}
ROWS_NEEDED = {
    *("anova", "marginal means", "marginal differences", "predict", "predict new", "predict conditional"),
    *(name for name in METHODS if "residuals" in name or "simulate" in name or name == "effect size"),
    *("refit", "refit each", "bootstrap", "cluster bootstrap", "influence"),
}
REFUSED = {
    **{(kind, name): "fit a data frame" for kind in ("streamed", "streamed slopes") for name in ROWS_NEEDED},
    **{
        (kind, name): "depends on the covariates"
        for kind in ("slopes", "uncorrelated", "streamed slopes")
        for name in ("icc intervals", "wald icc intervals")
    },
    **{(kind, "cluster bootstrap"): "one grouping factor" for kind in ("nested", "crossed")},
    **{
        ("negative", name): "the variance of the clusters is negative"
        for name in (
            *("ranef", "predict new", "predict conditional"),
            *("conditional residuals", "pearson residuals", "simulate conditional"),
        )
    },
}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Eight synthetic teams of nine rows, three a period; `flat` varies less between teams than rows would."""
    rng = np.random.default_rng(6)
    team, period = np.repeat(np.arange(8), 9), np.tile(np.repeat(np.arange(3), 3), 8)
    arm, site = team % 2, np.tile(np.arange(3), 24)
    between = rng.normal(size=8)[team] + rng.normal(size=8)[team] * period + rng.normal(size=(8, 3))[team, period]
    noise = rng.normal(size=72)
    flat = noise - 0.7 * pd.Series(noise).groupby(team).transform("mean") + 0.3 * arm
    frame = pd.DataFrame({"team": [f"t{i}" for i in team], "period": period, "site": site, "arm": arm, "flat": flat})
    return frame.assign(twice=2 * arm, y=between + 0.5 * arm + 0.5 * rng.normal(size=3)[site] + noise)


@pytest.fixture(scope="module")
def fits(rows, tmp_path_factory) -> dict[str, LmmFit]:
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    rows.to_parquet(path)
    options = {
        "unconstrained": {"unconstrained": True},
        "negative": {"unconstrained": True},
        "likelihood": {"reml": False, "ddf": "satterthwaite"},
    }
    sources = {kind: path if kind.startswith("streamed") else rows for kind in KINDS}
    return {kind: ct.lmm(formula, sources[kind], **options.get(kind, {})) for kind, formula in KINDS.items()}


def numbers(answer: object) -> np.ndarray:
    """The numbers of an answer that are there in any case; a method of `compare_ddf` may have none."""
    if isinstance(answer, BatchFits):
        return np.concatenate([np.ravel(value) for value in vars(answer).values()]).astype(float)
    if isinstance(answer, pd.DataFrame):
        kept = answer.loc[answer["note"] == ""] if "note" in answer and "ddf" in answer else answer
        kept = kept.loc[~kept["boundary"].astype(bool)] if "boundary" in kept else kept
        return kept.select_dtypes("number").to_numpy(float)
    return np.asarray(answer, float)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_there_is_an_answer_or_a_refusal(fits, kind, name):
    if message := REFUSED.get((kind, name)):
        with pytest.raises(ct.TrialError, match=message) as refusal:
            METHODS[name](fits[kind])
        assert isinstance(refusal.value, ct.PlanError | ct.DesignError)
        return
    answer = numbers(METHODS[name](fits[kind]))
    if kind == "dropped" and "marginal" in name:
        assert np.isnan(answer).any()  # of one arm, with `twice` at its mean, nothing is known
        return
    allowed = np.isfinite(answer) | (np.isinf(answer) & (name == "compare ddf"))
    assert allowed.all()


def test_the_kinds_are_what_they_say(fits):
    assert fits["negative"].result.covariances[0][0, 0] < 0 < fits["unconstrained"].result.covariances[0][0, 0]
    assert fits["singular"].result.singular
    assert len(fits["dropped"].terms) == 2
    assert "streamed" in fits["streamed"].method


OTHERS = {
    *((kind, name) for kind, name in REFUSED),
    *(("dropped", name) for name in METHODS if "marginal" in name),
    ("streamed", "compare ddf"),  # of which one method needs rows
    *(("unconstrained", name) for name in METHODS if "variance" in name or "bootstrap" in name),
    ("unconstrained", "wald icc intervals"),
    ("unconstrained", "simulate"),
}  # differ, as what they show or draw does


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("kind", ["unconstrained", "dropped", "streamed"])
def test_the_same_model_gives_the_same_answer(fits, kind, name):
    """A positive variance that might be negative, a column that is a multiple, rows read from a file."""
    if (kind, name) not in OTHERS:
        ours, plain = (numbers(METHODS[name](fits[which])) for which in (kind, "intercept"))
        np.testing.assert_allclose(ours, plain, rtol=1e-5, atol=1e-7)
