"""Every small-sample method side by side, on one fit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from ..engine.inference import Information
from ..errors import DesignError, PlanError
from ..fit import TIDY, Fit
from .degrees import Ddf, SmallSample

Method = tuple[Ddf, Information | None]
METHODS: tuple[Method, ...] = (
    ("kenward-roger", "expected"),
    ("kenward-roger", "observed"),
    ("kenward-roger-2009", "expected"),
    ("satterthwaite", "observed"),
    ("satterthwaite", "expected"),
    ("between-within", None),
    ("clusters", None),
    ("residual", None),
    ("normal", None),
)


@dataclass(frozen=True, kw_only=True)
class MixedFit(Fit):
    """A fit whose inference can be made by every small-sample method; `ddf` is its own."""

    ddf: Method

    def compare_ddf(self, term: str | None = None, *, conf_level: float = 0.95) -> pd.DataFrame:
        """Every small-sample method side by side: `ddf information`, the columns of `tidy()`, `chosen note`.

        A row a method and coefficient, or only the coefficient `term`; `chosen` marks the method of this fit. `note`
        says why a method does not apply; it has no numbers then.
        """
        if term is not None and term not in self.terms:
            raise PlanError(f"no coefficient {term!r}; the fit has {', '.join(self.terms)}")
        tables = [self._tidied(method, conf_level).assign(chosen=method == self.ddf) for method in METHODS]
        table = pd.concat(tables, ignore_index=True)[["ddf", "information", *TIDY, "chosen", "note"]]
        return table if term is None else table[table["term"] == term].reset_index(drop=True)

    def _tidied(self, method: Method, conf_level: float) -> pd.DataFrame:
        try:
            found = self._small_sample(*method)
        except (PlanError, DesignError) as error:
            table, note = pd.DataFrame({"term": self.terms}).reindex(columns=TIDY), str(error)
        else:
            other = replace(self, covariance=found.covariance, degrees=found.degrees, joint=found.joint)
            table, note = other.tidy(conf_level=conf_level), ""
        return table.assign(ddf=method[0], information=method[1] or "", note=note)

    def _small_sample(self, ddf: Ddf, information: Information | None) -> SmallSample:
        raise NotImplementedError
