"""Recorded tracks made whole, after the drive."""
