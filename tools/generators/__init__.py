"""Generators of files that are made from the tables of settings."""
