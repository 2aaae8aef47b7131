"""Joint displays: what was measured and what was said, beside each other."""
