"""Simulated input with ground truth: walkers, and a drawn scene of them."""
