"""Tables of the random effects of a fit: names of the terms, variances, conditional modes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from ..engine.arrays import Array
from ..formula.matrices import RandomColumns

COMPONENTS = ["group", "term", "other", "covariance", "correlation"]
"""Columns of `variance_components`."""

ComponentRow = tuple[str, str, str, float, float]


def group_names(random: Sequence[RandomColumns]) -> list[str]:
    """The grouping factor of each random term, the second of one name with `.1` and so on."""
    names = [term.grouping.name for term in random]
    seen = [names[:i].count(name) for i, name in enumerate(names)]
    return [f"{name}.{count}" if count else name for name, count in zip(names, seen, strict=True)]


def component_rows(random: Sequence[RandomColumns], covariances: Sequence[Array]) -> list[ComponentRow]:
    """Rows of `variance_components`, of each random term in turn."""
    blocks = zip(group_names(random), random, covariances, strict=True)
    return [row for group, term, covariance in blocks for row in covariance_rows(group, term.names, covariance)]


def covariance_rows(group: str, names: Sequence[str], covariance: Array) -> Iterator[ComponentRow]:
    """The variances, then the covariances."""
    places = [(i, i) for i in range(len(names))] + list(combinations(range(len(names)), 2))
    for i, j in places:
        scale = float(np.sqrt(covariance[i, i] * covariance[j, j]))
        correlation = float(covariance[i, j]) / scale if scale else np.nan
        yield group, names[i], names[j], float(covariance[i, j]), 1.0 if i == j else correlation


def effects_table(random: Sequence[RandomColumns], **values: Sequence[Array]) -> pd.DataFrame:
    """A row an effect: `group level term`, and a column for each of the `values`, (levels, effects) of each term."""
    frames = []
    for place, (group, term) in enumerate(zip(group_names(random), random, strict=True)):
        levels = np.array(term.grouping.labels, dtype=object)
        labels = {
            "group": group,
            "level": np.repeat(levels, len(term.names)),
            "term": list(term.names) * len(levels),
        }
        frames.append(pd.DataFrame(labels | {name: of_terms[place].ravel() for name, of_terms in values.items()}))
    return pd.concat(frames, ignore_index=True)
