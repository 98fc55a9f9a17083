"""Fields of the installed message types, decoding by cv_bridge, and the debug image."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('strongsort_ros.msg', reason='needs ROS 2 and the built messages')

from vision_msgs.msg import Detection2D

from strongsort_ros.errors import MessageError
from strongsort_ros.messages.cdr import Header
from strongsort_ros.messages.images import RawImage
from strongsort_ros.nodes.ros_messages import (
    LAYOUTS,
    check_layouts,
    cv_bridge_converter,
    image_message,
)
from test.messages.image_data import decode_raw

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


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Return a function that writes a module `cv_bridge`, found before an installed one."""
    known = sys.modules.pop('cv_bridge', None)
    monkeypatch.syspath_prepend(tmp_path)
    yield (tmp_path / 'cv_bridge.py').write_text
    sys.modules.pop('cv_bridge', None)
    if known is not None:
        sys.modules['cv_bridge'] = known


def test_a_message_type_with_other_fields_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    check_layouts()
    monkeypatch.setitem(LAYOUTS, Detection2D, 'string id')
    with pytest.raises(MessageError, match='vision_msgs/Detection2D of this ROS has the fields'):
        check_layouts()


def test_a_cv_bridge_that_works_is_used(install: Callable[[str], None]) -> None:
    install(WORKING)
    converter = cv_bridge_converter()
    assert (decode_raw(BAYER, converter=converter) == 7).all()
    for encoding in ('bgr8', 'yuyv'):
        plain = RawImage(2, 2, encoding, 6, bytes(12))
        np.testing.assert_array_equal(decode_raw(plain, converter=converter), decode_raw(plain))


@pytest.mark.parametrize('text', [OF_ANOTHER_NUMPY, 'raise ImportError', ''])
def test_opencv_replaces_a_cv_bridge_that_does_not_work(
    text: str, install: Callable[[str], None]
) -> None:
    install(text)
    assert cv_bridge_converter() is None


def test_the_real_cv_bridge_gives_the_same_pixels() -> None:
    pytest.importorskip('cv_bridge', reason='cv_bridge is not on PyPI')
    converter = cv_bridge_converter()
    if converter is None:
        pytest.skip('cv_bridge does not work with this NumPy')
    data = np.random.default_rng(0).integers(0, 256, 4 * 6 * 2, np.uint8).tobytes()
    for encoding, step in (('bayer_rggb8', 6), ('mono16', 12), ('yuv422', 12), ('8UC1', 6)):
        for big_endian in (False, True):
            image = RawImage(4, 6, encoding, step, data, big_endian)
            pixels = decode_raw(image, converter=converter)
            np.testing.assert_array_equal(pixels, decode_raw(image))


def test_the_debug_image_holds_the_pixels() -> None:
    image = np.arange(6 * 4 * 3, dtype=np.uint8).reshape(6, 4, 3)
    message = image_message(Header(3, 4, 'camera'), image)
    assert (message.height, message.width, message.step, message.encoding) == (6, 4, 12, 'bgr8')
    assert bytes(message.data) == image.tobytes()
    assert (message.header.stamp.sec, message.header.frame_id) == (3, 'camera')
