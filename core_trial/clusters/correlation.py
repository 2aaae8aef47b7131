"""How alike individuals of a cluster are: the intracluster correlation, and for events the coefficient of variation k.

The model is one-way: y_ij = mean + u_i + e_ij, or with a mean in each group of clusters (`within`), so that the effect
of the intervention does not pass for variation between clusters. rho = var(u) / (var(u) + var(e)); k is the standard
deviation of the clusters' true rates over their mean.
"""

from __future__ import annotations

import pandas as pd

from ..errors import DesignError, PlanError
from . import binary, continuous, counts
from .choices import size_column
from .estimates import BetweenClusterVariation as BetweenClusterVariation
from .estimates import IntraclusterCorrelation as IntraclusterCorrelation
from .estimates import sizes
from .estimation import Choice, Interval, Method, choose
from .observed import Observed, observe
from .summaries import Kind

WORDS = {
    "anova": "analysis of variance",
    "reml": "restricted maximum likelihood",
    "fleiss-cuzick": "the estimator of Fleiss and Cuzick (1979)",
    "moments": "moments of precision-weighted rates",
    "exact": "exact (Wald 1940)",
    "searle": "Searle (1971)",
    "thomas-hultquist": "Thomas and Hultquist (1978)",
    "smith": "large-sample (Smith 1956)",
    "beta-binomial": "inverted Wald (beta-binomial variance)",
    "zou-donner": "inverted Wald (Zou and Donner 2004)",
    "q-profile": "Q-profile (Viechtbauer 2007)",
    "bootstrap": "bootstrap (BCa, {} draws of clusters, seed {})",
}


def icc(
    outcome: str,
    data: pd.DataFrame,
    *,
    cluster: str,
    within: str | None = None,
    kind: Kind = "mean",
    denominator: str | None = None,
    person_time: str | None = None,
    method: Method | None = None,
    interval: Interval | None = None,
    conf_level: float = 0.95,
    replicates: int = 1999,
    seed: int | None = None,
) -> IntraclusterCorrelation:
    """The intracluster correlation of a continuous outcome or a proportion, or the k of a rate.

    Parameters
    ----------
    outcome : column of values (mean), 0 and 1 or successes (proportion), or events (rate); rows without one are left
        out and counted in the notes
    data : a row an individual; of proportions and rates also a row a cluster
    cluster : column of the clusters
    within : column that is constant within clusters, such as the arm: the correlation is pooled within its values. A
        trial's needs it, or the effect of the intervention is counted as variation between clusters
    kind : "mean", "proportion" or "rate"
    denominator : how many individuals a row of successes stands for (proportion); one if not given
    person_time : time at risk of a row (rate)
    method : of a mean "anova", unbiased variance components, negative values possible (Donner 1986, Int Stat Rev
        54:67), or "reml", from `core_trial.lmm`, never negative; of a proportion "anova", or "fleiss-cuzick" (1979,
        Appl Psychol Meas 3:537), which is some 10 % lower at 25 clusters; of a rate "moments"
    interval : of a mean "exact" (Wald 1940, Ann Math Stat 11:96) holds for normal outcomes at any cluster sizes;
        "searle" (1971, Linear Models: n0 for the common size) and "thomas-hultquist" (1978, Ann Stat 6:582: unweighted
        cluster means, harmonic mean size) approximate it in closed form and equal it when the sizes are equal; "smith"
        (1956, Ann Hum Genet 21:363) takes the large-sample standard error. Ukoumunne (2002, Stat Med 21:3757) compares
        the last three.
        Of a proportion "beta-binomial" inverts a Wald test of the Fleiss-Cuzick estimate with its variance in a
        beta-binomial distribution; "zou-donner" does so in the common-correlation model of Zou and Donner (2004,
        Biometrics 60), which is much wider; "smith" as above.
        Of a rate "q-profile": see `core_trial.clusters.counts`.
        "bootstrap", of all but REML: clusters drawn within the values of `within`, `replicates` times (BCa)
    conf_level : of the interval
    replicates, seed : of the bootstrap

    Returns
    -------
    An `IntraclusterCorrelation`; of a rate a `BetweenClusterVariation`, whose `tidy()` has a row for k and one for the
    correlation of counts. A model's correlations, on its latent scale too, are those of `core_trial.model_icc`.

    Notes
    -----
    Coverage of 95 % intervals, simulated at 25 clusters in arms of 15 and 10, sizes with a coefficient of variation of
    0 to 0.8 (400 to 600 data sets each):

    - normal outcomes, correlations of 0 to 0.3: "exact" 93 to 96 %, "searle" 90 to 96, "smith" 90 to 94
    - proportions of 5 and 30 %, beta-binomial with correlations of 0 to 0.3 in clusters of 20: "beta-binomial" 95 to
      99 %, wide where events are rare; "zou-donner" 96 to 100, "smith" 51 to 96
    - rates with gamma-distributed clusters, k of 0 to 1, 5 or 40 events a cluster: "q-profile" 91 to 99 %; where the
      clusters' rates are lognormal with k = 1 about 80
    - the bootstrap: 85 to 90 %, and 77 for rare events; its intervals are too short with so few clusters

    Raises
    ------
    PlanError : an unknown column or option, a bootstrap without seed
    DataError : a missing cluster, an outcome that is not a number, counts that are none, person-time that is not
        positive
    DesignError : no more clusters than groups, no cluster of two individuals, `within` varying within a cluster
    FitError : outcomes that do not vary within clusters, no events, nothing but events

    Examples
    --------
    >>> import core_trial as ct, pandas as pd
    >>> people = pd.DataFrame({"team": list("aaabbbccc"), "score": [1, 2, 3, 3, 4, 5, 2, 3, 4]})
    >>> ct.icc("score", people, cluster="team").tidy().round(3).loc[0, ["estimate", "conf_low", "conf_high"]].tolist()
    [0.4, -0.243, 0.975]
    >>> teams = pd.DataFrame({"team": list("abcde"), "events": [9, 31, 14, 22, 40], "years": [80, 95, 70, 110, 90]})
    >>> k = ct.icc("events", teams, cluster="team", kind="rate", person_time="years")
    >>> k.tidy().round(2)[["estimate", "conf_low", "conf_high", "design_effect"]].to_numpy().tolist()
    [[0.46, 0.21, 1.44, 5.96], [0.83, 0.51, 0.98, 5.96]]
    """
    choice = choose(kind, method, interval, conf_level, replicates, seed)
    size = size_column(kind, denominator, person_time)
    if kind == "mean" and size:
        raise PlanError("a mean takes rows of individuals: a denominator is for kind='proportion'")
    observed = observe(outcome, data, cluster, within, kind, size)
    words = _in_words(choice, observed)
    if kind == "rate":
        return _of_events(observed, choice, words)
    return _of_individuals(observed, choice, words)


def _of_individuals(observed: Observed, choice: Choice, words: str) -> IntraclusterCorrelation:
    nobs = int(observed.rows["size"].sum())
    if observed.df < 1 or nobs == observed.n_clusters:
        raise DesignError(
            f"{nobs} values of {observed.outcome!r} in {observed.n_clusters} clusters and {observed.n_groups} groups: "
            "a correlation needs more clusters than groups, and a cluster with two values"
        )
    if observed.kind == "mean":
        anova = continuous.one_way(observed.rows, observed.outcome)
        found = continuous.correlation(observed.rows, anova, choice)
    else:
        anova = binary.one_way(observed.rows)
        found = binary.correlation(anova, choice)
    notes = (*observed.notes, *found.pop("notes", ()), *_negative(found["estimate"]))
    return IntraclusterCorrelation(
        **found, **sizes(anova.size), conf_level=choice.conf_level, nobs=nobs, method=words, notes=notes
    )


def _of_events(observed: Observed, choice: Choice, words: str) -> BetweenClusterVariation:
    rows = observed.rows
    if observed.df < 1:
        raise DesignError(
            f"{observed.n_clusters} clusters in {observed.n_groups} groups: k needs more clusters than groups"
        )
    rates = counts.gather(rows)
    found = counts.variation(rates, choice)
    return BetweenClusterVariation(
        **found,
        **sizes(rates.time),
        conf_level=choice.conf_level,
        nobs=len(rows),
        row_events=float(rows["value"].mean()),
        method=words,
        notes=(*observed.notes, *_zero(found["estimate"])),
    )


def _negative(rho: float) -> tuple[str, ...]:
    return ("negative estimate: the clusters differ no more than chance would make them",) if rho < 0 else ()


def _zero(k: float) -> tuple[str, ...]:
    return ("k is zero: the clusters' rates differ no more than Poisson counts would",) if k == 0 else ()


def _in_words(choice: Choice, observed: Observed) -> str:
    what = "Coefficient of variation between clusters (k)" if observed.kind == "rate" else "Intracluster correlation"
    pooled = f", pooled within {observed.within}" if observed.within else ""
    interval = WORDS[choice.interval].format(choice.replicates, choice.seed)
    return f"{what} by {WORDS[choice.method]}{pooled}, with the {interval} interval"
