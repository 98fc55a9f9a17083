"""MOTChallenge and DeepSORT files, images, video and other files, in and out."""
