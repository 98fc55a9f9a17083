"""Appearance embeddings of boxes: feature extractors, networks and their weights."""
