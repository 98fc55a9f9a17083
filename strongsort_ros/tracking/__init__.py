"""The online algorithm: detections in, tracks out; NumPy and SciPy alone."""
