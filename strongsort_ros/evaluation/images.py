"""Images of scored sequences, from image folders and from bags."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path

from strongsort_ros.bags.camera import CameraTopics, image_times, read_image
from strongsort_ros.bags.reader import open_bag
from strongsort_ros.errors import ImageError, InputError, MessageError
from strongsort_ros.evaluation.sequences import single_ground_truth
from strongsort_ros.files.sequence import ImageFolder, has_images
from strongsort_ros.types import Image

_log = logging.getLogger(__name__)


def folder_images(ground_truth: Path | str) -> Callable[[str, int], Image | None]:
    """Return a reader of the images beside the ground truth.

    Parameters
    ----------
    ground_truth
        A gt.txt, a sequence folder, or a folder of sequence folders.

    Returns
    -------
    (sequence name, frame number) -> (H, W, 3) uint8 BGR, or None where there is no readable image;
    a warning names the sequence or the frame.

    """
    truth = Path(ground_truth)

    @cache
    def folder(name: str) -> ImageFolder | None:
        file = single_ground_truth(truth)
        sequence = truth / name if file is None else file.parent.parent
        if not ((sequence / 'seqinfo.ini').is_file() or (sequence / 'img1').is_dir()):
            return None
        try:
            return ImageFolder(sequence) if has_images(sequence) else None
        except InputError as error:
            _log.warning('no pictures of %s: %s', name, error)
            return None

    def image(name: str, frame: int) -> Image | None:
        found = folder(name)
        try:
            return None if found is None else found.read(frame)
        except InputError as error:
            _log.warning('no picture of %s, frame %d: %s', name, frame, error)
            return None

    return image


def bag_images(
    bag: Path, topics: CameraTopics, stamps: dict[int, int]
) -> Callable[[int], Image | None]:
    """Return a reader of the images of a bag.

    Parameters
    ----------
    bag, topics
        Bag and the topics of its camera.
    stamps
        Frame number -> header stamp, nanoseconds.

    Returns
    -------
    Frame number -> (H, W, 3) uint8 BGR, or None where the bag has no readable image.

    """

    @cache
    def times() -> dict[int, int]:
        with open_bag(bag) as reader:
            return image_times(reader, topics)

    def image(frame: int) -> Image | None:
        time = times().get(stamps.get(frame, 0))
        if time is None:
            return None
        try:
            with open_bag(bag) as reader:
                return read_image(reader, topics, time)
        except (ImageError, MessageError):
            return None

    return image
