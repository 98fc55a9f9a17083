"""ROS messages as bytes, read in place: no ROS, no objects for every nested field."""
