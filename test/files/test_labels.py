"""Labels on images: legible on every colour, none over another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest

from strongsort_ros.files.drawing import colour_of
from strongsort_ros.files.labels import BLACK, WHITE, Corners, Label, draw_labels, ink_on

BLUE = (255, 0, 0)


def contrast(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the contrast of two BGR colours as defined by WCAG 2."""

    def light(bgr: Sequence[float]) -> float:
        part = np.array(bgr) / 255
        linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
        return float(linear @ (0.0722, 0.7152, 0.2126))

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize('identity', range(200))
def test_text_has_the_best_contrast(identity: int) -> None:
    """Text is black or white, and its contrast is at least the 4.5 to 1 that WCAG asks for."""
    colour = colour_of(identity)
    best = max(BLACK, WHITE, key=lambda ink: contrast(ink, colour))
    assert ink_on(colour) == best
    assert contrast(best, colour) >= 4.5


def test_text_is_drawn_on_its_colour() -> None:
    image = np.full((120, 200, 3), 90, np.uint8)
    ((left, top, right, bottom),) = draw_labels(image, [Label('88', (20, 60, 60, 110), BLUE)])
    assert (left, bottom) == (20, 60)
    area = image[top:bottom, left:right].reshape(-1, 3).astype(int)
    assert (area == BLUE).all(axis=1).sum() > 30
    assert np.abs(area - WHITE).sum(axis=1).min() < 60
    image[top:bottom, left:right] = 90
    assert (image == 90).all()


def overlap(one: Corners, other: Corners) -> bool:
    return bool(one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3])


def test_no_label_covers_another() -> None:
    """In a crowd and at the edges labels move, all inside the image and none over another."""
    random = np.random.default_rng(5)
    corners = random.integers(-60, (1300, 740), (150, 2)).tolist()
    labels = [
        Label(f'{i} person 0.50', (x, y, x + 40, y + 90), colour_of(i))
        for i, (x, y) in enumerate(corners)
    ]
    image = np.zeros((720, 1280, 3), np.uint8)
    drawn = draw_labels(image, labels, 'frame 3')
    assert drawn[0][:2] == (0, 0)
    assert len(drawn) > 100
    assert not any(overlap(*pair) for pair in combinations(drawn, 2))
    assert all(
        left >= 0 and top >= 0 and right <= 1280 and bottom <= 720
        for left, top, right, bottom in drawn
    )


def test_equal_boxes_have_labels_side_by_side() -> None:
    """Three tracks on one place are all named; boxes outside the image are not."""
    image = np.zeros((300, 300, 3), np.uint8)
    here = [Label(str(i), (100, 100, 150, 200), BLUE) for i in range(3)]
    outside = [Label('9', (400, 100, 450, 200), BLUE), Label('9', (0, -90, 50, -1), BLUE)]
    drawn = draw_labels(image, [*here, *outside])
    assert len(drawn) == 3
    assert not any(overlap(*pair) for pair in combinations(drawn, 2))


@pytest.mark.parametrize('size', [(1, 1), (5, 300), (300, 5)])
def test_tiny_images(size: tuple[int, int]) -> None:
    """A label larger than the image is cut."""
    image = np.zeros((*size, 3), np.uint8)
    draw_labels(image, [Label('12345', (0, 0, 3, 3), BLUE)], 'frame 1')
