"""Draw tracks on images, each id in its own colour."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable
from functools import cache
from itertools import repeat
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from strongsort_ros.files.labels import BLACK, WHITE, Colour, Label, draw_labels
from strongsort_ros.files.motchallenge import PERSON
from strongsort_ros.files.rows import GroundTruth, TrackRows
from strongsort_ros.tracking.tracks import CONFIRMED, LOST, Tracks
from strongsort_ros.types import FloatArray, Image, IntArray

# Step in hue between consecutive ids: with the golden ratio, neighbours differ clearly.
_HUE_STEP = 0.61803398875
_GREY = (128, 128, 128)
# OpenCV's coordinates wrap around beyond 16 bits, the fractional ones included.
_MAX_COORDINATE = 30000.0
_SHIFT: Final = 3  # fractional bits of the coordinates of antialiased lines
_SMOOTHING: Final = 3  # frames on either side over which a trail is averaged
_DASH: Final = 8  # pixels of a dash and of a gap, for lines of one pixel


@cache
def colour_of(identity: int) -> Colour:
    """Return the BGR colour of an id, the same in videos, reports and debug images."""
    red, green, blue = colorsys.hsv_to_rgb(identity * _HUE_STEP % 1, 0.85, 1.0)
    return round(255 * blue), round(255 * green), round(255 * red)


def draw_tracks(
    image: Image,
    tracks: TrackRows,
    frame: int,
    trail: int = 30,
    *,
    labels: bool = True,
    ground_truth: GroundTruth | None = None,
) -> None:
    """Draw the tracks of a recorded frame on its image, in place.

    Parameters
    ----------
    image
        (H, W, 3) uint8 BGR.
    tracks
        Tracks of the recording, sorted by frame.
    frame
        Frame number.
    trail
        Length of the fading path drawn at the middle of the lower edge, frames.
    labels
        Whether to write the frame number, and id, class and score at each box; a MOTChallenge
        text has neither class nor score.
    ground_truth
        True boxes sorted by frame, drawn with dashed white lines; None: none.

    """
    first, here, end = np.searchsorted(tracks.frames, (frame - trail, frame, frame + 1)).tolist()
    now, recent = tracks.select(slice(here, end)), tracks.select(slice(first, end))
    feet = recent.tlwh[:, :2] + recent.tlwh[:, 2:] * (0.5, 1.0)
    line = _line_width(image)
    colours = [colour_of(identity) for identity in now.ids.tolist()]
    for identity, colour in zip(now.ids.tolist(), colours, strict=True):
        of_track = recent.ids == identity
        ages = (frame - recent.frames[of_track]) / max(trail, 1)
        _draw_trail(image, feet[of_track], 1 - ages, colour, line)
    if ground_truth is not None:
        for tlwh in ground_truth.tlwh[ground_truth.rows_of(frame)]:
            _draw_dashed(image, tlwh, line)
    draw_boxes(image, now.tlwh, colours, repeat(line))
    if labels:
        caption = f'frame {frame}' + ('' if ground_truth is None else ', dashed: ground truth')
        texts = labels_of(now.ids, now.tlwh, now.class_ids, now.scores, colours)
        draw_labels(image, texts, caption)


def draw_track_states(image: Image, tracks: Tracks) -> Image:
    """Return a copy of an image with the box, id, class and score of every track of its frame.

    Confirmed tracks have thick boxes, tentative ones thin boxes, lost ones thin grey boxes.
    """
    canvas = np.array(image, order='C')
    thick = _line_width(canvas)
    with np.errstate(invalid='ignore'):
        boxes = tracks.tlwh
    colours = [
        _GREY if state == LOST else colour_of(identity)
        for state, identity in zip(tracks.states.tolist(), tracks.ids.tolist(), strict=True)
    ]
    lines = np.where(tracks.states == CONFIRMED, thick, 1).tolist()
    draw_boxes(canvas, boxes, colours, lines, antialiased=False)
    draw_labels(canvas, labels_of(tracks.ids, boxes, tracks.class_ids, tracks.scores, colours))
    return canvas


def draw_boxes(
    image: Image,
    tlwh: FloatArray,
    colours: Iterable[Colour],
    lines: Iterable[int],
    *,
    antialiased: bool = True,
) -> None:
    """Draw boxes on an image, in place.

    Parameters
    ----------
    image
        (H, W, 3) uint8 BGR.
    tlwh
        (N, 4) left, top, width and height, pixels; values that are not finite are clipped.
    colours
        BGR colour of each box.
    lines
        Line width of each box, pixels.
    antialiased
        Draw at fractions of a pixel; otherwise at the nearest pixels, several times as fast.

    """
    scale, how = (2**_SHIFT, (cv2.LINE_AA, _SHIFT)) if antialiased else (1, (cv2.LINE_8, 0))
    for (low, high), colour, line in zip(
        _pixels(_corners(tlwh), scale), colours, lines, strict=False
    ):
        cv2.rectangle(image, low, high, colour, line, *how)


def labels_of(
    ids: IntArray,
    tlwh: FloatArray,
    class_ids: npt.NDArray[Any],
    scores: FloatArray,
    colours: Iterable[Colour],
) -> list[Label]:
    """Return the labels of N boxes: id, class and score.

    A MOTChallenge text has no class, so that all are persons, and writes 1 or another constant
    for the score; then the label is the id alone.
    """
    rows = zip(
        ids.tolist(), _pixels(_corners(tlwh)), class_ids.tolist(), scores.tolist(), colours,
        strict=True,
    )  # fmt: skip
    labels = []
    for identity, (low, high), class_id, score, colour in rows:
        scored = 0 < score < 1
        named = scored or class_id != PERSON
        parts = [str(identity), class_id if named else '', f'{score:.2f}' if scored else '']
        labels.append(Label(' '.join(filter(None, parts)), (*low, *high), colour))
    return labels


def shrink(image: Image, width: int) -> Image:
    """Return a copy of an image, scaled down to a width of at most `width` pixels."""
    return resize(image, min(width / image.shape[1], 1))


def resize(image: Image, scale: float) -> Image:
    """Return a scaled copy of an image; it never shares the image's pixels."""
    size = (max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
    how = cv2.INTER_AREA if scale <= 1 else cv2.INTER_CUBIC
    return np.array(cv2.resize(image, size, interpolation=how), np.uint8)


def _line_width(image: Image) -> int:
    height: int = image.shape[0]
    return max(height // 540, 1)


def _corners(tlwh: FloatArray) -> FloatArray:
    """Return the upper left and the lower right corner of boxes, (..., 2, 2)."""
    with np.errstate(invalid='ignore'):
        return np.stack([tlwh[..., :2], tlwh[..., :2] + tlwh[..., 2:]], axis=-2)


def _pixels(points: FloatArray, scale: int = 1) -> Any:
    """Return points in parts of a pixel, as nested lists, in the range that OpenCV can draw."""
    points = np.clip(np.nan_to_num(points), -_MAX_COORDINATE, _MAX_COORDINATE)
    return np.rint(points * scale).astype(np.int64).tolist()


def _draw_trail(
    image: Image, points: FloatArray, strengths: FloatArray, colour: Colour, line: int
) -> None:
    """Draw a smoothed path that fades with age, in place.

    Parameters
    ----------
    image
        (H, W, 3) uint8 BGR.
    points
        (N, 2) x and y by frame.
    strengths
        (N,) opacity at each point, 0 to 1.
    colour
        BGR colour.
    line
        Line width, pixels.

    """
    height, width = image.shape[:2]
    path = np.clip(_smoothed(np.nan_to_num(points)), -_MAX_COORDINATE, _MAX_COORDINATE)
    low = np.clip(np.floor(path.min(axis=0)) - line - 1, 0, (width, height)).astype(int)
    high = np.clip(np.ceil(path.max(axis=0)) + line + 2, 0, (width, height)).astype(int)
    if len(path) < 2 or (high <= low).any():
        return
    part = image[low[1] : high[1], low[0] : high[0]]
    opacity = np.zeros(part.shape[:2], np.uint8)
    corners = np.rint((path - low) * 2**_SHIFT).astype(int).tolist()
    shades = np.rint(255 * strengths[1:]).tolist()
    for start, end, shade in zip(corners, corners[1:], shades, strict=False):
        cv2.line(opacity, start, end, shade, line, cv2.LINE_AA, _SHIFT)
    alpha = opacity[:, :, None] / np.float32(255)
    part[:] = np.rint(part + alpha * (np.array(colour, np.float32) - part))


def _smoothed(points: FloatArray) -> FloatArray:
    """Return the moving average of (N, 2) points; windows shrink to the first and last point."""
    index = np.arange(len(points))
    half = np.minimum(np.minimum(index, index[::-1]), _SMOOTHING)
    sums = np.vstack([np.zeros((1, 2)), np.cumsum(points, axis=0)])
    smoothed: FloatArray = (sums[index + half + 1] - sums[index - half]) / (2 * half + 1)[:, None]
    return smoothed


def _draw_dashed(image: Image, tlwh: FloatArray, line: int) -> None:
    """Draw a box with dashed white lines on black ones, in place."""
    draw_boxes(image, tlwh[None], [BLACK], [line + 1])
    height, width = image.shape[:2]
    (left, top), (right, bottom) = _corners(tlwh)
    dash = _DASH * line
    # Dashes start at the corners, and only those inside the image are drawn.
    across = left + 2 * dash * np.arange(max(np.ceil((min(right, width) - left) / (2 * dash)), 0))
    down = top + 2 * dash * np.arange(max(np.ceil((min(bottom, height) - top) / (2 * dash)), 0))
    across, down = across[across > -dash], down[down > -dash]
    ends = [
        *(((x, y), (min(x + dash, right), y)) for x in across for y in (top, bottom)),
        *(((x, y), (x, min(y + dash, bottom))) for y in down for x in (left, right)),
    ]
    for start, end in ends:
        low, high = _pixels(np.array([start, end]), 2**_SHIFT)
        cv2.line(image, low, high, WHITE, line, cv2.LINE_AA, _SHIFT)
