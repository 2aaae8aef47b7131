"""Whether analyses of one outcome agree, in sentences, and if not why."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ..wording import number, p_value, sentence

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
    p = " to ".join(dict.fromkeys(map(p_value, (alike["p_value"].min(), alike["p_value"].max()))))
    analyses = f"{len(alike)} analyses give" if len(alike) > 1 else "1 analysis gives"
    article = "an" if base["measure"].startswith("odds") else "a"
    return f"{analyses} {article} {base['measure']} of {_estimates(alike)} (p {p})."


def _sides(alike: pd.DataFrame, base: pd.Series, alpha: float) -> Iterator[str]:
    """On which side of alpha the analyses stand, and for those that cross it why."""
    found = alike["p_value"] < alpha
    across = alike[found != (base["p_value"] < alpha)]
    side = "below" if base["p_value"] < alpha else "above"
    if across.empty:
        yield f"Every p value is {side} {alpha:.2g}." if len(alike) > 1 else f"It is {side} {alpha:.2g}."
        return
    yield f"The p value of {_named(base)} is {side} {alpha:.2g}, and {len(across)} of {len(alike)} are not."
    reasons = across.apply(lambda row: _reason(row, base), axis=1)
    for reason, rows in across.groupby(reasons, sort=False):
        yield f"{sentence(reason)}: {'; '.join(_named(row) for _, row in rows.iterrows())}."


def _reason(row: pd.Series, base: pd.Series) -> str:
    if row["adjusted"] != base["adjusted"]:
        return f"adjusted for {row['adjusted']}" if row["adjusted"] else "not adjusted"
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
        yield f"More than half a standard error away: {analyses} {_over(str(average))} ({_estimates(rows)})."
    if len(far) and informative is not None:
        yield (
            f"Test of informative cluster size, that averages over participants and over clusters differ: p"
            f" {p_value(informative)}; it has little power with few clusters."
        )


def _gap(row: pd.Series, base: pd.Series) -> float:
    """The distance of two estimates in standard errors of the first, on the scale on which they are normal."""
    estimates = np.array([row["estimate"], base["estimate"]], float)
    difference = np.diff(np.log(estimates) if base["ratio"] else estimates)[0]
    return float(abs(difference) / base["std_error"])


def _named(row: pd.Series) -> str:
    return f"{row['label']} ({p_value(row['p_value'])})"


def _estimates(rows: pd.DataFrame) -> str:
    """The least and the largest, or one where they are shown alike."""
    limits = (number(rows["estimate"].min(), 2), number(rows["estimate"].max(), 2))
    return " to ".join(dict.fromkeys(limits))
