"""Crops of people for training and test, from Market-1501's folders and MOTChallenge sequences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import cv2
import numpy as np
import numpy.typing as npt

from strongsort_ros.errors import InputError
from strongsort_ros.files.motchallenge import load_ground_truth
from strongsort_ros.files.rows import GroundTruth
from strongsort_ros.files.sequence import (
    IMAGE_SUFFIXES,
    ImageFolder,
    find_sequences,
    has_images,
    read_image,
    sequence_info,
)
from strongsort_ros.reid.crops import clip_boxes, crop_with_opencv
from strongsort_ros.settings import Settings, param
from strongsort_ros.types import BoolArray, FloatArray, Image, IntArray

MARKET_TRAIN, MARKET_QUERY, MARKET_GALLERY = 'bounding_box_train', 'query', 'bounding_box_test'
DISTRACTOR: Final = 0
"""Identity of a crop that shows nobody of the queries: a gallery crop, but never correct."""

_MARKET_NAME: Final = re.compile(r'(-1|\d+)_c(\d+)s\d+_\d+_\d+')
_PEDESTRIAN: Final = 1
_FEWEST_CROPS: Final = 2
# Frames per second of a sequence without seqinfo.ini.
_FRAME_RATE: Final = 25.0


@dataclass(frozen=True, slots=True)
class Crops:
    """Crops of people; row i of every array belongs to crop i.

    Attributes
    ----------
    images
        N files, or (H, W, 3) uint8 BGR images.
    identities
        (N,) int64; the same number is the same person.
    cameras
        (N,) int64 numbers of the cameras or sequences.
    times
        (N,) float64 seconds in the sequence; 0 where there are none.

    """

    images: Sequence[Path | Image]
    identities: IntArray
    cameras: IntArray
    times: FloatArray

    def __len__(self) -> int:
        return len(self.images)

    def select(self, chosen: BoolArray | IntArray) -> Self:
        """Return the rows of a mask or of row numbers."""
        rows = np.arange(len(self))[chosen]
        images = [self.images[row] for row in rows.tolist()]
        return type(self)(images, self.identities[rows], self.cameras[rows], self.times[rows])

    def read(self, rows: IntArray, size: tuple[int, int]) -> Image:
        """Return (N, height, width, 3) uint8 BGR crops; `size` is their height and width.

        Raises
        ------
        InputError
            OpenCV cannot read a file.

        """
        found = np.empty((len(rows), *size, 3), dtype=np.uint8)
        for crop, row in zip(found, rows.tolist(), strict=True):
            image = self.images[row]
            image = read_image(image) if isinstance(image, Path) else image
            cv2.resize(image, size[::-1], dst=crop)
        return found


@dataclass(frozen=True, slots=True)
class Dataset:
    """Crops for training and for the test, of different people.

    Attributes
    ----------
    train
        Crops for training.
    query, gallery
        The test: each query is searched for in the gallery.
    gap
        Seconds. Gallery crops of the query's camera that are nearer in time do not count.
        Infinite: gallery crops of the same person and camera do not count, as in Market-1501.
    name
        Name of the data, for the card.

    """

    train: Crops
    query: Crops
    gallery: Crops
    gap: float
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CropSettings(Settings):
    """Which boxes of MOTChallenge sequences become crops, and who is in the test."""

    min_visibility: float = param(
        0.6, 'Smallest visible share of a box; computed from overlaps where gt.txt has none.',
        high=1.0,
    )  # fmt: skip
    min_height: float = param(48.0, 'Smallest height of a box.', 'px', low=1.0)
    max_crops: int = param(50, 'Most crops per person, evenly spaced in time.', low=2)
    held_out: float = param(
        0.4, 'Share of the people of each sequence in the test, without --validate.',
        low=0.01, high=0.99,
    )  # fmt: skip
    gap: float = param(
        1.0, 'Gallery crops nearer in time to the query than this do not count.', 's', high=1e6
    )


def is_market(folder: Path) -> bool:
    """Return whether a folder has the form of Market-1501."""
    return (folder / MARKET_TRAIN).is_dir()


def load_market(folder: Path) -> Dataset:
    """Load a folder in the form of Market-1501.

    Names are those of the benchmark, such as `0002_c1s1_000451_03.jpg`: identity 2, camera 1.
    Identity -1 (junk: boxes that show part of a person) is left out everywhere, and 0 (distractors:
    boxes that show nobody of the queries) is in the gallery only.

    Raises
    ------
    InputError
        A folder is missing or has no crops.

    """
    train = _read_market_folder(folder / MARKET_TRAIN)
    query = _read_market_folder(folder / MARKET_QUERY)
    gallery = _read_market_folder(folder / MARKET_GALLERY)
    train, query = (part.select(part.identities > DISTRACTOR) for part in (train, query))
    return Dataset(_trainable(train, folder), query, gallery, np.inf, folder.resolve().name)


def _read_market_folder(folder: Path) -> Crops:
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    images: list[Path | Image] = []
    rows = []
    for path in files:
        found = _MARKET_NAME.match(path.name)
        if path.suffix.lower() in IMAGE_SUFFIXES and found and int(found[1]) >= DISTRACTOR:
            images.append(path)
            rows.append((int(found[1]), int(found[2])))
    if not images:
        raise InputError(f'{folder}: no crops named like 0002_c1s1_000451_03.jpg')
    identities, cameras = np.array(rows, dtype=np.int64).T
    return Crops(images, identities, cameras, np.zeros(len(images)))


def load_sequences(
    folders: list[Path], validation: list[Path], settings: CropSettings, size: tuple[int, int]
) -> Dataset:
    """Cut crops out of MOTChallenge sequences with ground truth.

    Parameters
    ----------
    folders
        Sequences for training, or folders of sequences.
    validation
        Sequences for the test. Empty: people of `folders` evenly spaced by their ids, the share
        `held_out` of each sequence, are in the test and not in the training.
    settings
        Which boxes are used.
    size
        Height and width of the crops in memory, pixels.

    Raises
    ------
    InputError
        A file is missing or invalid, or too few people are left.

    """
    folders, validation = _sequences(folders), _sequences(validation)
    parts = [_cut_sequence(folder, n, settings, size) for n, folder in enumerate(folders)]
    train = _concatenate(parts)
    name = ', '.join(folder.resolve().name for folder in folders)
    if validation:
        start = len(folders)
        test = _concatenate([
            _cut_sequence(folder, n, settings, size) for n, folder in enumerate(validation, start)
        ])  # fmt: skip
    else:
        held_out = np.concatenate([_held_out(part, settings.held_out) for part in parts])
        train, test = train.select(~held_out), train.select(held_out)
    if not len(test):
        raise InputError(f'{name}: no people for the test; lower --min-height or --min-visibility')
    return Dataset(_trainable(train, name), test, test, settings.gap, name)


def _sequences(folders: list[Path]) -> list[Path]:
    """Return the sequences in each folder, or the folder itself."""
    inside = [[] if has_images(folder) else find_sequences(folder) for folder in folders]
    return [
        path for folder, found in zip(folders, inside, strict=True) for path in found or [folder]
    ]


def _held_out(crops: Crops, share: float) -> BoolArray:
    """Return which crops show people of the test: every time the sum of shares passes a number."""
    people, number = np.unique(crops.identities, return_inverse=True)
    steps = np.floor(share * np.arange(len(people) + 1) + 0.5)
    chosen: BoolArray = (np.diff(steps) > 0)[number]
    return chosen


def _cut_sequence(
    folder: Path, number: int, settings: CropSettings, size: tuple[int, int]
) -> Crops:
    """Return the crops of a sequence; identities are unique among sequences."""
    images = ImageFolder(folder)
    rate = sequence_info(folder).frame_rate if (folder / 'seqinfo.ini').exists() else _FRAME_RATE
    truth = load_ground_truth(folder / 'gt' / 'gt.txt')
    truth = truth.select(truth.considered & (truth.classes == _PEDESTRIAN))
    used = np.isin(truth.frames, list(images.paths)) & (truth.tlwh[:, 3] >= settings.min_height)
    used &= visible_share(truth) >= settings.min_visibility
    truth = truth.select(used)
    truth = truth.select(_evenly_spaced(truth.ids, settings.max_crops))
    crops: list[npt.NDArray[np.uint8]] = []
    kept = np.zeros(len(truth), dtype=bool)
    for frame in np.unique(truth.frames).tolist():
        image, rows = images.read(frame), truth.rows_of(frame)
        assert image is not None
        xyxy, kept[rows] = clip_boxes(truth.tlwh[rows], *image.shape[:2])
        crops += list(crop_with_opencv(image, xyxy, size))
    truth = truth.select(kept)
    return Crops(
        crops, truth.ids + (number << 32), np.full(len(truth), number), truth.frames / rate
    )


def visible_share(truth: GroundTruth) -> FloatArray:
    """Return (N,) visibilities: those of the file, or, if all are 1, an estimate from overlaps.

    The estimate is 1 minus the largest share of a box that one nearer box covers; of two boxes the
    one whose lower edge is lower in the image is nearer.
    """
    if np.any(truth.visibility < 1):
        return truth.visibility
    share = np.ones(len(truth))
    for frame in np.unique(truth.frames).tolist():
        rows = truth.rows_of(frame)
        low = truth.tlwh[rows, :2]
        high = low + truth.tlwh[rows, 2:]
        common = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)
        covered = (
            np.clip(common, 0, None).prod(axis=2)
            / np.maximum((high - low).prod(axis=1), 1e-9)[:, None]
        )
        covered[high[None, :, 1] <= high[:, None, 1]] = 0
        share[rows] = 1 - covered.max(axis=1, initial=0.0)
    return share


def _evenly_spaced(ids: IntArray, most: int) -> BoolArray:
    """Return which rows are used: at most `most` of each id, evenly spaced."""
    chosen = np.zeros(len(ids), dtype=bool)
    for identity in np.unique(ids):
        rows = np.flatnonzero(ids == identity)
        count = min(most, len(rows))
        chosen[rows[(np.arange(count) * len(rows)) // count]] = True
    return chosen


def _concatenate(parts: list[Crops]) -> Crops:
    return Crops(
        [image for part in parts for image in part.images],
        np.concatenate([part.identities for part in parts]),
        np.concatenate([part.cameras for part in parts]),
        np.concatenate([part.times for part in parts]),
    )


def _trainable(crops: Crops, name: object) -> Crops:
    """Return the crops of people who have at least two."""
    people, number, counts = np.unique(crops.identities, return_inverse=True, return_counts=True)
    enough = counts >= _FEWEST_CROPS
    if enough.sum() < 2:
        raise InputError(
            f'{name}: {enough.sum()} of {len(people)} people have at least {_FEWEST_CROPS} crops '
            'for training, expected 2 people or more'
        )
    return crops.select(enough[number])
