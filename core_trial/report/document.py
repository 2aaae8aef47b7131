"""A report as data: sections of blocks, without a word on how it looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from .tables import Table


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of text."""

    text: str


@dataclass(frozen=True)
class FigureBlock:
    """A figure: SVG for the page, PNG for Word, its caption, and what it shows in words for those who cannot see it."""

    id: str
    svg: str
    png: bytes
    caption: str
    alt: str

    @property
    def anchor(self) -> str:
        return f"figure-{self.id}"


@dataclass(frozen=True)
class Notes:
    """A list of remarks that each stand alone."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Definitions:
    """Terms and what they are: `(("Clusters", "25 teams"), ...)`."""

    items: tuple[tuple[str, str], ...]


Block = Paragraph | Table | FigureBlock | Notes | Definitions


@dataclass(frozen=True)
class Section:
    """A chapter. `environment` marks the one that tells the machine and the software, which may differ in a re-run."""

    id: str
    title: str
    blocks: tuple[Block, ...]
    environment: bool = False

    @property
    def wide(self) -> bool:
        """Whether it is printed on pages that lie on their side, for the sake of a wide table."""
        return any(isinstance(block, Table) and block.wide for block in self.blocks)


@dataclass(frozen=True)
class Document:
    """A report. `banner` stands over everything, on every page that is printed: SYNTHETIC DATA, say; empty for none."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    banner: str = ""

    def __post_init__(self) -> None:
        repeated = [name for name, count in Counter(self._anchors()).items() if count > 1]
        if repeated:
            raise ValueError(f"two parts of the document are called {repeated[0]!r}; ids must differ")

    def blocks(self) -> Iterator[Block]:
        """Every block, in the order of the document."""
        for section in self.sections:
            yield from section.blocks

    def numbers(self) -> dict[str, str]:
        """Anchor of each table and figure -> "Table 1", "Figure 1", in the order of the document."""
        return {
            block.anchor: f"{word} {place}"
            for kind, word in ((Table, "Table"), (FigureBlock, "Figure"))
            for place, block in enumerate((block for block in self.blocks() if isinstance(block, kind)), 1)
        }

    def _anchors(self) -> Iterator[str]:
        for section in self.sections:
            yield section.id
            yield from (block.anchor for block in section.blocks if isinstance(block, Table | FigureBlock))
