"""Videos and what is drawn on them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from strongsort_ros.errors import InputError
from strongsort_ros.recording.drawing import colour_of, draw_tracks
from strongsort_ros.recording.rows import TrackRows
from strongsort_ros.recording.video import write_video


def images(count: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    return [np.full((height, width, 3), 40 * i, dtype=np.uint8) for i in range(count)]


@pytest.mark.parametrize('size', [(48, 64), (47, 63)])
def test_video(tmp_path: Path, size: tuple[int, int]) -> None:
    assert write_video(tmp_path / 'a.mp4', images(5, *size), 12.5) == 5
    video = cv2.VideoCapture(str(tmp_path / 'a.mp4'))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 5
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(12.5)
    video.release()


def test_what_is_no_video(tmp_path: Path) -> None:
    """No images, images of two sizes, and names that are no video's leave nothing."""
    with pytest.raises(InputError, match='no images'):
        write_video(tmp_path / 'a.mp4', [], 10)
    with pytest.raises(InputError, match='image 3 is 32x48, those before are 64x48'):
        write_video(tmp_path / 'a.mp4', [*images(2), *images(1, width=32)], 10)
    with pytest.raises(InputError, match=r'name it \.mp4'):
        write_video(tmp_path / 'a.what', images(2), 10)
    assert list(tmp_path.iterdir()) == []


def test_colours_differ() -> None:
    """Ids have their own colour, and neighbours are unlike."""
    assert colour_of(7) == colour_of(7)
    for identity in range(1, 200):
        a, b = np.array(colour_of(identity)), np.array(colour_of(identity + 1))
        assert np.abs(a - b).max() > 100


def test_boxes_are_drawn_where_they_are() -> None:
    """A box is drawn in its frame only, in its colour; wild boxes harm nothing."""
    tlwh = np.array([[20.0, 60, 30, 30], [1e9, -1e9, 1e12, 5], [20, 60, 30, 30]])
    rows = TrackRows(
        np.array([1, 2, 2]), np.array([1, 1, 2]), tlwh, np.ones(3), np.full(3, 'person')
    )
    image = np.zeros((120, 160, 3), dtype=np.uint8)
    draw_tracks(image, rows, 3)
    assert not image.any()
    draw_tracks(image, rows, 1)
    assert tuple(image[90, 40].tolist()) == colour_of(1)
    assert not image[70, 40].any()
    draw_tracks(image, rows, 2)
    assert tuple(image[90, 40].tolist()) == colour_of(2)
