"""Track, refine, score and draw a sequence with the ROS nodes.

`make demo` sets everything up and runs it; `python -m tools.demo` needs ROS 2 and the messages.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import json
import signal
import sys
from pathlib import Path
from typing import Final

from strongsort_ros.bags.writer import write_sequence
from strongsort_ros.errors import MissingPackageError, StrongSortError
from strongsort_ros.evaluation.report.model import (
    Picture,
    Report,
    Video,
    latency_table,
    save_report,
)
from strongsort_ros.evaluation.score_table import Table, score_table
from strongsort_ros.evaluation.scores import EvaluatedTracks
from strongsort_ros.files.atomic import replacing, replacing_folder
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.replay.results import PlaybackResult, playback_report, write_results
from tools.demonstration.console import Steps
from tools.demonstration.pictures import animation_of, render_video, save_stills
from tools.demonstration.source import Source, draw_scene, open_sequence
from tools.node_process import NodeProcess, use_ros_settings
from tools.simulation.scene import SceneSettings

MARKER: Final = 'demo.json'
"""Marks a folder as output of the demonstration, which the next run may replace."""

SCENE_OPTIONS: Final = ('width', 'height', 'frames', 'people', 'seed')
VIDEO: Final = 'refined.webm'
FILES: Final = (
    (VIDEO, 'video of the refined tracks'),
    ('input', 'rosbag2 with the input'),
    ('tracker.log', 'log of the tracker node'),
    ('refiner.log', 'log of the refiner node'),
)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog='demo', description=(__doc__ or '').splitlines()[0])
    parser.add_argument(
        '--sequence', type=Path, metavar='DIR', help='MOTChallenge folder; default: a drawn scene'
    )
    parser.add_argument(
        '--detections', type=Path, metavar='DET.txt', help='default: det/det.txt of the sequence'
    )
    parser.add_argument(
        '--weights', default='', metavar='FILE', help='ReID network; default: colour descriptor'
    )
    parser.add_argument('--output', type=Path, default=Path('demo_output'), metavar='DIR')
    parser.add_argument(
        '--realtime', action='store_true',
        help='play at the frame rate of the sequence; default: wait for the tracks of each frame',
    )  # fmt: skip
    parser.add_argument(
        '--raw-images', action='store_true', help='play raw images (a large bag); default: JPEG'
    )
    parser.add_argument(
        '--readme-picture', type=Path, metavar='FILE.webp', help='write an animation to this file'
    )
    scene = parser.add_argument_group('drawn scene')
    defaults = SceneSettings()
    for name in SCENE_OPTIONS:
        scene.add_argument(f'--{name}', type=int, default=getattr(defaults, name), metavar='N')
    return parser.parse_args(arguments)


def demonstrate(args: argparse.Namespace, folder: Path, steps: Steps) -> None:
    """Run all steps and write the results to a folder."""
    with steps.step('sequence'):
        source = _open_source(args, folder, steps)
    with steps.step('record input'):
        _write_bag(args, folder, source, steps)
    with _tracker(args, source, folder) as tracker, _refiner(source, folder) as refiner:
        with steps.step('track'):
            played = _track(args, folder, tracker, refiner, steps)
        with steps.step('refine'):
            _refine(folder, refiner, played, steps)
    with steps.step('score'):
        before, after = _score(folder, source, played, steps)
    with steps.step('draw'):
        stills = _draw(args, folder, source, after.sequences[0].tracks, steps)
    network = Path(args.weights).name or 'colour descriptor, without weights'
    report = playback_report(folder, played, before, after, source.info.frame_rate)
    report = dataclasses.replace(
        report,
        title=f'strongsort_ros on {source.info.name}',
        about=f'{report.about} Appearance: {network}.',
        pictures=stills,
        video=Video(VIDEO, source.info.frame_rate, min(source.images.paths)),
        files=[*report.files, *FILES],
    )
    _save_report(args, folder, report)
    if before.scores:
        _show(steps, score_table(before.scores, after.scores))
    _show(steps, latency_table(report.latencies))


def _open_source(args: argparse.Namespace, folder: Path, steps: Steps) -> Source:
    if args.sequence is None:
        settings = SceneSettings(**{name: getattr(args, name) for name in SCENE_OPTIONS})
        source = draw_scene(folder / 'sequence', settings, steps)
        name = f'drawn scene with {settings.people} walkers and a shaking camera'
    else:
        source = open_sequence(args.sequence, args.detections)
        name = source.info.name
    steps.summary = f'{name}: {len(source.images)} images, detections of {source.detections.name}'
    return source


def _write_bag(args: argparse.Namespace, folder: Path, source: Source, steps: Steps) -> None:
    contents = write_sequence(
        source.folder,
        folder / 'input',
        detections=source.detections,
        compressed=not args.raw_images,
        progress=lambda frames: steps.track(frames, len(frames)),
    )
    steps.summary = f'{contents.frames} images, {contents.detections} detections as a rosbag2'


def _tracker(args: argparse.Namespace, source: Source, folder: Path) -> NodeProcess:
    parameters: dict[str, object] = {'frame_rate': float(source.info.frame_rate)}
    if args.weights:
        weights = Path(args.weights)
        parameters['weights'] = weights.resolve() if weights.is_file() else args.weights
    return NodeProcess('tracker', folder / 'tracker.log', parameters)


def _refiner(source: Source, folder: Path) -> NodeProcess:
    parameters = {'frame_rate': float(source.info.frame_rate), 'allowed_root': folder.resolve()}
    return NodeProcess('refiner', folder / 'refiner.log', parameters)


def _track(
    args: argparse.Namespace,
    folder: Path,
    tracker: NodeProcess,
    refiner: NodeProcess,
    steps: Steps,
) -> PlaybackResult:
    from tools.demonstration.live import play  # imports ROS, which `main` has checked

    tracker.start()
    refiner.start()  # loads while the tracker works
    played = play(folder / 'input', folder, tracker, realtime=args.realtime, progress=steps.show)
    steps.summary = f'{played}, over ROS'
    return played


def _refine(folder: Path, refiner: NodeProcess, played: PlaybackResult, steps: Steps) -> None:
    from tools.demonstration.live import refine_recording

    steps.summary = refine_recording(folder, refiner, played.tracks_topic, steps.show)


def _score(
    folder: Path, source: Source, played: PlaybackResult, steps: Steps
) -> tuple[EvaluatedTracks, EvaluatedTracks]:
    """Write text files and scores; return the tracks before and after refinement."""
    info = source.info
    before, after = write_results(folder, played, source.ground_truth, info.frame_rate, info.name)
    assert after is not None
    steps.summary = 'no ground truth, so no scores'
    if before.scores and after.scores:
        old, new = before.scores.combined, after.scores.combined
        steps.summary = f'{old.ids} -> {new.ids} tracks of {old.true_ids} people'
    return before, after


def _draw(
    args: argparse.Namespace, folder: Path, source: Source, tracks: TrackRows, steps: Steps
) -> list[Picture]:
    """Write the video and the pictures; return the pictures of the report."""
    render_video(folder / VIDEO, source, tracks, steps.track)
    stills = save_stills(folder / 'pictures', source, tracks)
    frames, second = list(source.images.paths), round(source.info.frame_rate)
    if args.readme_picture:
        middle = frames[len(frames) // 2 :]
        with replacing(args.readme_picture) as written:
            written.write_bytes(animation_of(source, tracks, middle[: 4 * second]).data)
    steps.summary = f'video and {len(stills)} pictures'
    return stills


def _save_report(args: argparse.Namespace, folder: Path, report: Report) -> None:
    """Write the report, and the options as the marker of the folder."""
    save_report(folder / 'index.html', report)
    options = {name: str(value) for name, value in vars(args).items()}
    (folder / MARKER).write_text(f'{json.dumps(options, indent=1)}\n', encoding='utf-8')


def _show(steps: Steps, table: Table) -> None:
    for line in (f'{table.name}:', *table.lines(), ''):
        steps.console.print(line, soft_wrap=True)


def _require_ros() -> None:
    for name in ('rclpy', 'vision_msgs.msg', 'strongsort_ros.msg'):
        try:
            found = importlib.util.find_spec(name)
        except ModuleNotFoundError:  # its parent is missing
            found = None
        if found is None:
            raise MissingPackageError(
                f'the Python package {name} is not installed or not sourced: run `make demo`, or '
                'source ROS 2 and the messages'
            )


def _terminate(number: int, _frame: object) -> None:
    """Exit by an exception, as Ctrl-C does, so that the nodes end and nothing is written."""
    sys.exit(128 + number)


def main(arguments: list[str] | None = None) -> int:
    """Run the demonstration; return the exit status, 2 for an error."""
    args = parse(arguments)
    signal.signal(signal.SIGTERM, _terminate)
    steps = Steps(6)
    try:
        use_ros_settings()
        _require_ros()
        with replacing_folder(args.output, MARKER) as folder:
            demonstrate(args, folder, steps)
    except StrongSortError as error:
        sys.stderr.write(f'demo: {error}\n')
        return 2
    except KeyboardInterrupt:
        sys.stderr.write('demo: interrupted; the nodes have ended, no output was written\n')
        return 130
    steps.console.print(f'report: {args.output / "index.html"}; all results: {args.output}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
