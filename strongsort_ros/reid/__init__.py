"""Image and boxes in, embeddings out: networks, weights and the extractors around them."""
