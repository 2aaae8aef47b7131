"""Linear mixed models from cross-products of clusters."""
