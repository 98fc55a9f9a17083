"""Videos and what is drawn on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from strongsort_ros.errors import InputError
from strongsort_ros.files import video
from strongsort_ros.files.drawing import colour_of, draw_box, draw_tracks
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.files.video import write_video


def images(count: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    return [np.full((height, width, 3), 40 * i, dtype=np.uint8) for i in range(count)]


@pytest.fixture(params=['opencv', 'pyav'])
def encoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The library that writes, each of those that are installed."""
    if request.param == 'pyav' and not video.has_pyav():
        pytest.skip('needs PyAV: pip install av')
    if request.param == 'opencv':
        monkeypatch.setattr(video, 'has_pyav', lambda: False)
    return str(request.param)


@pytest.mark.parametrize('suffix', ['.webm', '.mp4', '.avi'])
@pytest.mark.parametrize('size', [(48, 64), (47, 63)])
def test_video(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], encoder: str,
    size: tuple[int, int], suffix: str,
) -> None:  # fmt: skip
    """Every image is in it, at the right rate, looks as it did, in a codec that browsers have."""
    path = tmp_path / f'a{suffix}'
    assert write_video(path, images(5, *size), 12.5) == 5
    assert capfd.readouterr() == ('', '')
    read = cv2.VideoCapture(str(path))
    assert read.get(cv2.CAP_PROP_FPS) == pytest.approx(12.5)
    shown = [image for found, image in iter(read.read, (False, None)) if found]
    read.release()
    assert [round(float(image[5:40, 5:60].mean()), -1) for image in shown] == [0, 40, 80, 120, 160]
    mp4 = b'avc1' if encoder == 'pyav' else b'vp09'
    # As the containers name their codecs.
    names = {'.webm': [b'V_VP9'], '.mp4': [mp4], '.avi': [b'FMP4', b'mp4v']}[suffix]
    assert any(name in path.read_bytes() for name in names)


def test_what_is_no_video(tmp_path: Path, capfd: pytest.CaptureFixture[str], encoder: str) -> None:
    """No images, images of two sizes, and names that are no video's leave nothing."""
    with pytest.raises(InputError, match='no images'):
        write_video(tmp_path / 'a.mp4', [], 10)
    with pytest.raises(InputError, match='image 3 is 32x48, those before are 64x48'):
        write_video(tmp_path / 'a.mp4', [*images(2), *images(1, width=32)], 10)
    for name in ('a.what', 'a.gif', 'a', 'stdout'):
        with pytest.raises(InputError, match=r'name it \.webm or \.mp4'):
            write_video(tmp_path / name, images(2), 10)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr().err == '', encoder


def test_colours_differ() -> None:
    """Ids have their own colour, and neighbours are unlike."""
    assert colour_of(7) == colour_of(7)
    for identity in range(1, 200):
        a, b = np.array(colour_of(identity)), np.array(colour_of(identity + 1))
        assert np.abs(a - b).max() > 100


@pytest.mark.parametrize('identity', range(1, 30))
def test_numbers_can_be_read(identity: int) -> None:
    """Digits are black on bright colours and white on dark ones (WCAG's contrast of 3 to 1)."""
    image = np.zeros((90, 200, 3), dtype=np.uint8)
    colour = colour_of(identity)
    draw_box(image, np.array([5.0, 60, 100, 20]), colour, 2, '88888')
    label = image[40:58, 6:80].reshape(-1, 3)
    ink = max(label.tolist(), key=lambda pixel: np.abs(np.array(pixel) - colour).sum())

    def light(bgr: Sequence[float]) -> float:
        part = np.array(bgr) / 255
        linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
        return float(linear @ (0.0722, 0.7152, 0.2126))

    high, low = sorted((light(ink), light(colour)), reverse=True)
    assert (high + 0.05) / (low + 0.05) > 3


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
