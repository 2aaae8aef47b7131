"""Statistical disclosure control of counts of people: small ones are withheld, and what would give them away.

Counts of teams and trusts, and estimates of models with their intervals, are not counts of people and stay as they are
(NHS England, Hospital Episode Statistics analysis guide).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ..errors import PlanError
from .cells import SUPPRESSED
from .suppression import Place, complete, places, with_totals

TOTAL = "total"


@dataclass(frozen=True)
class Disclosure:
    """Rules for counts of people.

    Attributes
    ----------
    name : of the preset
    threshold : the largest count that is withheld; None withholds nothing
    zeros : whether a zero is withheld like a small count
    rounding : counts that are shown are rounded to a multiple of this; None leaves them exact
    source : whose rules they are
    """

    name: str
    threshold: int | None
    zeros: bool
    rounding: int | None
    source: str

    def withholds(self, count: int) -> bool:
        """Whether a count is too small to be shown."""
        return self.threshold is not None and count <= self.threshold and (count > 0 or self.zeros)

    @property
    def fewest_shown(self) -> int:
        """The smallest count that may be shown."""
        return 0 if self.threshold is None else self.threshold + 1

    def allows_summary(self, n: int) -> bool:
        """Whether a mean, a median or a spread of n people may be shown."""
        return self.threshold is None or n > self.threshold

    def shown(self, count: int) -> int | str:
        """A count that stands alone, in no table with totals, as it may be shown."""
        return SUPPRESSED if self.withholds(count) else self._round(count)

    def protect(self, counts: pd.DataFrame, table: str = "") -> Protected:
        """Withhold small counts, and others so that none can be got back from the rest and the totals.

        Parameters
        ----------
        counts : categories by groups, without totals: disjoint, so that they add up
        table : its name in the list of what was done

        Returns
        -------
        The counts with a row and a column `total`; "*" where one is withheld.

        >>> counts = pd.DataFrame({"intervention": [120, 99, 6], "control": [81, 66, 3]}, index=["f", "m", "other"])
        >>> print(Disclosure.preset("nhs_hes").protect(counts).frame)
              intervention control total
        f              120      81   201
        m                *       *   165
        other            *       *     9
        total          225     150   375
        """
        whole = with_totals(counts.to_numpy(dtype="int64"))
        small = {place for place in places(whole) if self.withholds(int(whole[place]))}
        hidden = complete(whole, small, lowest=0 if self.zeros else 1)
        cells = np.vectorize(self._round, otypes=[object])(whole)
        for place in hidden:
            cells[place] = SUPPRESSED
        shown = pd.DataFrame(cells, [*counts.index, TOTAL], [*counts.columns, TOTAL], dtype=object)
        return Protected(shown, tuple(self._actions(shown, small, hidden, table)))

    @classmethod
    def preset(cls, name: str, *, rounding: int | None = None) -> Disclosure:
        """The rules of this name, with their rounding replaced if given; PlanError lists the names."""
        if name not in PRESETS:
            raise PlanError(f"no disclosure rules called {name!r}; choose one of {', '.join(PRESETS)}")
        return replace(PRESETS[name], rounding=rounding) if rounding else PRESETS[name]

    def _round(self, count: int) -> int:
        return int(count) if self.rounding is None else math.floor(count / self.rounding + 0.5) * self.rounding

    def _actions(
        self, shown: pd.DataFrame, small: set[Place], hidden: set[Place], table: str
    ) -> Iterator[dict[str, str]]:
        for row, column in sorted(hidden):
            reason = "small" if (row, column) in small else "would give a small count away"
            cell = {"row": str(shown.index[row]), "column": str(shown.columns[column])}
            yield {"table": table, **cell, "action": f"withheld: {reason}"}
        if self.rounding is not None:
            yield {"table": table, "row": "all", "column": "all", "action": f"rounded to a multiple of {self.rounding}"}


@dataclass(frozen=True)
class Protected:
    """Counts that may be shown, and what was done to which, without the values, for an output checker."""

    frame: pd.DataFrame
    actions: tuple[dict[str, str], ...]

    def percent(self) -> pd.DataFrame:
        """Each count in per cent of its column's total, both as they are shown; "*" where one of them is withheld."""
        columns = {name: [_percent(count, column[TOTAL]) for count in column] for name, column in self.frame.items()}
        return pd.DataFrame(columns, self.frame.index, dtype=object)


PRESETS = {
    rules.name: rules
    for rules in (
        Disclosure("nhs_hes", 7, False, None, "NHS England, Hospital Episode Statistics: 1 to 7 withheld"),
        Disclosure("mhsds", 4, True, 5, "NHS England, Mental Health Services Data Set: 0 to 4 withheld, nearest 5"),
        Disclosure("opensafely", 7, True, 5, "OpenSAFELY: 7 and fewer withheld, nearest 5"),
        Disclosure("threshold10", 9, True, None, "Fewer than 10 withheld"),
        Disclosure("none", None, False, None, "Nothing withheld: for use inside the trial unit"),
    )
}
"""`nhs_hes` leaves the counts that are shown exact, as CONSORT asks of a trial's report, and withholds more of them
instead; `Disclosure.preset("nhs_hes", rounding=5)` rounds them, as is asked of publications from that data set."""


def _percent(count: Any, total: Any) -> Any:
    if SUPPRESSED in (count, total):
        return SUPPRESSED
    return 100 * count / total if total else math.nan
