"""Detections and images as they are tracked: frames worth a step, and what looks wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from strongsort_ros.recording.rows import DetectionRows
    from strongsort_ros.recording.sequence import ImageFolder
    from strongsort_ros.tracking.detections import IntArray
    from strongsort_ros.tracking.settings import TrackerSettings

_LONG_GAP: Final = 1000
"""Frames without detections that are more likely a wrong frame number."""


def frames_to_step(rows: DetectionRows, images: ImageFolder | None, max_age: int) -> IntArray:
    """Return the frames that change a tracker, ascending.

    Left out are frames without detections and image after the last track has ended, so a wrong
    frame number costs no time. The tracks are those of stepping through every frame.

    Parameters
    ----------
    rows
        Detections of the recording.
    images
        Its images, if there are any.
    max_age
        Frames after which a track without detections ends.

    """
    import numpy as np

    seen = np.unique(rows.frames)
    if not len(seen):
        return seen
    steps = np.minimum(np.diff(seen, append=seen[-1] + 1), max_age + 2)
    first = np.cumsum(steps) - steps
    frames: IntArray = np.repeat(seen - first, steps) + np.arange(steps.sum())
    if images is not None:
        there = np.fromiter(images.paths, dtype=np.int64)
        there = there[(there >= seen[0]) & (there <= seen[-1])]
        frames = np.union1d(frames, there)
    return frames


def warnings(
    rows: DetectionRows, settings: TrackerSettings, images: ImageFolder | None
) -> Iterator[str]:
    """Yield a line for each thing in the input that is probably a mistake.

    Parameters
    ----------
    rows
        Detections of the recording.
    settings
        Of the tracker.
    images
        The images given with them, if any.

    """
    if not len(rows):
        yield 'no detections in the file'
        return
    low, high = float(rows.scores.min()), float(rows.scores.max())
    if low < 0 or high > 1:
        yield f'scores are {low:g} to {high:g}, expected 0 to 1: scale them'
    if high < settings.min_confidence:
        yield (
            f'no detection is used: the highest score, {high:g}, is below --min-confidence '
            f'{settings.min_confidence:g}'
        )
    yield from _gap(rows)
    if images is not None:
        yield from _image_warnings(rows, images)


def _gap(rows: DetectionRows) -> Iterator[str]:
    import numpy as np

    gaps = np.diff(rows.frames)
    if len(gaps) and gaps.max() > _LONG_GAP:
        place = int(gaps.argmax())
        before, after = (int(frame) for frame in rows.frames[place : place + 2])
        yield f'no detections in frames {before + 1} to {after - 1}: is frame {after} right?'


def _image_warnings(rows: DetectionRows, images: ImageFolder) -> Iterator[str]:
    frames = rows.frame_range
    first, last = frames[0], frames[-1]
    first_image, last_image = next(iter(images.paths)), next(reversed(images.paths))
    begins = {first, first_image} == {0, 1}
    shifted = abs(first - first_image) == 1 and last - last_image == first - first_image
    if begins or shifted:
        yield (
            f'images are numbered {first_image} to {last_image}, detections {first} to {last}: '
            'is one of them counted from 0?'
        )
    missing = len(frames) - sum(frame in frames for frame in images.paths)
    if missing:
        doubt = '; are these the images of this sequence?' if missing > len(frames) // 2 else ''
        yield f'{missing} of {len(frames)} frames have no image: tracked by motion there{doubt}'
