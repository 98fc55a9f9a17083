"""Draw tracks on images, each id in its own colour."""

from __future__ import annotations

import colorsys

import cv2
import numpy as np
import numpy.typing as npt

from strongsort_ros.files.rows import TrackRows
from strongsort_ros.tracking.tracks import CONFIRMED, LOST, Tracks
from strongsort_ros.types import FloatArray, Image

Colour = tuple[int, int, int]

# Step in hue between consecutive ids: with the golden ratio, neighbours differ clearly.
_HUE_STEP = 0.61803398875
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_BLACK, _WHITE, _GREY = (0, 0, 0), (255, 255, 255), (128, 128, 128)
_BRIGHT = 110.0  # luminance above which a label is black
# OpenCV's coordinates wrap around beyond 16 bits.
_MAX_COORDINATE = 30000.0


def colour_of(identity: int) -> Colour:
    """Return the BGR colour of an id, the same in videos, reports and debug images."""
    red, green, blue = colorsys.hsv_to_rgb(identity * _HUE_STEP % 1, 0.85, 1.0)
    return round(255 * blue), round(255 * green), round(255 * red)


def draw_tracks(image: Image, tracks: TrackRows, frame: int, trail: int = 30) -> None:
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
        Length of the path drawn at the middle of the lower edge, frames.

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


def draw_track_states(image: Image, tracks: Tracks) -> Image:
    """Return a copy of an image with the box, id and class of every track of its frame.

    Confirmed tracks have thick boxes, tentative ones thin boxes, lost ones thin grey boxes.
    """
    canvas = np.ascontiguousarray(image).copy()
    thick = max(round(canvas.shape[0] / 540), 1)
    with np.errstate(invalid='ignore'):
        boxes = tracks.tlwh
    rows = zip(
        boxes, tracks.states.tolist(), tracks.ids.tolist(), tracks.class_ids.tolist(),
        strict=True,
    )  # fmt: skip
    for tlwh, state, identity, class_id in rows:
        colour = _GREY if state == LOST else colour_of(identity)
        line = thick if state == CONFIRMED else 1
        draw_box(canvas, tlwh, colour, line, f'{identity} {class_id}'.rstrip())
    return canvas


def draw_box(
    image: Image, tlwh: FloatArray, colour: Colour, line: int = 1, label: str = ''
) -> None:
    """Draw a box on an image, in place.

    Parameters
    ----------
    image
        (H, W, 3) uint8 BGR.
    tlwh
        (4,) left, top, width and height, pixels; values that are not finite are clipped.
    colour
        BGR colour of the lines and of the label's background.
    line
        Line width, pixels; the size of the label is proportional to it.
    label
        Text above the box, or inside it at the upper edge of the image.

    """
    with np.errstate(invalid='ignore'):
        corners = np.array([tlwh[:2], tlwh[:2] + tlwh[2:]])
    (left, top), (right, bottom) = _pixels(corners).tolist()
    cv2.rectangle(image, (left, top), (right, bottom), colour, line)
    if not label:
        return
    scale = 0.45 * line
    (width, height), below = cv2.getTextSize(label, _FONT, scale, line)
    base = top - below if top > height + below else top + height + below
    corner = (left + width, base + below)
    cv2.rectangle(image, (left, base - height - below), corner, colour, cv2.FILLED)
    ink = _BLACK if _luminance(colour) > _BRIGHT else _WHITE
    cv2.putText(image, label, (left, base), _FONT, scale, ink, line, cv2.LINE_AA)


def shrink(image: Image, width: int) -> Image:
    """Return a copy of an image, scaled down to a width of at most `width` pixels."""
    return resize(image, min(width / image.shape[1], 1))


def resize(image: Image, scale: float) -> Image:
    """Return a scaled copy of an image; it never shares the image's pixels."""
    size = (max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
    how = cv2.INTER_AREA if scale <= 1 else cv2.INTER_CUBIC
    return np.array(cv2.resize(image, size, interpolation=how), np.uint8)


def _luminance(colour: Colour) -> float:
    """Return the luminance of a colour, 0 to 255 (ITU-R BT.601)."""
    blue, green, red = colour
    return 0.114 * blue + 0.587 * green + 0.299 * red


def _pixels(points: FloatArray) -> npt.NDArray[np.int32]:
    points = np.clip(np.nan_to_num(points), -_MAX_COORDINATE, _MAX_COORDINATE)
    return np.rint(points).astype(np.int32)
