"""The tracker as a ROS 2 node: messages in, messages out."""
