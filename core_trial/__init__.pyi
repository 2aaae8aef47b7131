from .cluster_level import cluster_level as cluster_level
from . import plots as plots
from .data.dictionary import read_dictionary as read_dictionary
from .data.sources.queries import Query as Query
from .data.sources.redcap import Redcap as Redcap
from .data.trial import Trial as Trial
from .data.trial import check_trial as check_trial
from .data.trial import load_trial as load_trial
