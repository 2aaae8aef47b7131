"""`python -m core_trial`: the command line."""

from .cli import main

main()
