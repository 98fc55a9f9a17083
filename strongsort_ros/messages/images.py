"""Image messages to BGR pixels, as views where the encoding allows; knows no ROS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from strongsort_ros.errors import ImageError

BGR = npt.NDArray[np.uint8]

CHANNELS: Final = {
    'bgr8': 3, '8UC3': 3, 'rgb8': 3, 'bgra8': 4, '8UC4': 4, 'rgba8': 4, 'mono8': 1, '8UC1': 1,
}  # fmt: skip
TO_BGR: Final = {
    'rgb8': cv2.COLOR_RGB2BGR, 'bgra8': cv2.COLOR_BGRA2BGR, '8UC4': cv2.COLOR_BGRA2BGR,
    'rgba8': cv2.COLOR_RGBA2BGR, 'mono8': cv2.COLOR_GRAY2BGR, '8UC1': cv2.COLOR_GRAY2BGR,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RawImage:
    """What sensor_msgs/Image says; `data` is not copied."""

    height: int
    width: int
    encoding: str
    step: int
    data: bytes | memoryview

    def decode(self) -> BGR:
        """Return (H, W, 3) BGR: a view of the message for bgr8, else a converted copy.

        Raises
        ------
        ImageError
            Size, step or data do not fit each other, or the encoding is not among `CHANNELS`
            (reason `unknown_encoding`).

        """
        pixels = self._view()
        code = TO_BGR.get(self.encoding)
        return pixels if code is None else np.asarray(cv2.cvtColor(pixels, code), np.uint8)

    def _view(self) -> BGR:
        height, width, step = self.height, self.width, self.step
        if height == 0 or width == 0:
            raise ImageError('empty_image', f'image of {width} x {height} pixels has no content')
        channels = CHANNELS.get(self.encoding)
        if channels is None:
            raise ImageError(
                'unknown_encoding',
                f'image encoding {self.encoding!r} is not one of {", ".join(CHANNELS)}',
            )
        row = width * channels
        if step < row:
            raise ImageError(
                'wrong_step',
                f'image step {step} is less than the {row} bytes of a row of {width} pixels '
                f'in {self.encoding}',
            )
        # The last row needs no padding; some drivers leave it out.
        needed = step * (height - 1) + row
        if len(self.data) < needed:
            raise ImageError(
                'short_image',
                f'image data has {len(self.data)} bytes; {height} rows of {step} need {needed}',
            )
        return np.ndarray(
            (height, width, channels), np.uint8, self.data, strides=(step, channels, 1)
        )


@dataclass(frozen=True, slots=True)
class CompressedImage:
    """What sensor_msgs/CompressedImage says; `data` is not copied."""

    format: str
    data: bytes | memoryview

    def decode(self) -> BGR:
        """Return (H, W, 3) BGR.

        Raises
        ------
        ImageError
            The data are no image that OpenCV reads.

        """
        image = None
        if len(self.data):
            try:
                image = cv2.imdecode(np.frombuffer(self.data, np.uint8), cv2.IMREAD_COLOR)
            except cv2.error:
                image = None
        if image is None:
            raise ImageError(
                'corrupt_image',
                f'{len(self.data)} bytes of compressed image ({self.format!r}) cannot be decoded',
            )
        return np.asarray(image, np.uint8)
