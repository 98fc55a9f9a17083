"""Training of ReID networks: data, sampling, losses, trainer, scores and export."""
