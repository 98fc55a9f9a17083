"""A recorded bag through the tracker, in step, and its results."""
