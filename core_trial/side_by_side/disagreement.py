"""Whether analyses of one outcome agree, in sentences, and if not why."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

SAME = 0.02
"""Estimates that differ by less than this share of a standard error are the same."""
FAR = 0.5
"""Estimates that differ by more than this share of a standard error are not close."""


def verdict(table: pd.DataFrame, conf_level: float, informative: float | None) -> tuple[str, ...]:
    """Sentences on the analyses of `Comparison.table` that estimate what the pre-specified one (or the first) does.

    `informative` is the p value of the test of informative cluster size, if there is one.
    """
    known = table[table["p_value"].notna()]
    if known.empty:
        return ("No analysis could be carried out: see the notes.",)
    planned = known[known["prespecified"]] if known["prespecified"].any() else known
    base = planned.iloc[0]
    alike = known[known["measure"] == base["measure"]]
    sentences = [_range(alike, base), *_sides(alike, base, 1 - conf_level), *_far(alike, base, informative)]
    return (*sentences, *_missing(table))


def _missing(table: pd.DataFrame) -> Iterator[str]:
    """On the analyses that failed, and those of too few clusters for a standard error."""
    failed = table["estimate"].isna()
    for what, rows in (("Not carried out", failed), ("Without a p value", table["p_value"].isna() & ~failed)):
        if rows.any():
            yield f"{what}: {', '.join(table['label'][rows])}; the notes say why."


def _range(alike: pd.DataFrame, base: pd.Series) -> str:
    low, high = alike["estimate"].min(), alike["estimate"].max()
    p = f"p {_p(alike['p_value'].min())} to {_p(alike['p_value'].max())}"
    analyses = f"{len(alike)} analyses give" if len(alike) > 1 else "1 analysis gives"
    article = "an" if base["measure"].startswith("odds") else "a"
    return f"{analyses} {article} {base['measure']}: {low:.2f} to {high:.2f}, {p}."


def _sides(alike: pd.DataFrame, base: pd.Series, alpha: float) -> Iterator[str]:
    """On which side of alpha the analyses stand, and for those that cross it why."""
    found = alike["p_value"] < alpha
    across = alike[found != (base["p_value"] < alpha)]
    side = "below" if base["p_value"] < alpha else "above"
    if across.empty:
        yield f"All stand {side} {alpha:.2g}."
        return
    yield f"{base['label']} stands {side} {alpha:.2g}, p {_p(base['p_value'])}; {len(across)} of {len(alike)} do not."
    reasons = across.apply(lambda row: _reason(row, base), axis=1)
    for reason, rows in across.groupby(reasons, sort=False):
        named = ", ".join(f"{row['label']} (p {_p(row['p_value'])})" for _, row in rows.iterrows())
        yield f"{named}: {reason}."


def _reason(row: pd.Series, base: pd.Series) -> str:
    if row["adjusted"] != base["adjusted"]:
        return f"adjusted for {row['adjusted'] or 'nothing'}"
    if _gap(row, base) < SAME:
        return "the same estimate with another small-sample method"
    if not _shared(row["effect"], base["effect"]):
        return f"another estimand, a {row['effect']} effect"
    if not _shared(row["average"], base["average"]):
        return f"another estimand where cluster size is informative, the average {_over(row['average'])}"
    return "another model of the same estimand"


def _shared(a: str, b: str) -> bool:
    return not set(a.split(" or ")).isdisjoint(b.split(" or "))


def _over(average: str) -> str:
    return average if average == "between the two" else f"over {average.replace(' or ', 's or ')}s"


def _far(alike: pd.DataFrame, base: pd.Series, informative: float | None) -> Iterator[str]:
    """Estimates that are far from the first though adjusted alike, and what the test of informative size says."""
    same = alike[alike["adjusted"] == base["adjusted"]]
    far = same[same.apply(lambda row: _gap(row, base) > FAR, axis=1)]
    for average, rows in far.groupby("average", sort=False):
        analyses = "1 analysis that averages" if len(rows) == 1 else f"{len(rows)} analyses that average"
        between = f"{rows['estimate'].min():.2f} to {rows['estimate'].max():.2f}"
        yield f"More than half a standard error away: {analyses} {_over(str(average))} ({between})."
    if len(far) and informative is not None:
        yield (
            f"The effect averaged over participants and over clusters differs with p {_p(informative)} (test of"
            " informative cluster size, which has little power with few clusters)."
        )


def _gap(row: pd.Series, base: pd.Series) -> float:
    """The distance of two estimates in standard errors of the first, on the scale on which they are normal."""
    estimates = np.array([row["estimate"], base["estimate"]], float)
    difference = np.diff(np.log(estimates) if base["ratio"] else estimates)[0]
    return float(abs(difference) / base["std_error"])


def _p(p: float) -> str:
    """As journals print: .034, or below .001."""
    return "below .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")
