"""Videos are written in codecs that browsers play."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from strongsort_ros.errors import InputError
from strongsort_ros.files import video
from strongsort_ros.files.video import write_video


def images(count: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    return [np.full((height, width, 3), 40 * i, dtype=np.uint8) for i in range(count)]


@pytest.fixture(params=['opencv', 'pyav'])
def encoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of each installed library that writes videos."""
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
    """A video has every image, the frame rate, the pixels and a codec that browsers play."""
    path = tmp_path / f'a{suffix}'
    assert write_video(path, images(5, *size), 12.5) == 5
    assert capfd.readouterr() == ('', '')
    read = cv2.VideoCapture(str(path))
    assert read.get(cv2.CAP_PROP_FPS) == pytest.approx(12.5)
    shown = [image for found, image in iter(read.read, (False, None)) if found]
    read.release()
    assert [round(float(image[5:40, 5:60].mean()), -1) for image in shown] == [0, 40, 80, 120, 160]
    mp4 = b'avc1' if encoder == 'pyav' else b'vp09'
    # Names of the codecs in the containers.
    names = {'.webm': [b'V_VP9'], '.mp4': [mp4], '.avi': [b'FMP4', b'mp4v']}[suffix]
    assert any(name in path.read_bytes() for name in names)


def test_wrong_names_and_images_are_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], encoder: str
) -> None:
    """No images, images of two sizes and unknown suffixes leave no file behind."""
    with pytest.raises(InputError, match='no images'):
        write_video(tmp_path / 'a.mp4', [], 10)
    with pytest.raises(InputError, match='image 3 is 32x48, those before are 64x48'):
        write_video(tmp_path / 'a.mp4', [*images(2), *images(1, width=32)], 10)
    for name in ('a.what', 'a.gif', 'a', 'stdout'):
        with pytest.raises(InputError, match=r'name it \.webm or \.mp4'):
            write_video(tmp_path / name, images(2), 10)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr().err == '', encoder
