"""Online tracking of detections: the algorithm on NumPy, SciPy and lap alone."""
