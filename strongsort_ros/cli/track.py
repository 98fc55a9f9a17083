"""`strongsort track`: a file of detections in, a file of tracks out."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from strongsort_ros.cli.track_input import frames_to_step, warnings

if TYPE_CHECKING:
    from strongsort_ros.camera_motion.estimator import CameraMotionEstimator
    from strongsort_ros.camera_motion.motion_file import SequenceMotion
    from strongsort_ros.pipeline import Image, Pipeline
    from strongsort_ros.recording.rows import DetectionRows
    from strongsort_ros.recording.sequence import ImageFolder
    from strongsort_ros.tracking.tracks import Tracks

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
    from strongsort_ros.recording.atomic import replacing
    from strongsort_ros.recording.rows import TrackRows
    from strongsort_ros.recording.sequence import ImageFolder

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
    from strongsort_ros.recording.sequence import find_detections, has_images

    folder = args.detections
    if not folder.is_dir():
        return
    args.detections = find_detections(folder)
    args.sequence = args.sequence or folder.resolve().name
    if args.images is None and has_images(folder):
        args.images = folder


def _load(path: Path) -> DetectionRows:
    from strongsort_ros.recording.deepsort_npy import load_deepsort
    from strongsort_ros.recording.motchallenge import load_detections

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
        from strongsort_ros.appearance.factory import load_extractor

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
