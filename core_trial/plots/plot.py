"""What a plotting function returns: a figure at its printed size, and the data behind it."""

from __future__ import annotations

import html
import os
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from ..errors import OutputError, PlanError
from .style import INK, MM, Width, style, width_mm
from .text import LEADING

Format = Literal["png", "svg", "pdf"]


class TrialFigure(Figure):
    """A figure of a size in points that knows what it shows in words, and how to be drawn at another width.

    Positions are points from the top left corner.
    """

    def __init__(
        self, width: float, height: float, *, title: str, alt: str, redraw: Callable[[float], TrialFigure]
    ) -> None:
        super().__init__(figsize=(width / 72, height / 72))
        self.width, self.height = width, height
        self.title, self.alt = title, alt
        self.redraw = redraw

    def write(self, left: float, top: float, text: str, **style: Any) -> Text:
        """Text whose baseline stands `top` points under the upper edge."""
        return self.text(left / self.width, 1 - top / self.height, text, **{"va": "baseline"} | style)

    def write_lines(self, left: float, top: float, lines: Sequence[str], size: float, **style: Any) -> None:
        """Lines of text below each other, the first of them under `top`."""
        for place, line in enumerate(lines, 1):
            self.write(left, top + place * size * LEADING - 0.28 * size, line, fontsize=size, **style)

    def rule(self, left: float, top: float, length: float) -> None:
        """A horizontal line."""
        ends = [left / self.width, (left + length) / self.width]
        height = 1 - top / self.height
        self.add_artist(Line2D(ends, [height, height], color=INK, linewidth=0.6))

    def place_axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes in the given box."""
        box = (left / self.width, 1 - (top + height) / self.height, width / self.width, height / self.height)
        return self.add_axes(box)


class Plot(NamedTuple):
    """A figure and the data behind it.

    Attributes
    ----------
    figure : a matplotlib Figure, drawn for two journal columns; change it as you like, `save` keeps the changes at
        this width
    data : a row for everything that is drawn, and for everything that is left out with the reason
    """

    figure: TrialFigure
    data: pd.DataFrame

    @property
    def alt(self) -> str:
        """What the figure shows, in words, for those who cannot see it."""
        return self.figure.alt

    def save(
        self, stem: str | Path, formats: Format | Sequence[Format] = ("png", "svg", "pdf"), width: Width = "double"
    ) -> list[Path]:
        """Write `<stem>.<format>` for every format, and `<stem>.csv` with the data behind the figure.

        Parameters
        ----------
        stem : path of the files without suffix; missing folders are made
        width : "single" (89 mm), "double" (183 mm) or millimetres

        Returns
        -------
        The files written. The same data give the same bytes; a file is replaced as a whole or not at all.

        Raises
        ------
        PlanError : unknown format or width
        OutputError : a file cannot be written
        """
        return [_write(Path(f"{stem}.{kind}"), content) for kind, content in self.files(formats, width).items()]

    def files(
        self, formats: Format | Sequence[Format] = ("png", "svg", "pdf"), width: Width = "double"
    ) -> dict[str, bytes]:
        """What `save` writes, by suffix: the figure in each format, and `csv` with the data behind it."""
        formats = [formats] if isinstance(formats, str) else formats
        unknown = [kind for kind in formats if kind not in get_args(Format)]
        if unknown:
            raise PlanError(f"no figure format {unknown[0]!r}; there are {', '.join(get_args(Format))}")
        figures = {str(kind): self._render(kind, width) for kind in formats}
        return figures | {"csv": self.data.to_csv(index=False, lineterminator="\n").encode()}

    def svg(self, width: Width = "double") -> str:
        """The figure as an `<svg>` element that can stand in a page, with its title and description."""
        return self._render("svg", width).decode()

    def png(self, dpi: float = 300, width: Width = "double") -> bytes:
        """The figure as a PNG file."""
        return self._render("png", width, dpi)

    def _repr_svg_(self) -> str:
        return self.svg()

    def _render(self, kind: Format, width: Width, dpi: float = 300) -> bytes:
        points = width_mm(width) * MM
        figure = self.figure if points == self.figure.width else self.figure.redraw(points)
        buffer = BytesIO()
        with style():
            figure.savefig(buffer, format=kind, dpi=dpi, metadata=_metadata(kind, figure))
        return _accessible(buffer.getvalue().decode(), figure).encode() if kind == "svg" else buffer.getvalue()


def _metadata(kind: Format, figure: TrialFigure) -> dict[str, str | None]:
    """Title and description, and nothing that changes from run to run."""
    match kind:
        case "png":
            return {"Software": None, "Title": figure.title, "Description": figure.alt}
        case "pdf":
            blank = dict.fromkeys(("CreationDate", "Creator", "Producer"))
            return {**blank, "Title": figure.title, "Subject": figure.alt}
        case "svg":
            return dict.fromkeys(("Date", "Creator", "Format", "Type"))


def _accessible(svg: str, figure: TrialFigure) -> str:
    """The bare element as an image with title and description, styling nothing outside itself."""
    opening, _, body = svg[svg.index("<svg") :].partition(">")
    body = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", body, count=1, flags=re.DOTALL)
    words = f"<title>{html.escape(figure.title)}</title>\n <desc>{html.escape(figure.alt)}</desc>"
    return f'{opening} role="img" style="stroke-linejoin: round; stroke-linecap: butt">\n {words}{body}'


def _write(path: Path, content: bytes) -> Path:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}. What stood there is untouched") from error
    finally:
        with suppress(OSError):
            part.unlink()
    return path
