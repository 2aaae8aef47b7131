"""What every reader must know of a fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..engine.arrays import Codes


def without_coefficient(names: Sequence[str], kept: Codes) -> Iterator[str]:
    """A note of the columns that are not `kept`, if there are any."""
    dropped = [name for i, name in enumerate(names) if i not in kept]
    if dropped:
        yield f"no coefficient for {', '.join(dropped)}: a linear combination of the columns before it"
