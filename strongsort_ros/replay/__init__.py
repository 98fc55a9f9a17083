"""Replay of a bag through the tracker, without ROS, and the results of a playback."""
