"""The look of every figure: one style, journal widths, colours that survive colour blindness and grey print."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

import matplotlib.style

from ..errors import PlanError

Width = Literal["single", "double"] | float
"""Width of a figure: of one journal column, of two, or in millimetres."""

MM = 72 / 25.4
"""Points in a millimetre."""

WIDTHS = {"single": 89.0, "double": 183.0}
"""Journal column widths in millimetres."""

NARROWEST = 50.0

FONT = 7.0
"""Size in points of all text but titles: the smallest that journals print."""

TITLE = 8.0

INK, GREY = "#1a1a1a", "#6b6b6b"

BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
"""Okabe and Ito's colours (https://jfly.uni-koeln.de/color), told apart with any colour vision."""


@dataclass(frozen=True)
class ArmStyle:
    """Colour, marker and line of an arm; `face` is the fill of its marker, so that arms differ in grey too."""

    color: str
    marker: str
    line: str | tuple[float, tuple[float, ...]]
    face: str


_KNOWN_ARMS = ("intervention", "control")
_ARM_STYLES = (
    ArmStyle(BLUE, "o", "-", BLUE),
    ArmStyle(VERMILION, "s", (0, (4, 1.5)), "white"),
    ArmStyle(GREEN, "^", (0, (1, 1)), GREEN),
    ArmStyle(PURPLE, "D", (0, (5, 1, 1, 1)), "white"),
)

STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": FONT,
    "axes.titlesize": TITLE,
    "axes.labelsize": FONT,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": FONT,
    "ytick.labelsize": FONT,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.pad": 2,
    "ytick.major.pad": 2,
    "legend.fontsize": FONT,
    "text.color": INK,
    "text.parse_math": False,
    "figure.dpi": 72,
    "svg.fonttype": "path",
    "svg.hashsalt": "core_trial",
    "pdf.fonttype": 42,
}


def style() -> AbstractContextManager[None]:
    """The style, from matplotlib's defaults: the reader's own settings neither change a figure nor are changed."""
    return matplotlib.style.context(["default", STYLE])


def width_mm(width: Width) -> float:
    """A width in millimetres; PlanError if it is not one."""
    if isinstance(width, str) and width in WIDTHS:
        return WIDTHS[width]
    if isinstance(width, str) or not NARROWEST <= width <= 1000:
        raise PlanError(
            f"width {width!r}: a figure is 'single' (89 mm), 'double' (183 mm) or from {NARROWEST:g} to 1000 mm wide"
        )
    return float(width)


def arm_styles(arms: Iterable[str]) -> dict[str, ArmStyle]:
    """A style for each arm, the same in every figure: intervention, control, then others by name."""
    names = sorted(set(arms), key=lambda arm: (arm not in _KNOWN_ARMS, arm != "intervention", arm))
    if len(names) > len(_ARM_STYLES):
        raise PlanError(f"{len(names)} arms ({', '.join(names)}): a figure tells {len(_ARM_STYLES)} apart")
    return dict(zip(names, _ARM_STYLES, strict=False))
