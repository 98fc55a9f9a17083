"""Replayed bags against ground truth: scored are the frames that a bag has."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from strongsort_ros.bags.camera import CameraTopics, image_times, read_image
from strongsort_ros.errors import ImageError, InputError, MessageError
from strongsort_ros.evaluation.scores import ScoredSequence
from strongsort_ros.files.motchallenge import load_ground_truth, load_tracks
from strongsort_ros.types import Image, IntArray


def recorded_sequence(
    name: str, ground_truth: Path, tracks: Path, frames: IntArray
) -> ScoredSequence:
    """Return a replayed bag as what is scored.

    Parameters
    ----------
    name
        Of the bag.
    ground_truth
        A gt.txt.
    tracks
        MOTChallenge text of the replay, or of its refinement.
    frames
        Numbers of the frames that the bag has; truth and tracks of others are left out.

    Raises
    ------
    InputError
        A file is not usable, or the truth has none of the frames.

    """
    truth, rows = load_ground_truth(ground_truth), load_tracks(tracks)
    common = truth.select(np.isin(truth.frames, frames))
    if not len(common):
        ends = [f'{n.min()} to {n.max()}' if len(n) else 'nothing' for n in (truth.frames, frames)]
        raise InputError(
            f'{ground_truth}: has frames {ends[0]}, the bag {ends[1]}: nothing to score; is '
            '--frame-rate that of the ground truth?'
        )
    rows = rows.select(np.isin(rows.frames, frames))
    return ScoredSequence(name, common, rows, range(int(frames.min()), int(frames.max()) + 1))


def bag_images(
    bag: Path, topics: CameraTopics, stamps: dict[int, int]
) -> Callable[[int], Image | None]:
    """Return what reads the image of a frame; None where the bag has none that can be read.

    Parameters
    ----------
    bag, topics
        What was replayed.
    stamps
        Frame -> stamp of its header, nanoseconds.

    """

    @cache
    def times() -> dict[int, int]:
        return image_times(bag, topics)

    def image(frame: int) -> Image | None:
        time = times().get(stamps.get(frame, 0))
        try:
            return None if time is None else read_image(bag, topics, time)
        except (ImageError, MessageError):
            return None

    return image
