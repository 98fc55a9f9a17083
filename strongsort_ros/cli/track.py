"""`strongsort track`: a file of detections in, a file of tracks out."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from strongsort_ros.cli.console import progress, say, warn
from strongsort_ros.cli.files import add_format, readable, save_tracks_as, writable
from strongsort_ros.cli.options import (
    add_network,
    add_settings,
    chosen_settings,
    means_strongsort,
    network_options,
)
from strongsort_ros.cli.refine import add_steps, chosen_steps, refined

if TYPE_CHECKING:
    from strongsort_ros.camera_motion.estimator import CameraMotionEstimator
    from strongsort_ros.camera_motion.motion_file import SequenceMotion
    from strongsort_ros.files.rows import DetectionRows
    from strongsort_ros.files.sequence import ImageFolder
    from strongsort_ros.pipeline import Pipeline
    from strongsort_ros.tracking.tracks import Tracks
    from strongsort_ros.types import Image

# What --ecc and --no-ecc mean without a file.
_FROM_IMAGES, _OFF = 'images', 'off'


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        'track', help='detections -> tracks', description='Track the detections of a sequence.'
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        'detections',
        type=readable,
        help="MOTChallenge's det.txt, a .csv with a header, DeepSORT's .npy with embeddings, or a "
        "sequence's folder with its detections and images; -: the standard input",
    )
    parser.add_argument('-o', '--output', type=writable, required=True, metavar='OUT')
    add_format(parser)
    parser.add_argument(
        '--images', type=Path, metavar='DIR', help="numbered images, or a sequence's folder"
    )
    parser.add_argument(
        '--reid', metavar='WEIGHTS', help='appearance network, for a det.txt with --images'
    )
    add_network(parser)
    parser.add_argument(
        '--ecc',
        nargs='?',
        const=_FROM_IMAGES,
        metavar='FILE.json',
        help='camera motion, from a file {sequence: {frame: 3x3}} or, without it, from --images',
    )
    parser.add_argument(
        '--no-ecc', dest='ecc', action='store_const', const=_OFF, help='the camera stands still'
    )
    parser.add_argument(
        '--sequence',
        metavar='NAME',
        help="entry in the file of --ecc; default: the detections' file stem",
    )
    add_settings(parser)
    add_steps(parser)


def run(args: argparse.Namespace) -> None:
    """Track a sequence; every frame from the first to the last detection is one."""
    from strongsort_ros.files.atomic import replacing
    from strongsort_ros.files.rows import TrackRows
    from strongsort_ros.files.sequence import ImageFolder

    steps = chosen_steps(args)
    _find_in_sequence(args)
    rows = _load(args.detections)
    images = ImageFolder(args.images) if args.images else None
    motions = _motion_file(args)
    with replacing(args.output) as written:
        pipeline = _make_pipeline(args, rows, images)
        for line in warnings(rows, pipeline.settings, images):
            warn(line)
        try:
            tracked = _track(pipeline, rows, images, motions)
            tracks = TrackRows.collect(tracked)
        finally:
            pipeline.close()
        tracks = refined(tracks, steps)
        save_tracks_as(written, tracks, args.format)
    count = len(set(tracks.ids.tolist()))
    say(f'{count} tracks, {len(tracks)} boxes in {len(rows.frame_range)} frames: {args.output}')


def _find_in_sequence(args: argparse.Namespace) -> None:
    """Take detections and images from a sequence's folder, where that is what was named."""
    from strongsort_ros.files.sequence import find_detections, has_images

    folder = args.detections
    if not folder.is_dir():
        return
    args.detections = find_detections(folder)
    args.sequence = args.sequence or folder.resolve().name
    if args.images is None and has_images(folder):
        args.images = folder


def _load(path: Path) -> DetectionRows:
    from strongsort_ros.files.deepsort_npy import load_deepsort
    from strongsort_ros.files.motchallenge import load_detections

    return load_deepsort(path) if path.suffix == '.npy' else load_detections(path)


def _motion_file(args: argparse.Namespace) -> SequenceMotion | None:
    """Return the camera motion of the file given with --ecc."""
    if args.ecc in (None, _FROM_IMAGES, _OFF):
        return None
    from strongsort_ros.camera_motion.motion_file import CameraMotionFile
    from strongsort_ros.errors import InputError

    name = args.sequence or args.detections.stem
    try:
        motions = CameraMotionFile.load(args.ecc)
        if name in motions.names:
            return motions.sequence(name)
    except InputError as error:
        raise InputError(f'--ecc: {error}') from error
    known = ', '.join(motions.names) or 'nothing'
    raise InputError(f'--ecc: {args.ecc}: no sequence {name!r} but {known}; choose by --sequence')


def _make_pipeline(
    args: argparse.Namespace, rows: DetectionRows, images: ImageFolder | None
) -> Pipeline:
    from strongsort_ros.errors import InputError
    from strongsort_ros.pipeline import Pipeline

    if images is None and args.ecc == _FROM_IMAGES:
        raise InputError('--ecc: without a file of camera motions it needs --images')
    if args.reid and images is None:
        raise InputError('--reid: a network needs --images')
    if args.reid and rows.embeddings is not None:
        raise InputError(f'--reid: {args.detections} has embeddings already; give a det.txt')
    extractor = None
    if images is not None and rows.embeddings is None:
        from strongsort_ros.reid.factory import load_extractor

        extractor = load_extractor(args.reid or '', **network_options(args))
    settings = chosen_settings(args, network=extractor is not None)
    return Pipeline(settings, extractor, _estimator(args, images))


def _estimator(
    args: argparse.Namespace, images: ImageFolder | None
) -> CameraMotionEstimator | None:
    """Return what estimates camera motion from images, where that is asked for."""
    wanted = args.ecc == _FROM_IMAGES or (args.ecc is None and means_strongsort(args))
    if images is None or not wanted:
        return None
    from strongsort_ros.camera_motion.ecc import EccCameraMotion

    return EccCameraMotion()


def _track(
    pipeline: Pipeline,
    rows: DetectionRows,
    images: ImageFolder | None,
    motions: SequenceMotion | None,
) -> Iterator[tuple[int, Tracks]]:
    unreadable: list[str] = []
    frames = frames_to_step(rows, images, pipeline.settings.max_age)
    for frame in progress('track')(frames.tolist()):
        image = _read(images, frame, unreadable)
        motion = None if motions is None else motions.at(frame)
        yield frame, pipeline.step(rows.at(frame), image, camera_motion=motion).tracks
    if unreadable:
        warn(f'{unreadable[0]}; {len(unreadable)} such images: tracked by motion there')


def _read(images: ImageFolder | None, frame: int, unreadable: list[str]) -> Image | None:
    """Return the image of a frame; None, and a line more, where it cannot be read."""
    from strongsort_ros.errors import InputError

    try:
        return None if images is None else images.read(frame)
    except InputError as error:
        unreadable.append(str(error))
        return None


if TYPE_CHECKING:
    from strongsort_ros.files.rows import DetectionRows
    from strongsort_ros.files.sequence import ImageFolder
    from strongsort_ros.tracking.settings import TrackerSettings
    from strongsort_ros.types import IntArray

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
