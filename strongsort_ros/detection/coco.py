"""Class names of COCO, for models that do not have them in their file."""

from __future__ import annotations

from typing import Final

_MISSING: Final = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
"""Numbers of COCO's annotation files without a class."""

COCO_80: Final = (
    'person', 'bicycle', 'car', 'motorcycle', 'airplane', 'bus', 'train', 'truck', 'boat',
    'traffic light', 'fire hydrant', 'stop sign', 'parking meter', 'bench', 'bird', 'cat', 'dog',
    'horse', 'sheep', 'cow', 'elephant', 'bear', 'zebra', 'giraffe', 'backpack', 'umbrella',
    'handbag', 'tie', 'suitcase', 'frisbee', 'skis', 'snowboard', 'sports ball', 'kite',
    'baseball bat', 'baseball glove', 'skateboard', 'surfboard', 'tennis racket', 'bottle',
    'wine glass', 'cup', 'fork', 'knife', 'spoon', 'bowl', 'banana', 'apple', 'sandwich', 'orange',
    'broccoli', 'carrot', 'hot dog', 'pizza', 'donut', 'cake', 'chair', 'couch', 'potted plant',
    'bed', 'dining table', 'toilet', 'tv', 'laptop', 'mouse', 'remote', 'keyboard', 'cell phone',
    'microwave', 'oven', 'toaster', 'sink', 'refrigerator', 'book', 'clock', 'vase', 'scissors',
    'teddy bear', 'hair drier', 'toothbrush',
)  # fmt: skip
"""Names of the classes 0 to 79 of YOLO, RT-DETR and others."""

COCO_91: Final = dict(zip((n for n in range(1, 91) if n not in _MISSING), COCO_80, strict=True))
"""Number -> name as in COCO's annotation files, 1 to 90: torchvision, RF-DETR, SSD."""
