"""Inputs with known truth: walkers, and a drawn scene of them."""
