"""Files: MOTChallenge text, DeepSORT .npy, sequences, rosbag2 and videos, in and out."""
