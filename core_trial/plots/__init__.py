"""Figures of a trial. Each function takes a tidy frame and returns a `Plot`: the figure and the data behind it."""

from .forest import forest
from .heat_map import heat_map
from .plot import Plot
from .trajectory import trajectory
from .xy_plot import xy_plot

__all__ = ["Plot", "forest", "heat_map", "trajectory", "xy_plot"]
