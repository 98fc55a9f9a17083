"""Place and draw labels on images: legible on their colour, none over another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2

from strongsort_ros.types import Image

Colour = tuple[int, int, int]
Corners = tuple[int, int, int, int]
"""Left, top, right and bottom, pixels; right and bottom are outside."""

BLACK: Final = (0, 0, 0)
WHITE: Final = (255, 255, 255)
_FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
_SMALLEST: Final = 0.42  # font scale; digits are 9 pixels high
_SCALE: Final = 1 / 1500  # font scale for each pixel of the image's height
_BOLD: Final = 0.6  # font scale from which lines are two pixels wide
_ROWS: Final = (1, 2, 3)  # heights of a label by which it may move away from its box


@dataclass(frozen=True, slots=True)
class Label:
    """Text beside a box.

    Attributes
    ----------
    text
        ASCII text; the fonts of OpenCV have no other letters.
    box
        Left, top, right and bottom of the box, pixels.
    colour
        BGR colour of the background.

    """

    text: str
    box: Corners
    colour: Colour


def draw_labels(image: Image, labels: Sequence[Label], caption: str = '') -> list[Corners]:
    """Draw labels on an image, in place, so that none covers another.

    A label lies above its box, or else inside, below or further away. One that finds no place
    there, or whose box is outside the image, is left out; labels given first have priority.

    Parameters
    ----------
    image
        (H, W, 3) uint8 BGR; the size of the text is proportional to H.
    labels
        Labels of the boxes.
    caption
        Text in the upper left corner.

    Returns
    -------
    Rectangles that are covered now, the caption's first.

    """
    height, width = image.shape[:2]
    scale = max(_SMALLEST, height * _SCALE)
    line = 2 if scale >= _BOLD else 1
    pad = max(round(6 * scale), 2)
    covered: list[Corners] = []
    if caption:
        labels = [Label(caption, (0, 0, width, height), BLACK), *labels]
    for label in labels:
        if not _visible(label.box, width, height):
            continue
        (across, up), below = cv2.getTextSize(label.text, _FONT, scale, line)
        size = min(across + 2 * pad, width), min(up + below // 2 + 2 * pad - 1, height)
        for left, top in _positions(label.box, size, width, height):
            area = (left, top, left + size[0], top + size[1])
            if not any(_overlap(area, other) for other in covered):
                covered.append(area)
                cv2.rectangle(image, area[:2], (area[2] - 1, area[3] - 1), label.colour, cv2.FILLED)
                base = left + pad, top + pad + up
                ink = ink_on(label.colour)
                cv2.putText(image, label.text, base, _FONT, scale, ink, line, cv2.LINE_AA)
                break
    return covered


def ink_on(colour: Colour) -> Colour:
    """Return black or white, whichever has the larger contrast on a BGR colour (WCAG 2)."""
    # The contrast with white is 1.05 / (l + 0.05), with black (l + 0.05) / 0.05.
    return BLACK if (_luminance(colour) + 0.05) ** 2 > 1.05 * 0.05 else WHITE


def _luminance(colour: Colour) -> float:
    """Return the relative luminance of a BGR colour, 0 to 1 (WCAG 2)."""
    parts = [value / 255 for value in colour]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.0722 * linear[0] + 0.7152 * linear[1] + 0.2126 * linear[2]


def _visible(box: Corners, width: int, height: int) -> bool:
    return box[0] < width and box[1] < height and box[2] > 0 and box[3] > 0


def _overlap(one: Corners, other: Corners) -> bool:
    return (
        one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
    )  # fmt: skip


def _positions(
    box: Corners, size: tuple[int, int], width: int, height: int
) -> Iterator[tuple[int, int]]:
    """Yield the (left, top) of a label at its box, the best first, all inside the image."""
    left, top, right, bottom = box
    for row in _ROWS:
        # Above, inside at the top, below.
        for y in (top - row * size[1], top + (row - 1) * size[1], bottom + (row - 1) * size[1]):
            for x in (left, right - size[0]):
                yield min(max(x, 0), width - size[0]), min(max(y, 0), height - size[1])
