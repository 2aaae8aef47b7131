"""Engagement and change, team by team: rank associations, differences and their permutation inference."""
