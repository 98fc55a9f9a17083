"""Refinement of recorded tracks: AFLink, interpolation and smoothing."""
