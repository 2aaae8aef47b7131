"""Variables that are measured again."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray


def draw_repeated(rng: Generator, shape: tuple[int, ...], persistence: float) -> NDArray[np.float64]:
    """Standard normal variables of `shape` (units, occasions, ...) that correlate by `persistence` over occasions."""
    lasting = rng.standard_normal((shape[0], 1, *shape[2:]))
    passing = rng.standard_normal(shape)
    values: NDArray[np.float64] = np.sqrt(persistence) * lasting + np.sqrt(1 - persistence) * passing
    return values
