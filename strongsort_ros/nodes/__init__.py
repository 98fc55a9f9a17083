"""The tracker and the refiner as ROS 2 nodes: messages in, messages out."""
