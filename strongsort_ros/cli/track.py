"""`strongsort track`: track detections of a file, or what a detector finds in a video."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from strongsort_ros.cli.batch import add_batch_options
from strongsort_ros.cli.console import count, progress, say, tracks_and_boxes, warn
from strongsort_ros.cli.options import (
    add_format,
    add_network,
    add_settings,
    chosen_preset,
    chosen_settings,
    frame_rate,
    input_source,
    network_options,
    output_path,
    save_tracks_as,
)
from strongsort_ros.cli.refine import add_steps, chosen_steps, steps_summary
from strongsort_ros.cli.track_frames import add_frame_options, reads_frames, run_frames
from strongsort_ros.errors import InputError
from strongsort_ros.tracking.settings import TrackerSettings

if TYPE_CHECKING:
    from strongsort_ros.camera_motion.estimator import CameraMotionEstimator
    from strongsort_ros.camera_motion.motion_file import SequenceMotion
    from strongsort_ros.files.rows import DetectionRows
    from strongsort_ros.files.sequence import ImageFolder
    from strongsort_ros.pipeline import Pipeline
    from strongsort_ros.tracking.tracks import Tracks
    from strongsort_ros.types import Image, IntArray

# Values of --ecc without a file, and of --no-ecc.
_FROM_IMAGES, _OFF = 'images', 'off'

_LONG_GAP: Final = 1000
"""Frames without detections that suggest a wrong frame number."""


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        'track',
        usage='%(prog)s DETECTIONS -o OUT [--images DIR] [--reid WEIGHTS] [options]\n'
        '       %(prog)s VIDEO|FOLDER|CAMERA|STREAM [...] [-o OUT] [--video OUT.mp4] [--display] '
        '[--detector MODEL] [options]',
        help='track detections, or the objects in a video',
        description='Track the detections of a sequence, or what a detector finds in a video, a '
        'folder of images, a camera or a stream. With images, embeddings come from a ReID network '
        '(--reid) or from colour histograms; without, tracks are matched by motion only.',
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        'inputs', nargs='+', type=input_source, metavar='INPUT',
        help="MOTChallenge sequence (its detections and images), det.txt, .csv with a header, or "
        "DeepSORT's .npy with embeddings; -: standard input. Or frames: videos, folders of images, "
        "camera:0, rtsp:// or http:// streams",
    )  # fmt: skip
    parser.add_argument(
        '-o', '--output', type=output_path, metavar='OUT',
        help='file of tracks to write; -: standard output; for several inputs a folder',
    )  # fmt: skip
    add_format(parser)
    parser.add_argument(
        '--images', type=Path, metavar='DIR', help='numbered images of the detections in a file'
    )
    parser.add_argument(
        '--reid', metavar='WEIGHTS', help='ReID weights: .pth, .safetensors, .onnx or timm:NAME'
    )
    add_network(parser)
    add_frame_options(parser)
    parser.add_argument(
        '--ecc', nargs='?', const=_FROM_IMAGES, metavar='FILE.json',
        help='compensate camera motion, from a file {sequence: {frame: 3x3}} or estimated from '
        'the images; default with images: estimated, unless the preset is deepsort',
    )  # fmt: skip
    parser.add_argument(
        '--no-ecc', dest='ecc', action='store_const', const=_OFF,
        help='do not compensate camera motion',
    )  # fmt: skip
    parser.add_argument(
        '--sequence', metavar='NAME',
        help="entry in the file of --ecc; default: the name of the sequence or the detections' "
        'file',
    )  # fmt: skip
    parser.add_argument(
        '--frame-rate', type=frame_rate, default=0.0, metavar='HZ',
        help='frames per second, for settings in seconds; default: of the video or seqinfo.ini, '
        'otherwise 30; given, it replaces the times of a video',
    )  # fmt: skip
    add_settings(parser, TrackerSettings.robust())
    add_steps(parser)
    add_batch_options(parser)


def run(args: argparse.Namespace) -> int:
    """Track frames, or detections from the first frame with detections to the last."""
    if reads_frames(args):
        return run_frames(args)
    if args.output is None:
        raise InputError('track: the following arguments are required: -o/--output')
    args.detections = args.inputs[0]
    _track_detections(args)
    return 0


def _track_detections(args: argparse.Namespace) -> None:
    from strongsort_ros.files.atomic import replacing
    from strongsort_ros.files.rows import TrackRows
    from strongsort_ros.files.sequence import ImageFolder
    from strongsort_ros.files.track_states import save_track_states
    from strongsort_ros.refinement.tracks import apply_steps

    steps = chosen_steps(args)
    _resolve_sequence(args)
    rows = load_rows(args.detections)
    images = ImageFolder(args.images) if args.images else None
    motions = load_motions(args, args.detections.stem)
    with replacing(args.output) as written:
        pipeline = _make_pipeline(args, rows, images)
        for line in input_warnings(rows, pipeline.settings, images):
            warn(line)
        try:
            tracks = TrackRows.collect(_track(pipeline, rows, images, motions))
        finally:
            pipeline.close()
        done = apply_steps(tracks, steps)
        save_tracks_as(written, done.tracks, args.format)
    save_track_states(args.output, None if steps else tracks)
    made = tracks_and_boxes(len(set(done.tracks.ids.tolist())), len(done.tracks))
    refined = f'; {summary}' if (summary := steps_summary(steps, done)) else ''
    say(f'{made} in {count(len(rows.frame_range), "frame")}{refined}: {args.output}')


def _resolve_sequence(args: argparse.Namespace) -> None:
    """Set detections, images and name if the argument is a sequence's folder."""
    from strongsort_ros.files.sequence import find_detections, has_images, load_sequence_info

    folder = args.detections
    if not folder.is_dir():
        return
    args.detections = find_detections(folder)
    args.sequence = args.sequence or folder.resolve().name
    if not args.frame_rate and (folder / 'seqinfo.ini').exists():
        args.frame_rate = load_sequence_info(folder).frame_rate
    if args.images is None and has_images(folder):
        args.images = folder


def load_rows(path: Path) -> DetectionRows:
    """Read detections, with embeddings from a .npy file."""
    from strongsort_ros.files.deepsort_npy import load_deepsort
    from strongsort_ros.files.motchallenge import load_detections

    return load_deepsort(path) if path.suffix == '.npy' else load_detections(path)


def load_motions(args: argparse.Namespace, default: str) -> SequenceMotion | None:
    """Return camera motion from the file of --ecc, if one is given.

    `default` is the name of the sequence, unless --sequence is given.
    """
    if args.ecc in (None, _FROM_IMAGES, _OFF):
        return None
    from strongsort_ros.camera_motion.motion_file import CameraMotionFile

    name = args.sequence or default
    try:
        motions = CameraMotionFile.load(args.ecc)
        if name in motions.names:
            return motions.sequence(name)
    except InputError as error:
        raise InputError(f'--ecc: {error}') from error
    known = ', '.join(motions.names) or 'none'
    raise InputError(
        f'--ecc: {args.ecc}: no sequence {name!r}; choose one with --sequence: {known}'
    )


def _make_pipeline(
    args: argparse.Namespace, rows: DetectionRows, images: ImageFolder | None
) -> Pipeline:
    from strongsort_ros.pipeline import Pipeline
    from strongsort_ros.tracking.tracker import FRAME_RATE

    if images is None and args.ecc == _FROM_IMAGES:
        raise InputError('--ecc: needs --images, or a file of camera motions')
    if args.reid and images is None:
        raise InputError('--reid: needs --images')
    if args.reid and rows.embeddings is not None:
        raise InputError(f'--reid: {args.detections} has embeddings already; use a det.txt')
    extractor = None
    if images is not None and rows.embeddings is None:
        from strongsort_ros.reid.factory import load_extractor

        extractor = load_extractor(args.reid or '', **network_options(args))
    settings = chosen_settings(args, network=extractor is not None)
    rate = args.frame_rate or FRAME_RATE
    estimator = None if images is None else make_estimator(args)
    return Pipeline(settings, extractor, estimator, rate)


def make_estimator(args: argparse.Namespace) -> CameraMotionEstimator | None:
    """Return the estimator of camera motion; None if it is off or comes from a file."""
    wanted = args.ecc == _FROM_IMAGES or (args.ecc is None and chosen_preset(args) != 'deepsort')
    if not wanted:
        return None
    from strongsort_ros.camera_motion.ecc import EccCameraMotion

    return EccCameraMotion()


def _track(
    pipeline: Pipeline,
    rows: DetectionRows,
    images: ImageFolder | None,
    motions: SequenceMotion | None,
) -> Iterator[tuple[int, Tracks]]:
    """Yield the tracks of each frame: those that are reported, and the tentative ones."""
    import numpy as np

    from strongsort_ros.tracking.tracks import TENTATIVE

    unreadable: list[str] = []
    frames = frames_to_step(rows, images, pipeline.tracker.max_age)
    for frame in progress('track')(frames.tolist()):
        image = _read(images, frame, unreadable)
        motion = None if motions is None else motions.at(frame)
        tracks = pipeline.step(rows.at(frame), image, camera_motion=motion).tracks
        live = tracks.all
        yield frame, live.select((live.states == TENTATIVE) | np.isin(live.ids, tracks.ids))
    if unreadable:
        number = count(len(unreadable), 'unreadable image')
        warn(f'{unreadable[0]}; {number} in total, tracked by motion only')


def _read(images: ImageFolder | None, frame: int, unreadable: list[str]) -> Image | None:
    """Return the image of a frame; if it cannot be read, append the reason to `unreadable`."""
    try:
        return None if images is None else images.read(frame)
    except InputError as error:
        unreadable.append(str(error))
        return None


def frames_to_step(rows: DetectionRows, images: ImageFolder | None, max_age: int) -> IntArray:
    """Return the frames that can change the tracker, ascending.

    Frames with neither detections nor an image are left out once the last track has been deleted,
    so that a wrong frame number costs no time. The resulting tracks are the same as after
    stepping through every frame. An unmatched track is deleted after `max_age` frames.
    """
    import numpy as np

    seen = np.unique(rows.frames)
    if not len(seen):
        return seen
    steps = np.minimum(np.diff(seen, append=seen[-1] + 1), max_age + 2)
    first = np.cumsum(steps) - steps
    frames: IntArray = np.repeat(seen - first, steps) + np.arange(steps.sum())
    if images is not None:
        numbers = np.fromiter(images.paths, dtype=np.int64)
        frames = np.union1d(frames, numbers[(numbers >= seen[0]) & (numbers <= seen[-1])])
    return frames


def input_warnings(
    rows: DetectionRows, settings: TrackerSettings, images: ImageFolder | None
) -> Iterator[str]:
    """Yield a line for each likely mistake in the input.

    Parameters
    ----------
    rows
        Detections of the recording.
    settings
        Settings of the tracker; `min_confidence` may exclude all detections.
    images
        Images given with the detections; None: there are none.

    """
    if not len(rows):
        yield 'no detections in the file'
        return
    low, high = float(rows.scores.min()), float(rows.scores.max())
    if low < 0 or high > 1:
        yield f'scores are {low:g} to {high:g}, expected 0 to 1: scale them'
    if high < settings.min_confidence:
        yield (
            f'all detections are ignored: the highest score, {high:g}, is below --min-confidence '
            f'{settings.min_confidence:g}'
        )
    yield from _gap_warning(rows)
    if images is not None:
        yield from image_warnings(rows, list(images.paths))


def _gap_warning(rows: DetectionRows) -> Iterator[str]:
    import numpy as np

    gaps = np.diff(rows.frames)
    if len(gaps) and gaps.max() > _LONG_GAP:
        place = int(gaps.argmax())
        before, after = (int(frame) for frame in rows.frames[place : place + 2])
        yield f'no detections in frames {before + 1} to {after - 1}: is frame {after} right?'


def image_warnings(rows: DetectionRows, numbers: Sequence[int]) -> Iterator[str]:
    """Yield a line for each likely mistake in the ascending numbers of the images."""
    frames = rows.frame_range
    first, last = frames[0], frames[-1]
    first_image, last_image = numbers[0], numbers[-1]
    begins = {first, first_image} == {0, 1}
    shifted = abs(first - first_image) == 1 and last - last_image == first - first_image
    if begins or shifted:
        yield (
            f'images are numbered {first_image} to {last_image}, detections {first} to {last}: '
            'does one of them count from 0?'
        )
    missing = len(frames) - sum(frame in frames for frame in numbers)
    if missing:
        doubt = '; are these the images of this sequence?' if missing > len(frames) // 2 else ''
        yield f'{missing} of {len(frames)} frames without an image: tracked by motion only{doubt}'
