"""Models for repeated measures, by pattern of visits."""
