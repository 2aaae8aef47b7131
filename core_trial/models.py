"""Models: frame -> engine -> Fit."""
