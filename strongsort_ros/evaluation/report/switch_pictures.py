"""Pictures of an identity switch: the last frame of the old track, and the first of the new."""

from __future__ import annotations

from collections.abc import Callable
from itertools import compress, repeat

import numpy as np

from strongsort_ros.evaluation.matching import Switch
from strongsort_ros.evaluation.report.model import Picture
from strongsort_ros.evaluation.scores import ScoredSequence
from strongsort_ros.files.drawing import colour_of, draw_boxes, labels_of, resize
from strongsort_ros.files.labels import BLACK, WHITE, draw_labels
from strongsort_ros.files.motchallenge import PERSON
from strongsort_ros.types import FloatArray, Image

_FULL = (480, 270)  # largest width and height, pixels
_CROP = (300, 300)
_MARGIN = 2.2  # size of the crop, in sizes of the person


def draw_switch(
    switch: Switch, sequence: ScoredSequence, image: Callable[[int], Image | None]
) -> list[Picture]:
    """Return both frames, each in full and around the person; none where an image is missing.

    Parameters
    ----------
    switch
        Identity switch.
    sequence
        Its sequence, with tracks and ground truth.
    image
        Frame number -> (H, W, 3) uint8 BGR, or None.

    """
    pictures = []
    for frame, track, words in (
        (switch.last_frame, switch.old, 'last matched by'),
        (switch.frame, switch.new, 'now matched by'),
    ):
        pixels = image(frame)
        if pixels is None:
            return []
        text = f'frame {frame}: person {switch.person} {words} track {track}'
        full, crop = _draw_frame(pixels, switch, sequence, frame)
        pictures += [Picture.encode(full, f'{text}, full image')]
        pictures += [Picture.encode(crop, f'{text}, enlarged')]
    return pictures


def _draw_frame(
    image: Image, switch: Switch, sequence: ScoredSequence, frame: int
) -> tuple[Image, Image]:
    truth = sequence.ground_truth
    (person,) = truth.tlwh[(truth.frames == frame) & (truth.ids == switch.person)]
    low, high = _crop_corners(person, image.shape[1], image.shape[0])
    tracks = sequence.tracks.at(frame)
    crop_scale = min(_CROP[0] / (high[0] - low[0]), _CROP[1] / (high[1] - low[1]))
    crop = resize(image[low[1] : high[1], low[0] : high[0]], crop_scale)
    full_scale = min(_FULL[0] / image.shape[1], _FULL[1] / image.shape[0], 1)
    full = resize(image, full_scale)
    for drawn, scale, origin in ((full, full_scale, (0, 0)), (crop, crop_scale, low)):
        boxes = (tracks.tlwh - [*origin, 0, 0]) * scale
        colours = [colour_of(identity) for identity in tracks.ids.tolist()]
        concerned = np.isin(tracks.ids, (switch.old, switch.new))
        draw_boxes(drawn, boxes, colours, repeat(1))
        # White on black is visible on every image and is no track's colour.
        true_box = (person - [*origin, 0, 0])[None] * scale
        for colour, line in ((BLACK, 3), (WHITE, 1)):
            draw_boxes(drawn, true_box, [colour], [line])
        draw_boxes(drawn, boxes[concerned], compress(colours, concerned), repeat(2))
        # No class and no score, and the tracks of the switch first: they find a place.
        n = len(tracks)
        labels = labels_of(tracks.ids, boxes, np.full(n, PERSON), np.ones(n), colours)
        first = [*compress(labels, concerned)]
        draw_labels(drawn, first if drawn is full else [*first, *compress(labels, ~concerned)])
    return full, crop


def _crop_corners(
    tlwh: FloatArray, width: int, height: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the (x, y) corners of a square around a box, moved and cut to lie in the image."""
    half = min(max(_MARGIN * float(max(tlwh[2:])), 16), width, height) / 2
    corners = []
    for middle, size in zip((tlwh[:2] + tlwh[2:] / 2).tolist(), (width, height), strict=True):
        low = int(min(max(middle - half, 0), size - 2 * half))
        corners.append((low, low + max(int(2 * half), 1)))
    (left, right), (top, bottom) = corners
    return (left, top), (right, bottom)
