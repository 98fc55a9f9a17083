"""Read and write MOTChallenge and DeepSORT files, image sequences, videos and YAML."""
