"""The synthetic CORE trial: records drawn from a stated truth. No figure in them is a result of the real trial."""

from .folder import write_trial
from .simulate import DEFAULT_SEED, simulate_trial
from .truth import Questionnaire, Truth

__all__ = ["DEFAULT_SEED", "Questionnaire", "Truth", "simulate_trial", "write_trial"]
