"""Track `supervision.Detections`, draw ids and paths with its annotators, and write a video.

Needs `pip install supervision`. Replace `detect` by your detector, such as
`sv.Detections.from_ultralytics(model(frame)[0])`, and `camera` by
`sv.get_video_frames_generator('input.mp4')`.

    python examples/supervision_loop.py output.mp4
"""

import sys

import numpy as np
import supervision as sv

from strongsort_ros import DeepSORTTracker, ReIDModel

SIZE = (320, 240)


def camera():
    """Yield frames with a red and a blue figure."""
    for number in range(40):
        frame = np.full((SIZE[1], SIZE[0], 3), 127, np.uint8)
        for (left, top, right, bottom), colour in zip(boxes(number), (1, 0), strict=True):
            frame[top:bottom, left:right] = (255 * (1 - colour), 0, 255 * colour)
        yield frame


def boxes(number):
    """Return the boxes of the two figures in a frame."""
    return [
        (10 + 3 * number, 20, 50 + 3 * number, 100),
        (250 - 3 * number, 120, 290 - 3 * number, 200),
    ]


def detect(number):
    """Return what a detector would find."""
    xyxy = np.array(boxes(number), dtype=np.float32)
    return sv.Detections(xyxy, confidence=np.array([0.9, 0.8]), class_id=np.array([0, 0]))


# Colour histograms; a network: ReIDModel.from_weights('osnet_x0_25.pth')
tracker = DeepSORTTracker(ReIDModel.from_weights('colour'), frame_rate=30, preset='robust')
box, label, trace = sv.BoxAnnotator(), sv.LabelAnnotator(), sv.TraceAnnotator()
seen = set()
with sv.VideoSink(sys.argv[1], sv.VideoInfo(*SIZE, fps=30)) as video:
    for number, frame in enumerate(camera()):
        detections = tracker.update(detect(number), frame)
        detections = detections[detections.tracker_id != -1]
        seen.update(detections.tracker_id.tolist())
        drawn = trace.annotate(box.annotate(frame, detections), detections)
        labels = [f'#{track_id}' for track_id in detections.tracker_id]
        video.write_frame(label.annotate(drawn, detections, labels))

print(f'tracks {sorted(seen)}: {sys.argv[1]}')
