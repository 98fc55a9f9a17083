"""Recorded tracks made whole: AFLink and GSI."""
