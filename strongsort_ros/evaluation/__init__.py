"""Scores of tracks by TrackEval, and an HTML report of them."""
