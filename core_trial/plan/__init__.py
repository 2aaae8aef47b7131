"""The statistical analysis plan: `plan.toml` read into types; every choice is data and every wrong choice an error.

>>> plan = read_plan()                                   # the plan that ships with the package
>>> plan.outcome("csq8").primary_analysis.id
'csq8.lmm'
"""

from .choices import EngagementChoices as EngagementChoices
from .choices import Plan as Plan
from .kinds import AnyAnalysis as AnyAnalysis
from .outcome import Estimand as Estimand
from .outcome import Outcome as Outcome
from .reading import parse_plan as parse_plan
from .reading import read_plan as read_plan
