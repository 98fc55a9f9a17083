"""A MOTChallenge sequence as a rosbag2."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from strongsort_ros.recording.motchallenge import PERSON, load_detections
from strongsort_ros.recording.rosbag_writer import BagWriter, Storage
from strongsort_ros.recording.sequence import (
    ImageFolder,
    find_detections,
    sequence_info,
)

Progress = Callable[[Collection[int]], Iterable[int]]
"""Wraps the frames that a loop goes through, to show how far it is; `iter` shows nothing."""


@dataclass(frozen=True, slots=True)
class BagContents:
    """How much went into a bag, and how many detections have no image and were left out."""

    frames: int
    detections: int
    left_out: int


def write_sequence(
    folder: Path | str,
    output: Path | str,
    *,
    detections: Path | str | None = None,
    storage: Storage = 'mcap',
    compressed: bool = False,
    frame_id: str = 'camera',
    class_id: str = PERSON,
    frame_rate: float | None = None,
    progress: Progress = iter,
) -> BagContents:
    """Write every image of a sequence and its detections, an empty array where there are none.

    Frame n has the stamp n / frame rate, frame 0 one of 1 ns. The image is written before its
    detections.

    Parameters
    ----------
    folder
        The sequence's folder, with seqinfo.ini and images.
    output
        Folder of the bag; it must not exist.
    detections
        A det.txt; None: the sequence's own.
    compressed
        Carry the image files' bytes as they are, instead of pixels.
    frame_rate
        Frames a second; None: as the sequence's seqinfo.ini says.

    Raises
    ------
    InputError
        Something of the sequence is missing or not usable, or the bag cannot be written.

    """
    info = sequence_info(folder, frame_rate)
    images = ImageFolder(folder)
    rows = load_detections(detections or find_detections(folder), class_id)
    written = 0
    with BagWriter(output, storage, frame_id) as bag:
        for frame in progress(images.paths.keys()):
            stamp = info.stamp(frame)
            if compressed:
                path = images.paths[frame]
                bag.write_compressed(stamp, path.read_bytes(), path.suffix)
            else:
                image = images.read(frame)
                assert image is not None
                bag.write_image(stamp, image)
            seen = rows.at(frame)
            bag.write_detections(stamp, seen)
            written += len(seen)
    return BagContents(len(images), written, len(rows) - written)
