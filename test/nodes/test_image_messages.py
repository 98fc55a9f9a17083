"""cv_bridge converts rare encodings where it works, and is done without where it does not."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('strongsort_ros.msg', reason='needs ROS 2 and the built messages')

from strongsort_ros.messages.images import RawImage
from strongsort_ros.nodes.image_messages import cv_bridge_converter

BAYER = RawImage(2, 2, 'bayer_rggb8', 2, bytes(4))
WORKING = """
import numpy as np

class CvBridgeError(TypeError):
    pass

class CvBridge:
    def imgmsg_to_cv2(self, image, desired_encoding):
        assert desired_encoding == 'bgr8'
        if image.encoding == 'yuyv':
            raise CvBridgeError('Unrecognized image encoding [yuyv]')
        return np.full((image.height, image.width, 3), 7, np.uint8)
"""
OF_ANOTHER_NUMPY = """
class CvBridge:
    def imgmsg_to_cv2(self, image, desired_encoding):
        raise AttributeError('_ARRAY_API not found')
"""


def installed(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a module of that name be found before all others."""
    (folder / 'cv_bridge.py').write_text(text)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, 'cv_bridge', raising=False)


def test_a_cv_bridge_that_works_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(WORKING, tmp_path, monkeypatch)
    converter = cv_bridge_converter()
    assert (BAYER.decode(converter=converter) == 7).all()
    for encoding in ('bgr8', 'yuyv'):
        plain = RawImage(2, 2, encoding, 6, bytes(12))
        np.testing.assert_array_equal(plain.decode(converter=converter), plain.decode())


@pytest.mark.parametrize('text', [OF_ANOTHER_NUMPY, 'raise ImportError', ''])
def test_a_cv_bridge_that_does_not_work_is_done_without(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(text, tmp_path, monkeypatch)
    assert cv_bridge_converter() is None
