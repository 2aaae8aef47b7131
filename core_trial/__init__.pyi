from . import plots as plots
from .data.dictionary import read_dictionary as read_dictionary
