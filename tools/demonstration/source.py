"""Input of the demonstration: a drawn scene, or a MOTChallenge folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from strongsort_ros.files.sequence import (
    ImageFolder,
    SequenceInfo,
    find_detections,
    load_sequence_info,
)
from tools.demonstration.console import Steps
from tools.simulation.mot_folder import write_mot_folder
from tools.simulation.scene import Scene, SceneSettings


@dataclass(frozen=True, slots=True)
class Source:
    """A sequence on disk.

    Attributes
    ----------
    folder
        MOTChallenge folder.
    info
        Content of its seqinfo.ini.
    images
        Images by frame number; some frames may have none.
    detections
        File of detections.
    ground_truth
        File of ground truth, or None.

    """

    folder: Path
    info: SequenceInfo
    images: ImageFolder
    detections: Path
    ground_truth: Path | None


def draw_scene(folder: Path, settings: SceneSettings, steps: Steps) -> Source:
    """Draw a scene with ground truth into a new folder."""
    write_mot_folder(
        Scene(settings), folder, progress=lambda scene: steps.track(scene, settings.frames)
    )
    return open_sequence(folder)


def open_sequence(folder: Path, detections: Path | None = None) -> Source:
    """Return the sequence of a folder; without `detections`, with those in the folder.

    Raises
    ------
    InputError
        There are no images, no seqinfo.ini or no detections.

    """
    ground_truth = folder / 'gt' / 'gt.txt'
    return Source(
        folder,
        load_sequence_info(folder),
        ImageFolder(folder),
        detections or find_detections(folder),
        ground_truth if ground_truth.is_file() else None,
    )
