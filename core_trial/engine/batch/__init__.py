"""Many fits of a linear mixed model at once: many responses, many allocations of an arm, many draws of clusters.

Every array has the fits on its first axis. Each fit has the numbers that `fit_lmm` would give it.
"""

from .allocations import fit_allocations
from .design import BatchDesign, batch_design
from .fits import BatchFits, joined
from .resampled import fit_resampled
from .responses import fit_responses
from .single import fit_response
from .summary import Question

__all__ = [
    "BatchDesign",
    "BatchFits",
    "Question",
    "batch_design",
    "fit_allocations",
    "fit_resampled",
    "fit_response",
    "fit_responses",
    "joined",
]
