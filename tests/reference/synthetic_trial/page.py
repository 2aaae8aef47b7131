"""Write docs/agreement.md: this package's tables of the embedded synthetic trial beside R's."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import core_trial as ct

HERE = Path(__file__).parent
EXPECTED = json.loads((HERE / "expected.json").read_text())
PAGE = HERE.parents[2] / "docs" / "agreement.md"
NUMBERS = ["estimate", "std_error", "df", "p_value"]
NAMES = {"satterthwaite": "Satterthwaite", "kenward-roger": "Kenward-Roger"}
PROGRAMS = {
    "satisfaction": {"satterthwaite": "lmerTest", "kenward-roger": "lmerTest, pbkrtest"},
    "fidelity": {"satterthwaite": "lmerTest", "kenward-roger": "lmerTest, pbkrtest"},
    "repeated": dict.fromkeys(NAMES, "nlme::gls, n by n matrices in R"),
}
MODELS = {
    "satisfaction": "csq8_total ~ intervention + csq8_total_baseline + trust + (1 | team)",
    "fidelity": "fidelity ~ month_12:intervention + month_6 + month_12 + trust + (1 | team)",
    "repeated": "fidelity ~ month_6 + month_12 + month_12:intervention",
}
TITLES = {
    "satisfaction": "Satisfaction: `ct.lmm`, the plan's primary analysis",
    "fidelity": "Fidelity at three reviews: `ct.lmm`",
    "repeated": "Fidelity at three reviews: `ct.mmrm`, unstructured covariance",
}


class Comparison(NamedTuple):
    """One model by one method: the tables of both, in the same order of coefficients, and the log-likelihoods."""

    model: str
    ddf: str
    ours: pd.DataFrame
    theirs: pd.DataFrame
    loglik: tuple[float, float]

    @property
    def difference(self) -> float:
        """The largest relative difference of an estimate, standard error, degrees of freedom or p value."""
        return float(np.max(np.abs(self.ours[NUMBERS] / self.theirs[NUMBERS] - 1)))


def comparisons() -> Iterator[Comparison]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ct.TrialWarning)
        trial = ct.simulate_trial()
    patients, panel = trial.frame("patients"), trial.frame("panel")
    fits: dict[str, Any] = {
        "satisfaction": lambda ddf: ct.lmm(MODELS["satisfaction"], patients, ddf=ddf),
        "fidelity": lambda ddf: ct.lmm(MODELS["fidelity"], panel, ddf=ddf),
        "repeated": lambda ddf: ct.mmrm(MODELS["repeated"], panel, subject="team", visit="timepoint", ddf=ddf),
    }
    for model, fit_by in fits.items():
        for ddf in NAMES:
            fit, expected = fit_by(ddf), EXPECTED[model]
            theirs = pd.DataFrame(expected["tables"][ddf])
            ours = (
                fit.tidy().set_index("term").loc[[_our_name(term, fit.terms) for term in theirs["term"]]].reset_index()
            )
            yield Comparison(model, ddf, ours, theirs, (fit.glance()["loglik"].iloc[0], expected["loglik"]))


def _our_name(term: str, terms: tuple[str, ...]) -> str:
    """R's `trustTrust 02` is `trust[T.Trust 02]` here, and the parts of an interaction may change places."""
    spellings = {name.replace("[T.", "").removesuffix("]"): name for name in terms}
    return spellings[term] if term in spellings else spellings[":".join(reversed(term.split(":")))]


def page() -> str:
    lines = [(HERE / "agreement_opening.md").read_text()]
    for comparison in comparisons():
        if comparison.ddf == "satterthwaite":
            lines.append(f"## {TITLES[comparison.model]}\n\n    {MODELS[comparison.model]}\n")
            lines.append("Restricted log-likelihood {:.7f} here, {:.7f} in R.\n".format(*comparison.loglik))
        lines.append(_table(comparison))
    return "\n".join(lines)


def _table(comparison: Comparison) -> str:
    """Both programs' rows, coefficient under coefficient; trusts are compared, but not printed."""
    program = PROGRAMS[comparison.model][comparison.ddf]
    rows = [f"| {NAMES[comparison.ddf]} | program | estimate | std. error | df | p |", "|---|---|---:|---:|---:|---:|"]
    for (_, ours), (_, theirs) in zip(comparison.ours.iterrows(), comparison.theirs.iterrows(), strict=True):
        if not ours["term"].startswith("trust"):
            rows.append(f"| {ours['term']} | core_trial | {_numbers(ours)} |")
            rows.append(f"| | {program} | {_numbers(theirs)} |")
    exponent = max(np.ceil(np.log10(comparison.difference)), -9)
    return "\n".join(rows) + f"\n\nLargest relative difference over all coefficients: below 1e{exponent:.0f}.\n"


def _numbers(row: pd.Series) -> str:
    return " | ".join(f"{row[name]:#.6g}" for name in NUMBERS)


if __name__ == "__main__":
    PAGE.write_text(page())
