from .coding import of_codings as of_codings
from .result import Agreement as Agreement
from .result import of_ratings as of_ratings
