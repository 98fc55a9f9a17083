"""HTML report of tracks and their scores."""
