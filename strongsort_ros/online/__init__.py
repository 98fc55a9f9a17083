"""A stream of messages through the pipeline, live or out of a bag; knows no ROS."""
