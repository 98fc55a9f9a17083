"""Track boxes that are given as arrays, and print the path of each track.

Replace `camera` by your camera, and `detect` by your detector.

    python examples/arrays.py
"""

import cv2
import numpy as np

from strongsort_ros import StrongSORT


def camera():
    """Yield frames in which a red and a blue figure walk past each other."""
    for number in range(40):
        frame = np.full((240, 320, 3), 127, np.uint8)
        frame[60:160, 10 + 6 * number :][:, :40] = (0, 0, 255)
        frame[80:180, 250 - 6 * number :][:, :40] = (255, 0, 0)
        yield frame


def detect(frame):
    """Return the coloured areas as rows of left, top, right, bottom, score, class."""
    mask = (np.ptp(frame, axis=2) > 0).astype(np.uint8)
    boxes = cv2.connectedComponentsWithStats(mask)[2][1:, :4]
    return [(x, y, x + w, y + h, 0.9, 0) for x, y, w, h in boxes if w < 60]


tracker = StrongSORT(frame_rate=30)
paths = {}
for frame in camera():
    tracks = tracker.update(detect(frame), frame)
    for track_id, box in zip(tracks.ids.tolist(), tracks.xyxy.round(), strict=True):
        paths.setdefault(track_id, []).append(box.tolist())

for track_id, boxes in paths.items():
    print(f'track {track_id}: {len(boxes)} boxes from {boxes[0]} to {boxes[-1]}')
