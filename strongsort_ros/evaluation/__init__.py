"""Scores of tracks, and a report that shows them."""
