"""The synthetic CORE trial: records drawn from a stated truth. No figure in them is a result of the real trial."""
