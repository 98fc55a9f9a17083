"""What is replayed: a drawn scene, or a MOTChallenge folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from strongsort_ros.files.sequence import ImageFolder, SequenceInfo, load_sequence_info
from tools.demonstration.console import Steps
from tools.demonstration.errors import DemoError
from tools.simulation.mot_folder import write_mot_folder
from tools.simulation.scene import Scene, SceneSettings

_PREFERRED = ('det.txt', 'yolox.txt', 'frcnn.txt')


@dataclass(frozen=True, slots=True)
class Source:
    """A sequence on disk.

    Attributes
    ----------
    folder
        MOTChallenge folder.
    info
        Its seqinfo.ini.
    images
        Its images, by frame number; perhaps not of all frames.
    detections
        File of detections.
    ground_truth
        File of true boxes, or None.

    """

    folder: Path
    info: SequenceInfo
    images: ImageFolder
    detections: Path
    ground_truth: Path | None


def draw_scene(folder: Path, settings: SceneSettings, steps: Steps) -> Source:
    """Draw a scene of known truth into a new folder."""
    write_mot_folder(
        Scene(settings), folder, progress=lambda scene: steps.track(scene, settings.frames)
    )
    return open_sequence(folder)


def open_sequence(folder: Path, detections: Path | None = None) -> Source:
    """Return a sequence, with its best-known file of detections unless one is named.

    Raises
    ------
    InputError
        There are no images or no seqinfo.ini.
    DemoError
        There is no file of detections.

    """
    ground_truth = folder / 'gt' / 'gt.txt'
    return Source(
        folder,
        load_sequence_info(folder),
        ImageFolder(folder),
        detections or _find_detections(folder / 'det'),
        ground_truth if ground_truth.is_file() else None,
    )


def _find_detections(folder: Path) -> Path:
    for name in _PREFERRED:
        if (folder / name).is_file():
            return folder / name
    raise DemoError(f'{folder}: none of {", ".join(_PREFERRED)} there; name one by --detections')
