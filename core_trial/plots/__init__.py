"""Figures of a trial. Each function takes a tidy frame and returns a `Plot`: the figure and the data behind it."""

from .forest import forest
from .plot import Plot
from .trajectory import trajectory

__all__ = ["Plot", "forest", "trajectory"]
