"""Cluster-robust covariances, and the regressions that take them."""
