#!/usr/bin/env python3
"""Shows the tracker at work: a sequence through the real node over ROS, scored and drawn.

Run it by `make demo`, which sets everything up, or with ROS and the messages sourced.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from demonstration.console import Steps
from demonstration.errors import DemoError
from demonstration.pictures import moving_picture_of, render_video, save_pictures
from demonstration.source import Source, draw_scene, open_sequence
from demonstration.tables import latencies_of, report_table, score_table
from demonstration.tracker_process import TrackerProcess, use_ros_settings
from rich.table import Table as TerminalTable

from strongsort_ros.evaluation.latencies import latency_rows
from strongsort_ros.evaluation.preprocessing import ScoredSequence
from strongsort_ros.evaluation.report import Picture, Recorded, Report, Table, save_report
from strongsort_ros.evaluation.scores import score
from strongsort_ros.recording.atomic import replacing
from strongsort_ros.recording.errors import InputError
from strongsort_ros.recording.motchallenge import load_ground_truth, save_tracks
from strongsort_ros.recording.output_folder import replacing_folder
from strongsort_ros.recording.rosbag_reader import read_tracks
from strongsort_ros.recording.rows import GroundTruth, TrackRows
from strongsort_ros.recording.sequence_bag import write_sequence
from strongsort_ros.simulation.scene import SceneSettings

if TYPE_CHECKING:
    from demonstration.replay import Replayed

MARKER = 'demo.json'
"""A folder with this file is a demonstration's output, and may be replaced by the next."""

_FILES = (
    ('tracks.mp4', 'video of the tracks'),
    ('tracks.txt', 'tracks, MOTChallenge text'),
    ('tracks_bag', 'rosbag2 of what the node published'),
    ('input_bag', 'rosbag2 of what was played'),
    ('scores.json', 'all scores'),
    ('tracker_node.log', 'what the node said'),
)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog='demo', description=(__doc__ or '').splitlines()[0])
    parser.add_argument(
        '--sequence', type=Path, metavar='DIR', help='MOTChallenge folder; default: a drawn scene'
    )
    parser.add_argument('--detections', type=Path, metavar='DET.txt', help="not the sequence's own")
    parser.add_argument(
        '--weights', default='', metavar='FILE', help='ReID network; default: a colour descriptor'
    )
    parser.add_argument('--output', type=Path, default=Path('demo_output'), metavar='DIR')
    parser.add_argument(
        '--realtime', action='store_true', help="play at the sequence's rate, not in step"
    )
    parser.add_argument(
        '--raw-images', action='store_true', help='play pixels, not JPEG (a large bag)'
    )
    parser.add_argument(
        '--readme-picture', type=Path, metavar='FILE.webp', help='write the moving picture there'
    )
    scene = parser.add_argument_group('drawn scene')
    defaults = SceneSettings()
    for name in ('width', 'height', 'frames', 'people', 'seed'):
        scene.add_argument(f'--{name}', type=int, default=getattr(defaults, name), metavar='N')
    return parser.parse_args(arguments)


def demonstrate(args: argparse.Namespace, folder: Path, steps: Steps) -> None:
    """Run all steps; results go to `folder`."""
    with steps.step('sequence'):
        source = _open_source(args, folder, steps)
    with steps.step('record input'):
        _write_bag(args, folder, source, steps)
    with steps.step('track'):
        replayed = _track(args, folder, source, steps)
    with steps.step('score'):
        tracks = read_tracks(folder / 'tracks_bag', '/tracks', source.info.frame_rate)
        save_tracks(folder / 'tracks.txt', tracks)
        recorded = _score(folder, source, tracks, steps)
    with steps.step('draw'):
        moving, stills = _draw(args, folder, source, tracks, steps)
    latencies = latencies_of(replayed)
    network = Path(args.weights).name or 'a colour descriptor without weights'
    report = Report(
        title=f'strongsort_ros on {source.info.name}',
        about=f'{replayed.frames} frames through the tracker node over ROS; appearance: {network}',
        before=recorded,
        image=lambda _, frame: source.images.read(frame),
        latencies=latencies,
        tables=[report_table(replayed)],
        moving_picture=moving,
        pictures=stills,
        files=[(name, meaning) for name, meaning in _FILES if (folder / name).exists()],
    )
    _save_report(args, folder, report)
    if recorded.scores:
        _show(steps, score_table(recorded.scores.combined))
    _show(steps, latency_rows(latencies))


def _open_source(args: argparse.Namespace, folder: Path, steps: Steps) -> Source:
    if args.sequence is None:
        names = ('width', 'height', 'frames', 'people', 'seed')
        settings = SceneSettings(**{name: getattr(args, name) for name in names})
        source = draw_scene(folder / 'sequence', settings, steps)
        steps.summary = f'{settings.people} walkers drawn before a shaking camera: '
    else:
        source = open_sequence(args.sequence, args.detections)
        steps.summary = f'{source.info.name}: '
    steps.summary += f'{len(source.images)} images, detections of {source.detections.name}'
    return source


def _write_bag(args: argparse.Namespace, folder: Path, source: Source, steps: Steps) -> None:
    contents = write_sequence(
        source.folder,
        folder / 'input_bag',
        detections=source.detections,
        compressed=not args.raw_images,
        progress=lambda frames: steps.track(frames, len(frames)),
    )
    steps.summary = f'{contents.frames} images, {contents.detections} detections as a rosbag2'


def _track(args: argparse.Namespace, folder: Path, source: Source, steps: Steps) -> Replayed:
    from demonstration.replay import replay  # needs ROS, and its settings before

    parameters: dict[str, object] = {
        'frame_rate': float(source.info.frame_rate),
        'image_transport': 'raw' if args.raw_images else 'compressed',
    }
    if args.weights:
        weights = Path(args.weights)
        parameters['weights'] = weights.resolve() if weights.is_file() else args.weights
    remappings = {} if args.raw_images else {'image': '/image/compressed'}
    with TrackerProcess(parameters, remappings, folder / 'tracker_node.log') as tracker:
        tracker.start()
        replayed = replay(
            folder / 'input_bag', folder / 'tracks_bag', tracker,
            realtime=args.realtime, progress=steps.track,
        )  # fmt: skip
    steps.summary = (
        f'{replayed.answered} of {replayed.frames} frames answered over ROS, '
        f'{replayed.answered / replayed.seconds:.0f} frames/s'
    )
    return replayed


def _truth(source: Source) -> GroundTruth:
    """Return the true boxes of frames that have an image; no rows where none are known."""
    if source.ground_truth is None:
        return GroundTruth.empty()
    truth = load_ground_truth(source.ground_truth)
    return truth.select(np.isin(truth.frames, list(source.images.paths)))


def _score(folder: Path, source: Source, tracks: TrackRows, steps: Steps) -> Recorded:
    frames = list(source.images.paths)
    everything = range(frames[0], frames[-1] + 1)
    sequence = ScoredSequence(source.info.name, _truth(source), tracks, everything)
    if source.ground_truth is None:
        steps.summary = 'no ground truth, so no scores'
        return Recorded([sequence])
    evaluation = score([sequence])
    scores = evaluation.combined
    text = json.dumps(dataclasses.asdict(scores), indent=1)
    (folder / 'scores.json').write_text(f'{text}\n', encoding='utf-8')
    steps.summary = f'{scores.ids} tracks against {scores.true_ids} true people'
    return Recorded([sequence], evaluation)


def _draw(
    args: argparse.Namespace, folder: Path, source: Source, tracks: TrackRows, steps: Steps
) -> tuple[Picture, list[Picture]]:
    """Draw the tracks, and return the pictures for the report: the moving one, and stills."""
    render_video(folder / 'tracks.mp4', source, tracks, steps.track)
    stills = save_pictures(folder / 'pictures', source, tracks)
    frames, second = list(source.images.paths), round(source.info.frame_rate)
    moving = moving_picture_of(source, tracks, frames[: 10 * second])
    if args.readme_picture:
        middle = frames[len(frames) // 2 :]
        with replacing(args.readme_picture) as written:
            written.write_bytes(moving_picture_of(source, tracks, middle[: 4 * second]).data)
    steps.summary = f'video, {len(stills)} pictures and a moving one'
    return moving, stills


def _save_report(args: argparse.Namespace, folder: Path, report: Report) -> None:
    """Write the report, and the options by which the folder is known as a demonstration's."""
    save_report(folder / 'index.html', report)
    options = {name: str(value) for name, value in vars(args).items()}
    (folder / MARKER).write_text(f'{json.dumps(options, indent=1)}\n', encoding='utf-8')


def _show(steps: Steps, table: Table) -> None:
    shown = TerminalTable(*table.head)
    for row in table.rows:
        shown.add_row(*row)
    steps.console.print(shown)


def _need_ros() -> None:
    for name in ('rclpy', 'vision_msgs.msg', 'strongsort_ros.msg'):
        try:
            found = importlib.util.find_spec(name)
        except ModuleNotFoundError:
            found = None
        if found is None:
            raise DemoError(
                f'there is no {name} here: run `make demo`, or source ROS and the messages'
            )


def _end(number: int, _frame: object) -> None:
    """End like after Ctrl-C, so that everything is cleaned up."""
    sys.exit(128 + number)


def main(arguments: list[str] | None = None) -> int:
    """Run the demonstration; the exit status is 2 when it cannot be done."""
    args = parse(arguments)
    signal.signal(signal.SIGTERM, _end)
    steps = Steps(5)
    try:
        use_ros_settings()
        _need_ros()
        with replacing_folder(args.output, MARKER) as folder:
            demonstrate(args, folder, steps)
    except (DemoError, InputError, ValueError) as error:
        sys.stderr.write(f'demo: {error}\n')
        return 2
    except KeyboardInterrupt:
        sys.stderr.write('demo: interrupted; nothing is left running, nothing was written\n')
        return 130
    steps.console.print(f'look at {args.output / "index.html"}; all results: {args.output}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
