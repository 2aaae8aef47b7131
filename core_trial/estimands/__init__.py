"""Effects on the scale people read, averaged over participants or clusters, from any model; what a model targets."""
