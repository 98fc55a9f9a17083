"""Tracks drawn on images: boxes in a colour for each id, numbers, and where the feet were."""

from __future__ import annotations

import colorsys

import cv2
import numpy as np
import numpy.typing as npt

from strongsort_ros.files.rows import TrackRows
from strongsort_ros.types import FloatArray, Image

Colour = tuple[int, int, int]

# Consecutive ids are this share of the colour circle apart: the golden ratio keeps them unlike.
_HUE_STEP = 0.61803398875
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
_MIDDLE = 110.0
# OpenCV wraps around pixels beyond 16 bits.
_FAR = 30000.0


def colour_of(identity: int) -> Colour:
    """Return the BGR colour of an id, the same wherever it is drawn."""
    red, green, blue = colorsys.hsv_to_rgb(identity * _HUE_STEP % 1, 0.85, 1.0)
    return round(255 * blue), round(255 * green), round(255 * red)


def draw_tracks(image: Image, tracks: TrackRows, frame: int, trail: int = 30) -> None:
    """Draw the tracks of a frame on its image, in place.

    Parameters
    ----------
    image
        (H, W, 3) uint8 BGR.
    tracks
        Tracks of the recording, sorted by frame.
    frame
        Number of the frame.
    trail
        Frames back to which the path of the feet, the middle of the lower edge, is drawn.

    """
    first, here, end = np.searchsorted(tracks.frames, (frame - trail, frame, frame + 1))
    recent = tracks.select(slice(int(first), int(end)))
    feet = recent.tlwh[:, :2] + recent.tlwh[:, 2:] * (0.5, 1.0)
    line = max(1, round(image.shape[0] / 360))
    for identity, tlwh in zip(tracks.ids[here:end].tolist(), tracks.tlwh[here:end], strict=True):
        colour = colour_of(identity)
        path = _pixels(feet[recent.ids == identity])
        cv2.polylines(image, [path], False, colour, line, cv2.LINE_AA)
        draw_box(image, tlwh, colour, line, str(identity))


def draw_box(
    image: Image, tlwh: FloatArray, colour: Colour, line: int = 1, label: str = ''
) -> None:
    """Draw one box on an image, in place.

    Parameters
    ----------
    image
        (H, W, 3) uint8 BGR.
    tlwh
        (4,) pixels.
    colour
        BGR.
    line
        Width in pixels; the label grows with it.
    label
        Written above the box, or inside it at the edge of the image.

    """
    (left, top), (right, bottom) = _pixels(np.array([tlwh[:2], tlwh[:2] + tlwh[2:]])).tolist()
    cv2.rectangle(image, (left, top), (right, bottom), colour, line)
    if not label:
        return
    scale = 0.45 * line
    (width, height), below = cv2.getTextSize(label, _FONT, scale, line)
    base = top - below if top > height + below else top + height + below
    corner = (left + width, base + below)
    cv2.rectangle(image, (left, base - height - below), corner, colour, cv2.FILLED)
    ink = _BLACK if _luminance(colour) > _MIDDLE else _WHITE
    cv2.putText(image, label, (left, base), _FONT, scale, ink, line, cv2.LINE_AA)


def shrink(image: Image, width: int) -> Image:
    """Return an image no wider than `width`, of the same shape; a copy."""
    scale = min(width / image.shape[1], 1)
    size = (max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
    return np.array(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _luminance(colour: Colour) -> float:
    """Return how bright a colour looks, 0 to 255 (ITU-R BT.601)."""
    blue, green, red = colour
    return 0.114 * blue + 0.587 * green + 0.299 * red


def _pixels(points: FloatArray) -> npt.NDArray[np.int32]:
    return np.rint(np.clip(points, -_FAR, _FAR)).astype(np.int32)
