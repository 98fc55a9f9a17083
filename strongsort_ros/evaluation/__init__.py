"""Scores of tracks, and a page that shows them."""
