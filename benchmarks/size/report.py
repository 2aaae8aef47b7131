"""Show what `study.py` and `fay_graubard.py` found: `README.md`, and a figure, `size.png`, beside this file.

python benchmarks/size/report.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from designs import CONTROL, ICCS, INTERVENTION, KINDS, MEAN_SIZE, PREVALENCE, RATE, SIZE_CVS

matplotlib.use("Agg")
from matplotlib import pyplot as plt

HERE = Path(__file__).parent
NOMINAL, LOW, HIGH = 0.05, 0.04, 0.06
TITLES = {"mean": "Continuous outcomes", "proportion": "Binary outcomes", "rate": "Counts"}
COLOURS = ("#0072B2", "#E69F00", "#D55E00")


def main() -> None:
    found = pd.read_csv(HERE / "results.csv")
    trials = int(found["trials"].min())
    text = (
        (HERE / "opening.md")
        .read_text()
        .format(
            clusters=INTERVENTION + CONTROL,
            intervention=INTERVENTION,
            size=MEAN_SIZE,
            risk=PREVALENCE,
            rate=RATE,
            trials=trials,
            error=np.sqrt(NOMINAL * (1 - NOMINAL) / trials),
        )
    )
    cells = found.groupby("kind")[["icc", "size_cv"]].value_counts().groupby("kind").size()
    kinds = [kind for kind in KINDS if cells.get(kind, 0) == len(ICCS) * len(SIZE_CVS)]
    waiting = [f"{TITLES[kind]}: not all cells have been run.\n" for kind in KINDS if kind not in kinds]
    parts = [text, *(f"## {TITLES[kind]}\n\n{table(found[found['kind'] == kind])}\n" for kind in kinds)]
    (HERE / "README.md").write_text("\n".join([*parts, *waiting, (HERE / "fay_graubard.md").read_text()]))
    draw(found, kinds)


def table(found: pd.DataFrame) -> str:
    """A row an analysis: the size over cells without and with variation between clusters."""
    margin = 2 * np.sqrt(NOMINAL * (1 - NOMINAL) / found["trials"])
    outside = (found["size"] < LOW - margin) | (found["size"] > HIGH + margin)
    lines = [
        "| analysis | ICC 0 | low | high | outside | coverage | SE | no answer |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for _, rows in found.assign(outside=outside).groupby("analysis", sort=False):
        null, rest = rows[rows["icc"] == 0], rows[rows["icc"] > 0]
        worst = rest["se_ratio"].iloc[np.argmax(np.abs(np.log(rest["se_ratio"])))] if len(rest) else np.nan
        sizes = (null["size"].mean(), rest["size"].min(), rest["size"].max())
        cells = [
            rows["label"].iloc[0],
            *(f"{each:.3f}" for each in sizes),
            f"{int(rest['outside'].sum())} of {len(rest)}",
        ]
        cells += [f"{rest['coverage'].min():.3f}", f"{worst:.2f}", f"{int(rows['failed'].sum())}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(found: pd.DataFrame, kinds: list[str]) -> None:
    """A panel a kind of outcome, a row an analysis, a mark a cell."""
    counts = [found.loc[found["kind"] == kind, "analysis"].nunique() for kind in kinds]
    figure, axes = plt.subplots(
        len(kinds), 1, figsize=(7.2, 0.22 * sum(counts) + 1.6), height_ratios=counts, sharex=True, squeeze=False
    )
    for kind, axis in zip(kinds, axes[:, 0], strict=True):
        rows = found[found["kind"] == kind]
        labels = rows.drop_duplicates("analysis")["label"].tolist()
        axis.axvspan(LOW, HIGH, color="0.92")
        axis.axvline(NOMINAL, color="0.4", linewidth=0.8)
        for cv, colour, shift in zip(SIZE_CVS, COLOURS, (-0.2, 0, 0.2), strict=True):
            for icc, marker in zip(sorted(rows["icc"].unique()), "xosD", strict=False):
                cell = rows[(rows["size_cv"] == cv) & (rows["icc"] == icc)]
                place = [labels.index(label) + shift for label in cell["label"]]
                name = f"CV {cv:g}, ICC {icc:g}"
                axis.plot(cell["size"], place, marker, color=colour, markersize=3, markerfacecolor="none", label=name)
        axis.set_yticks(range(len(labels)), labels, fontsize=7)
        axis.invert_yaxis()
        axis.set_title(TITLES[kind], fontsize=8, loc="left")
        axis.tick_params(axis="x", labelsize=7)
    axes[-1, 0].set_xlabel("Type I error of a 5 % test", fontsize=8)
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, ncols=3, fontsize=6, loc="outside lower center", frameon=False)
    figure.set_layout_engine("constrained")
    figure.savefig(HERE / "size.png", dpi=200)


if __name__ == "__main__":
    main()
