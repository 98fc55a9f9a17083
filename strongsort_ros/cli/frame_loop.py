"""Track the frames of a source one after the other, until it ends or the user stops it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from strongsort_ros.cli.console import progress_over
from strongsort_ros.cli.pictures import Pictures

if TYPE_CHECKING:
    from strongsort_ros.camera_motion.motion_file import SequenceMotion
    from strongsort_ros.files.frames import Frame, FrameSource
    from strongsort_ros.pipeline import Pipeline
    from strongsort_ros.tracking.detections import Detections
    from strongsort_ros.tracking.tracks import Tracks

_SAME_RATE: Final = 0.05
"""Difference of the measured rate from the nominal one that comes from rounded times."""

Detect = Callable[['Frame'], 'Detections']
"""Function from a frame to its detections."""


class FrameLoop:
    """Tracks frame after frame, until the source ends or the user stops it."""

    def __init__(
        self,
        source: FrameSource,
        detect: Detect,
        pipeline: Pipeline,
        pictures: Pictures,
        motions: SequenceMotion | None,
    ) -> None:
        from strongsort_ros.online.frame_clock import FrameClock

        self._source, self._detect, self._pipeline = source, detect, pipeline
        self._pictures, self._motions = pictures, motions
        self._clock = FrameClock(0.0 if source.variable else source.frame_rate)
        self._begin, self._frames = time.monotonic(), 0
        self.interrupted = False

    @staticmethod
    def never() -> bool:
        """Do not stop before the end."""
        return False

    def run(self, stops: Callable[[], bool], *, show: bool) -> Iterator[tuple[int, Tracks]]:
        """Yield the tracks of each frame: those that are reported, and the tentative ones."""
        import numpy as np

        from strongsort_ros.tracking.tracks import TENTATIVE

        source = self._source
        for frame in progress_over('track', source, source.length) if show else source:
            if stops():
                self.interrupted = True
                break
            tracks = self._step(frame)
            live = tracks.all
            yield (
                frame.number,
                live.select((live.states == TENTATIVE) | np.isin(live.ids, tracks.ids)),
            )
            self._frames += 1
            self._pictures.show(frame, tracks)
            if self._pictures.closed:
                return
        self.interrupted |= stops()
        if self.interrupted and not self._frames:
            raise KeyboardInterrupt

    def _step(self, frame: Frame) -> Tracks:
        from strongsort_ros.tracking.tracker import FRAME_RATE
        from strongsort_ros.types import SECOND

        # The clock takes stamps above 0.
        elapsed = self._clock.advance(1 + round(frame.seconds * SECOND))
        tracker = self._pipeline.tracker
        if elapsed.rate_change != 1.0:
            tracker.rescale_time(elapsed.rate_change)
        rate, nominal = self._clock.rate or FRAME_RATE, self._source.frame_rate
        tracker.frame_rate = nominal if abs(rate - nominal) < _SAME_RATE * rate else rate
        motion = None if self._motions is None else self._motions.at(frame.number)
        found = self._detect(frame)
        step = self._pipeline.step(found, frame.image, dt=elapsed.frames, camera_motion=motion)
        return step.tracks

    def summary(self) -> str:
        """Return the number of frames, of how many, and the speed."""
        rate = self._frames / max(time.monotonic() - self._begin, 1e-9)
        of = f' of {self._source.length}' if self.interrupted and self._source.length else ''
        return f'{self._frames}{of} frames ({rate:.1f} frames/s)'


@contextmanager
def stop_on_signals(source: FrameSource) -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether SIGINT or SIGTERM has come; a second one interrupts."""
    asked = False

    def note(_number: int, _frame: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        source.stop()

    main = threading.current_thread() is threading.main_thread()
    handled = (signal.SIGINT, signal.SIGTERM) if main else ()
    before = {number: signal.signal(number, note) for number in handled}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
