"""Split lme4 bar terms from a formula."""
