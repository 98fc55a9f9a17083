"""Read MOTChallenge sequences: seqinfo.ini, numbered images, the file of detections."""

from __future__ import annotations

import configparser
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from strongsort_ros.errors import InputError

IMAGE_SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp')


@dataclass(frozen=True, slots=True)
class SequenceInfo:
    """Content of a seqinfo.ini.

    Attributes
    ----------
    name
        Name of the sequence.
    frame_rate
        Frames per second.
    length
        Number of frames; they are numbered from 1.
    image_folder
        Folder of the images, relative to that of the sequence.

    """

    name: str
    frame_rate: float
    length: int
    image_folder: str = 'img1'

    def stamp(self, frame: int) -> int:
        """Return the time of a frame, nanoseconds: its number divided by the frame rate.

        Frame 0 has 1 ns, since a stamp of 0 means "no stamp" in ROS.
        """
        return max(round(frame * 1e9 / self.frame_rate), 1)

    @property
    def second_half(self) -> int:
        """First frame of the published validation half."""
        return self.length // 2 + 2


def load_sequence_info(folder: Path | str) -> SequenceInfo:
    """Read the seqinfo.ini of a sequence's folder.

    Raises
    ------
    InputError
        The file is missing, or an entry is missing or invalid.

    """
    path = Path(folder) / 'seqinfo.ini'
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding='utf-8-sig'))
        section = parser['Sequence']
        info = SequenceInfo(
            section['name'],
            float(section['frameRate']),
            int(section['seqLength']),
            section.get('imDir', 'img1'),
        )
    except OSError as error:
        raise InputError(f'{path}: cannot read it: {error.strerror}') from error
    except KeyError as error:
        raise InputError(f'{path}: no entry {error.args[0]}') from error
    except (configparser.Error, ValueError) as error:
        raise InputError(f'{path}: {str(error).splitlines()[0]}') from error
    if not 0 < info.frame_rate < 1e6 or info.length < 1:
        raise InputError(f'{path}: frameRate and seqLength must be positive')
    return info


def sequence_info(folder: Path | str, frame_rate: float | None = None) -> SequenceInfo:
    """Return the information on a sequence or on a plain folder of images.

    Parameters
    ----------
    folder
        Folder of a sequence, or of images only, whose highest frame number is then the length.
    frame_rate
        Frames per second; None: from seqinfo.ini, which must exist.

    Raises
    ------
    InputError
        There is neither a seqinfo.ini nor a frame rate, or there are no images.

    """
    if (Path(folder) / 'seqinfo.ini').exists():
        info = load_sequence_info(folder)
        return info if frame_rate is None else replace(info, frame_rate=frame_rate)
    if frame_rate is None:
        raise InputError(f'{folder}: no seqinfo.ini in it; set the rate with --frame-rate')
    last = next(reversed(ImageFolder(folder).paths))
    return SequenceInfo(Path(folder).resolve().name, frame_rate, last)


class ImageFolder:
    """Images of a sequence by frame number, which is the last number in the name of a file.

    Parameters
    ----------
    folder
        Folder of images, or of a sequence with the images in the folder that its seqinfo.ini
        names, by default img1.

    Attributes
    ----------
    paths
        Frame number -> file, in the order of frames.

    Raises
    ------
    InputError
        The folder is missing or has no images, or two images have the same number.

    """

    def __init__(self, folder: Path | str) -> None:
        self.paths = numbered_images(_image_folder(Path(folder)))

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, frame: int) -> npt.NDArray[np.uint8] | None:
        """Return the image of a frame, (H, W, 3) uint8 BGR, or None if there is none.

        Raises
        ------
        InputError
            OpenCV cannot read the file.

        """
        path = self.paths.get(frame)
        return None if path is None else read_image(path)


def numbered_images(folder: Path) -> dict[int, Path]:
    """Return the images of a folder by frame number, in the order of frames.

    Raises
    ------
    InputError
        The folder is missing or has no images, or two images have the same number.

    """
    if not folder.is_dir():
        raise InputError(f'{folder}: no such folder of images')
    found: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        numbers = re.findall(r'\d+', path.stem)
        if path.suffix.lower() not in IMAGE_SUFFIXES or not numbers:
            continue
        other = found.setdefault(int(numbers[-1]), path)
        if other is not path:
            raise InputError(f'{folder}: {other.name} and {path.name} have the same frame number')
    if not found:
        raise InputError(f'{folder}: no numbered images ({", ".join(IMAGE_SUFFIXES)})')
    return dict(sorted(found.items()))


def read_image(path: Path) -> npt.NDArray[np.uint8]:
    """Return an image, (H, W, 3) uint8 BGR.

    Raises
    ------
    InputError
        OpenCV cannot read the file.

    """
    import cv2  # slow to import, and needed for images only

    try:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    except cv2.error:  # more pixels than OpenCV allows
        image = None
    if image is None:
        raise InputError(f'{path}: not an image that OpenCV can read')
    return image.astype(np.uint8, copy=False)


def has_images(folder: Path | str) -> bool:
    """Return whether the folder of a sequence has images.

    Raises
    ------
    InputError
        The seqinfo.ini in the folder is invalid.

    """
    folder = _image_folder(Path(folder))
    suffixes = {path.suffix.lower() for path in folder.iterdir()} if folder.is_dir() else set()
    return not suffixes.isdisjoint(IMAGE_SUFFIXES)


def find_sequences(folder: Path | str) -> list[Path]:
    """Return the folders in `folder` that have images, sorted by name."""
    folder = Path(folder)
    inside = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path for path in inside if path.is_dir() and has_images(path)]


def find_detections(folder: Path | str) -> Path:
    """Return the file of detections of a sequence: det/det.txt, or the only .txt or .csv in det.

    Raises
    ------
    InputError
        There is no such file, or there are several and none is det.txt.

    """
    det = Path(folder) / 'det'
    if (det / 'det.txt').is_file():
        return det / 'det.txt'
    found = sorted([*det.glob('*.txt'), *det.glob('*.csv')])
    if len(found) != 1:
        names = ', '.join(path.name for path in found)
        raise InputError(
            f'{det}: no det.txt{f", but {names}" if found else " or other file"}; pass the file to '
            'use: `track FILE --images FOLDER`, with other commands `--detections FILE`'
        )
    return found[0]


def _image_folder(folder: Path) -> Path:
    """Return the folder of a sequence's images, or the folder itself."""
    if (folder / 'seqinfo.ini').is_file():
        return folder / load_sequence_info(folder).image_folder
    return folder / 'img1' if (folder / 'img1').is_dir() else folder
