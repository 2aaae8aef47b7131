"""What each model targets, and what is said where that is not the estimand."""

import warnings

import numpy as np
import pandas as pd
import pytest

import core_trial as ct
from core_trial.errors import TrialWarning

SIZES = np.array([4, 7, 5, 9, 6, 8, 3, 5, 7, 4, 6, 9])


def people(sizes):
    rng = np.random.default_rng(1)
    team = np.repeat(np.arange(len(sizes)), sizes)
    rows = pd.DataFrame({"team": team, "arm": team % 2, "years": rng.uniform(1, 2, len(team))})
    shift = rng.normal(0, 1, len(sizes))[team]
    return rows.assign(
        score=rng.normal(5 + shift),
        relapse=rng.binomial(1, 0.5 + 0.4 * np.tanh(shift)),
        visits=rng.poisson(2 * np.exp(0.5 * shift)),
        weight=1 / sizes[team],
    )


UNEQUAL, EQUAL = people(SIZES), people(np.full(12, 6))


def regression(rows, family="binomial", outcome="relapse", **options):
    return ct.cluster_robust(f"{outcome} ~ arm", rows, cluster="team", family=family, **options)


def logistic(rows):
    return ct.glmm("relapse ~ arm + (1 | team)", rows, family="binomial")


def log_linear(rows):
    return ct.glmm("visits ~ arm + (1 | team)", rows, family="poisson")


def summaries(rows, weights):
    return ct.cluster_level("score", rows, cluster="team", arm="arm", weights=weights)


def estimating(rows, correlation):
    return ct.gee("relapse ~ arm", rows, cluster="team", family="binomial", correlation=correlation)


def standardised(rows, average, augmented):
    return ct.marginal_effect(
        logistic(rows), "arm", average=average, augmented=augmented, refit=logistic if augmented else None
    )


MISSES = {
    "linear mixed": (lambda: ct.lmm("score ~ arm + (1 | team)", UNEQUAL), {"participant", "cluster"}, set()),
    "linear mixed, equal sizes": (lambda: ct.lmm("score ~ arm + (1 | team)", EQUAL), set(), set()),
    "logistic mixed": (lambda: logistic(UNEQUAL), {"participant", "cluster"}, {"marginal"}),
    "Poisson mixed": (lambda: log_linear(UNEQUAL), {"participant", "cluster"}, set()),
    "logistic": (lambda: regression(UNEQUAL), {"cluster"}, {"cluster-specific"}),
    "least squares": (lambda: regression(UNEQUAL, "gaussian", "score"), {"cluster"}, set()),
    "clusters weighted alike": (
        lambda: regression(UNEQUAL, "gaussian", "score", weights="weight"), {"participant"}, set()),
    "negative binomial": (
        lambda: regression(UNEQUAL, "negative_binomial", "visits"), {"participant", "cluster"}, set()),
    "exchangeable": (lambda: estimating(UNEQUAL, "exchangeable"), {"participant", "cluster"}, {"cluster-specific"}),
    "independence": (lambda: estimating(UNEQUAL, "independence"), {"cluster"}, {"cluster-specific"}),
    "summaries": (lambda: summaries(UNEQUAL, "none"), {"participant"}, set()),
    "summaries by size": (lambda: summaries(UNEQUAL, "size"), {"cluster"}, set()),
    "summaries by precision": (
        lambda: summaries(UNEQUAL, "inverse-variance"), {"participant", "cluster"}, set()),
    "standardised": (
        lambda: standardised(UNEQUAL, "cluster", False), {"participant", "cluster"}, {"cluster-specific"}),
    "standardised over participants": (
        lambda: ct.marginal_effect(regression(UNEQUAL), "arm"), {"cluster"}, {"cluster-specific"}),
    "augmented": (lambda: standardised(UNEQUAL, "cluster", True), {"participant"}, {"cluster-specific"}),
}  # fmt: skip


@pytest.mark.parametrize("case", MISSES)
def test_what_is_missed(case):
    make, averages, effects = MISSES[case]
    fit = make()
    for average in ("participant", "cluster"):
        for effect in ("marginal", "cluster-specific"):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                notes = ct.check_target(fit, average=average, effect=effect)
            assert len(notes) == (average in averages) + (effect in effects)
            assert [str(warning.message) for warning in caught] == list(notes)
            assert all(warning.category is TrialWarning for warning in caught)


def test_the_note_says_what_to_do():
    with pytest.warns(TrialWarning, match="the estimand is") as caught:
        ct.check_target(logistic(UNEQUAL), average="participant", effect="marginal")
    assert [str(warning.message) for warning in caught] == [
        "the estimand is an average over participants, and a generalised mixed model weights clusters between the two,"
        " which differ where cluster size is informative (Kahan et al. 2023): test it by informative_size, or use"
        " marginal_effect with augmented=True",
        "the estimand is a marginal effect, and that of a generalised mixed model is cluster-specific: use"
        " marginal_effect",
    ]
