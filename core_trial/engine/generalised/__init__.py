"""Generalised linear mixed models: families, and approximations of their likelihood."""
