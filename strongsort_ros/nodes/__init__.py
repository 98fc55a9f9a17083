"""The tracker and the refiner as ROS 2 nodes: messages in, messages out."""

import os

# A compressed image of a few kilobytes can say that it has a thousand million pixels. OpenCV reads
# its limit once, when it is loaded; a camera with more pixels can be given more.
os.environ.setdefault('OPENCV_IO_MAX_IMAGE_PIXELS', str(1 << 26))
