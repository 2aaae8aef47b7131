"""Marginal models and regressions whose standard errors allow for clusters, corrected for few of them."""
