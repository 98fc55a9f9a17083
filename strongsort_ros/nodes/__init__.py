"""ROS 2 nodes: tracker, refiner and replayer."""
