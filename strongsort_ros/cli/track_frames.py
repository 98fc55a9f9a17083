"""`strongsort track` of a video, images, a camera or a stream: frames in, tracks and video out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from strongsort_ros.cli.batch import Job, run_many
from strongsort_ros.cli.console import count, say, tracks_and_boxes, warn
from strongsort_ros.cli.frame_loop import Detect, FrameLoop, stop_on_signals
from strongsort_ros.cli.options import chosen_settings, network_options, save_tracks_as
from strongsort_ros.cli.pictures import Pictures
from strongsort_ros.cli.refine import chosen_steps, steps_summary
from strongsort_ros.errors import InputError

if TYPE_CHECKING:
    from strongsort_ros.files.frames import FrameSource
    from strongsort_ros.files.rows import DetectionRows
    from strongsort_ros.pipeline import Pipeline

DETECTION_FILES: Final = ('.txt', '.csv', '.npy')
VIDEO_FILES: Final = (
    '.3gp', '.asf', '.avi', '.flv', '.gif', '.h264', '.h265', '.hevc', '.m2ts', '.m4v', '.mjpeg',
    '.mjpg', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.mts', '.mxf', '.ogv', '.ts', '.vob',
    '.webm', '.wmv', '.y4m',
)  # fmt: skip
"""Extensions of videos; with an option that only frames have, other files are tried as well."""

INTERRUPTED: Final = 130
_LOST: Final = 1
_FRAME_OPTIONS: Final = ('detector', 'detections', 'classes', 'names', 'video', 'display')


def add_frame_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for videos, images and cameras."""
    group = parser.add_argument_group('videos, images, cameras')
    group.add_argument(
        '--detector', metavar='MODEL',
        help='MODEL.onnx (YOLO, RT-DETR, D-FINE, RF-DETR), yolox:MODEL.onnx, ssdlite, hog, motion, '
        'torchvision:NAME:WEIGHTS, ultralytics:MODEL or rfdetr:NAME; default: the best that is '
        'installed of ssdlite, hog and motion',
    )  # fmt: skip
    group.add_argument(
        '--detections', type=Path, metavar='FILE',
        help='detections of the frames in a file, in place of a detector',
    )  # fmt: skip
    group.add_argument(
        '--classes', default='', metavar='LIST',
        help='classes to track, by name or number: person,car; default: all',
    )  # fmt: skip
    group.add_argument(
        '--names', type=Path, metavar='FILE',
        help='class names of the detector, .json or a name in each line; default: of the model',
    )  # fmt: skip
    group.add_argument(
        '--detector-size', type=int, default=0, metavar='PIXELS',
        help='side of the input of a model that takes several sizes; default: of the model',
    )  # fmt: skip
    group.add_argument(
        '--video', type=Path, metavar='OUT.mp4',
        help='write a video with the tracks, .mp4 or .webm; of several inputs: the ending, .mp4',
    )  # fmt: skip
    group.add_argument('--display', action='store_true', help='show the tracks in a window; q ends')
    group.add_argument(
        '--trail', type=int, default=30, metavar='FRAMES',
        help='length of the paths in the video; default: %(default)s',
    )  # fmt: skip


def reads_frames(args: argparse.Namespace) -> bool:
    """Return whether the inputs are videos, images or cameras rather than detections.

    Raises
    ------
    InputError
        An option for frames is given with a file of detections.

    """
    option = next((name for name in _FRAME_OPTIONS if getattr(args, name)), None)
    for given in args.inputs:
        if Path(given).suffix.lower() in DETECTION_FILES and (option or len(args.inputs) > 1):
            raise InputError(
                f'{given}: detections have no frames; use: track VIDEO --detections {given}'
            )
    if option or len(args.inputs) > 1:
        return True
    from strongsort_ros.files.frames import is_camera

    given = args.inputs[0]
    path = Path(given)
    if '://' in str(given) or is_camera(str(given)) or path.suffix.lower() in VIDEO_FILES:
        return True
    return path.is_dir() and not (path / 'det').is_dir()


def run_frames(args: argparse.Namespace) -> int:
    """Track one source of frames, or several files into a folder."""
    if not (args.output or args.video or args.display):
        raise InputError('nothing to write; add -o tracks.txt, --video out.mp4 or --display')
    if args.images:
        raise InputError('--images: is for a file of detections; the frames have images')
    if len(args.inputs) == 1:
        done = track_source(args, args.inputs[0], args.output, args.video)
        if done.interrupted:
            warn(f'strongsort: interrupted; {done.summary}')
            return INTERRUPTED
        say(done.summary)
        return _LOST if done.lost else 0
    if args.display or args.output is None:
        raise InputError('several inputs: -o names the folder of the outputs, without --display')
    jobs = _plan(args.inputs, args.output, args.format or 'txt')
    work = partial(_track_job, args)
    return run_many(jobs, work, label='track', n_jobs=args.jobs, backend=args.backend)


def _plan(inputs: Sequence[str | Path], folder: Path, ending: str) -> list[Job]:
    """Return a job for each input, whose tracks are named like it."""
    from strongsort_ros.files.frames import is_camera

    jobs: dict[Path, Job] = {}
    for given in inputs:
        if isinstance(given, str) or is_camera(str(given)):
            raise InputError(f'{given}: several inputs must be files or folders')
        path = given.resolve()
        output = folder / f'{path.stem if path.is_file() else path.name}.{ending}'
        if output in jobs:
            raise InputError(f'{given}: {output} is already the output of {jobs[output].source}')
        jobs[output] = Job(given, output)
    return list(jobs.values())


def _track_job(args: argparse.Namespace, job: Job) -> str:
    video = None
    if args.video:
        ending = args.video.suffix or args.video.name
        video = job.output.with_suffix(f'.{ending.lstrip(".")}')
    return track_source(args, job.source, job.output, video, alone=False).summary


@dataclass(frozen=True, slots=True)
class Done:
    """Outcome of a source: its summary, and why it ended."""

    summary: str
    interrupted: bool
    lost: bool


def track_source(
    args: argparse.Namespace,
    given: str | Path,
    output: Path | None,
    video: Path | None,
    *,
    alone: bool = True,
) -> Done:
    """Track a source of frames to its end, or until an interrupt; what is finished is written.

    Parameters
    ----------
    args
        Parsed options.
    given
        The source.
    output, video
        Files to write; None: not wanted.
    alone
        Show progress, and finish on SIGINT and SIGTERM.

    """
    from strongsort_ros.cli.track import load_motions
    from strongsort_ros.files.atomic import replacing
    from strongsort_ros.files.frames import open_frames
    from strongsort_ros.files.rows import TrackRows
    from strongsort_ros.files.track_states import save_track_states
    from strongsort_ros.refinement.tracks import apply_steps

    steps = chosen_steps(args)
    with ExitStack() as stack:
        source = stack.enter_context(open_frames(given, args.frame_rate))
        written = stack.enter_context(replacing(output)) if output else None
        rows = _load_rows(args, given, source)
        pipeline = stack.enter_context(_make_pipeline(args, rows))
        detect = _make_detect(args, rows, pipeline)
        pictures = stack.enter_context(Pictures(source, video, args.trail, display=args.display))
        loop = FrameLoop(source, detect, pipeline, pictures, load_motions(args, source.name))
        stops = stack.enter_context(stop_on_signals(source)) if alone else loop.never
        tracks = TrackRows.collect(loop.run(stops, show=alone))
        done = apply_steps(tracks, steps)
        if written is not None:
            save_tracks_as(written, done.tracks, args.format, with_scores=True)
            if not _writes_csv(args, output):
                _warn_of_classes(done.tracks)
    if output is not None:
        save_track_states(output, None if steps else tracks)
    for line in source.notes:
        warn(line)
    if source.faults:
        number = count(len(source.faults), 'frame')
        warn(f'{source.faults[0]}; {number} in total without an image, tracked by motion only')
    made = tracks_and_boxes(len(set(done.tracks.ids.tolist())), len(done.tracks))
    refined = f'; {text}' if (text := steps_summary(steps, done)) else ''
    files = ', '.join(str(path) for path in (output, video) if path is not None) or 'shown'
    summary = f'{made} in {loop.summary()}{refined}: {files}'
    return Done(summary, loop.interrupted, source.live and bool(source.notes))


def _load_rows(
    args: argparse.Namespace, given: str | Path, source: FrameSource
) -> DetectionRows | None:
    """Return the detections of a file, checked against the frames; None: a detector is used."""
    from strongsort_ros.cli.track import image_warnings, load_rows
    from strongsort_ros.files.sequence import find_detections

    path = args.detections
    if args.detector and path:
        raise InputError('--detections and --detector exclude each other')
    if path is None and not args.detector and (Path(given) / 'det').is_dir():
        path = find_detections(Path(given))
    if path is None:
        return None
    rows = load_rows(path)
    if args.classes:
        rows = _of_classes(rows, args.classes, path)
    if len(rows) and source.numbers is not None:
        for line in image_warnings(rows, source.numbers):
            warn(line)
    return rows


def _of_classes(rows: DetectionRows, classes: str, path: Path) -> DetectionRows:
    import numpy as np

    wanted = [name.strip() for name in classes.split(',') if name.strip()]
    known = sorted({*rows.class_ids.tolist()})
    for name in wanted:
        if name not in known:
            raise InputError(f'--classes: {path} has no class {name!r}; it has {", ".join(known)}')
    return rows.select(np.isin(rows.class_ids, wanted))


def _make_pipeline(args: argparse.Namespace, rows: DetectionRows | None) -> Pipeline:
    from strongsort_ros.cli.track import make_estimator
    from strongsort_ros.pipeline import Pipeline
    from strongsort_ros.tracking.tracker import FRAME_RATE

    extractor = None
    if rows is None or rows.embeddings is None:
        from strongsort_ros.reid.factory import load_extractor

        extractor = load_extractor(args.reid or '', **network_options(args))
    elif args.reid:
        raise InputError(f'--reid: {args.detections} has embeddings already; use a det.txt')
    settings = chosen_settings(args, network=extractor is not None)
    return Pipeline(settings, extractor, make_estimator(args), FRAME_RATE)


def _make_detect(
    args: argparse.Namespace, rows: DetectionRows | None, pipeline: Pipeline
) -> Detect:
    """Return the function from a frame to its detections."""
    if rows is not None:
        from strongsort_ros.cli.track import input_warnings

        for line in input_warnings(rows, pipeline.settings, None):
            warn(line)
        return lambda frame: rows.at(frame.number)
    from strongsort_ros.detection.factory import default_detector, load_detector
    from strongsort_ros.tracking.detections import Detections

    name = args.detector
    if not name:
        name, line = default_detector()
        warn(line)
    settings = pipeline.settings
    detector = load_detector(
        name,
        args.classes,
        names=args.names or '',
        min_score=min(settings.low_confidence, settings.min_confidence),
        size=args.detector_size,
        **network_options(args),
    )
    none = Detections.empty()
    return lambda frame: none if frame.image is None else detector.detect(frame.image)


def _writes_csv(args: argparse.Namespace, output: Path | None) -> bool:
    ending = output.suffix.lower().lstrip('.') if output else ''
    return bool((args.format or ending) == 'csv')


def _warn_of_classes(tracks: Any) -> None:
    """Warn of classes that MOTChallenge's text has no number for."""
    from strongsort_ros.files.motchallenge import CLASS_NUMBERS

    lost = sorted({*tracks.class_ids.tolist()} - CLASS_NUMBERS.keys())
    if lost:
        warn(
            f'class {", ".join(lost[:5])}: written as -1, since .txt has numbers of '
            "MOTChallenge's classes; .csv keeps names"
        )
