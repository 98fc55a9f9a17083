"""Draw tracks on frames while they are tracked: into a video, and in a window."""

from __future__ import annotations

import os
import sys
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from strongsort_ros.cli.console import warn
from strongsort_ros.errors import InputError

if TYPE_CHECKING:
    from strongsort_ros.files.frames import Frame, FrameSource
    from strongsort_ros.tracking.tracks import Tracks
    from strongsort_ros.types import Image

_LONGEST_STILL: Final = 5.0
"""Longest time without frames that the written video shows, seconds."""


class Pictures:
    """Draws the tracks on the frames, into a video and on the display."""

    def __init__(
        self, source: FrameSource, video: Path | None, trail: int, *, display: bool
    ) -> None:
        from strongsort_ros.files.video import VideoWriter, has_pyav

        self._rate = source.frame_rate or 30.0
        self._size, self._trail = source.size, max(trail, 0)
        self._writer = VideoWriter(video, self._rate) if video else None
        self._window = _Window(source.name) if display else None
        self._recent: deque[tuple[int, Tracks]] = deque(maxlen=self._trail + 1)
        self._last: Image | None = None
        self.closed = False
        if video and not has_pyav():
            warn('PyAV is not installed: encoding is slow; pip install av')

    def __enter__(self) -> Self:
        if self._writer:
            self._writer.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        if self._window:
            self._window.close()
        if self._writer:
            self._writer.__exit__(*raised)

    def show(self, frame: Frame, tracks: Tracks) -> None:
        """Draw the next frame; one without an image is drawn on the image before it."""
        if not (self._writer or self._window):
            return
        import numpy as np

        from strongsort_ros.files.drawing import draw_tracks
        from strongsort_ros.files.rows import TrackRows

        self._recent.append((frame.number, tracks))
        image = frame.image if frame.image is not None else self._last
        if image is None:
            image = np.zeros((*self._size[::-1], 3), np.uint8)
        self._last = image
        canvas = self._fitted(image)
        draw_tracks(canvas, TrackRows.collect(self._recent), frame.number, self._trail)
        if self._window:
            self.closed = not self._window.show(canvas)
        if self._writer:
            # As many images as pass at the video's rate, however the frames come.
            due = round(frame.seconds * self._rate) + 1 - self._writer.count
            for _ in range(
                max(min(due, round(_LONGEST_STILL * self._rate)), not self._writer.count)
            ):
                self._writer.write(canvas)

    def _fitted(self, image: Image) -> Image:
        """Return a copy of an image, scaled to the size of the first one."""
        import cv2
        import numpy as np

        if image.shape[1::-1] == self._size:
            return image.copy()
        return np.asarray(cv2.resize(image, self._size), np.uint8)


class _Window:
    """Window on the display."""

    def __init__(self, name: str) -> None:
        import cv2

        shown = (
            sys.platform != 'linux'
            or os.environ.get('DISPLAY')
            or os.environ.get('WAYLAND_DISPLAY')
        )
        if not shown:
            raise InputError('--display: there is no display (DISPLAY is not set); use --video')
        self._title = f'strongsort: {name}'
        try:
            cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
        except cv2.error as error:
            raise InputError(
                '--display: this OpenCV has no windows; pip install opencv-python, or use --video'
            ) from error

    def show(self, image: Image) -> bool:
        """Show an image; return False if the user closed the window or pressed q or Escape."""
        import cv2

        cv2.imshow(self._title, image)
        escape = 27
        if cv2.waitKey(1) & 0xFF in (ord('q'), escape):
            return False
        return cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1

    def close(self) -> None:
        """Close the window."""
        import cv2

        cv2.destroyAllWindows()
