"""Types of the arrays that the engine takes and returns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
"""Real numbers."""

Codes = NDArray[np.intp]
"""Levels or positions, counted from 0."""
