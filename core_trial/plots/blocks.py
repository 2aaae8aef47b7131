"""A figure as blocks under each other, each of a known height in points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .plot import TrialFigure
from .style import FONT, INK, style
from .text import LEADING, wrap

MARGIN = 6.0
"""Points left free around a figure."""


class Block(Protocol):
    """A part of a figure that takes its full width."""

    @property
    def height(self) -> float:
        """Points that it takes."""

    def draw(self, figure: TrialFigure, top: float) -> None:
        """Draw it under `top`, in points from the upper edge."""


def stack(
    blocks: Sequence[Block], width: float, *, title: str, alt: str, redraw: Callable[[float], TrialFigure]
) -> TrialFigure:
    """A figure of these blocks from top to bottom, as high as they need."""
    height = 2 * MARGIN + sum(block.height for block in blocks)
    with style():
        figure = TrialFigure(width, height, title=title, alt=alt, redraw=redraw)
        top = MARGIN
        for block in blocks:
            block.draw(figure, top)
            top += block.height
    return figure


@dataclass(frozen=True)
class Paragraph:
    """Text wrapped to the width of the figure; no text takes no room. `before` and `after` are points left free."""

    text: str
    width: float
    size: float = FONT
    weight: str = "normal"
    color: str = INK
    before: float = 0.0
    after: float = 0.0

    @property
    def lines(self) -> list[str]:
        return wrap(self.text, self.width - 2 * MARGIN, self.size, self.weight) if self.text else []

    @property
    def height(self) -> float:
        return self.before + len(self.lines) * self.size * LEADING + self.after if self.text else 0.0

    def draw(self, figure: TrialFigure, top: float) -> None:
        look: dict[str, Any] = {"weight": self.weight, "color": self.color}
        figure.write_lines(MARGIN, top + self.before, self.lines, self.size, **look)
