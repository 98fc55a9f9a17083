"""Node `replayer`: play a bag to the tracker node, refine and score its tracks, and exit."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from typing import Final

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.logging import get_logger
from rclpy.signals import SignalHandlerOptions

from strongsort_ros.bags.camera import find_camera_topics
from strongsort_ros.bags.reader import open_bag
from strongsort_ros.bags.writer import BagWriter
from strongsort_ros.errors import InputError, StrongSortError, one_line
from strongsort_ros.evaluation.report.model import save_report
from strongsort_ros.evaluation.score_table import score_table
from strongsort_ros.evaluation.sequences import find_ground_truth
from strongsort_ros.files.atomic import replacing_folder
from strongsort_ros.files.motchallenge import load_ground_truth
from strongsort_ros.nodes.client import Client, NodeError, request_refinement, summary
from strongsort_ros.nodes.parameters import Parameters, warn_of_unknown_parameters
from strongsort_ros.nodes.player import Player
from strongsort_ros.nodes.program import free_shared_memory
from strongsort_ros.nodes.ros_errors import START_ERRORS, NamingNode, reason
from strongsort_ros.packages import require
from strongsort_ros.replay.results import (
    REFINED_FOLDER,
    TRACKS_FOLDER,
    PlaybackResult,
    playback_report,
    write_results,
)
from strongsort_ros.replay.settings import ReplayerNodeConfig, ReplayerSettings
from strongsort_ros.settings import ACTIVE

MARKER: Final = 'replay.json'
"""File that marks a folder as results of a replay, which the next replay may replace."""
REPORT: Final = 'report.html'

FAILED: Final = 1
BAD_INPUT: Final = 2
INTERRUPTED: Final = 130
PROGRESS_PERIOD: Final = 5.0
"""Seconds between log lines about the progress."""


class Replayer:
    """Plays one bag, and writes tracks, scores and a report.

    Parameters
    ----------
    client
        Client of the tracker and the refiner.
    settings
        Bag, playback and results.

    """

    def __init__(self, client: Client, settings: ReplayerSettings) -> None:
        self._client, self._settings = client, settings
        self._log = client.node.get_logger()
        self._logged = 0.0

    def run(self) -> None:
        """Play, refine, score and report; write the output folder completely or not at all.

        Raises
        ------
        InputError
            The bag, the ground truth or the output folder is not usable.
        MissingPackageError
            There is ground truth, but TrackEval is not installed.
        NodeError
            The tracker fails, and nothing is written; or the tracks cannot be refined or scored,
            and the rest is written.

        """
        settings = self._settings
        if not settings.bag:
            raise InputError('no bag to play: set the parameter bag')
        bag, truth = Path(settings.bag), None
        if settings.ground_truth:
            require('scoring', 'trackeval')
            truth = find_ground_truth(Path(settings.ground_truth), bag.stem, bag)
            load_ground_truth(truth)  # an invalid file fails before the playback
        output = Path(settings.output or f'{bag.stem}_replayed')
        with replacing_folder(output, MARKER) as folder:
            played = self._play(folder)
            failures = self._write_results(folder, played, truth)
        self._log.info(f'results: {output.resolve()}')
        if failures:
            written = f'{folder.parent.name}/{folder.name}'
            raise NodeError('; '.join(map(str, failures)).replace(written, output.name))
        self._log.info(f'report: {output.resolve() / REPORT}')

    def _play(self, folder: Path) -> PlaybackResult:
        settings = self._settings
        with open_bag(settings.bag) as bag, BagWriter(folder / TRACKS_FOLDER) as writer:
            topics = find_camera_topics(bag, settings.image_topic, settings.detections_topic)
            player = Player(self._client, topics, writer, settings)
            player.bring_up()
            self._log.info(f'playing {topics.frames} frames of {bag.path}')
            self._logged = time.monotonic()
            played = player.play(
                bag, lambda done, total: self._log_progress(f'frame {done} of {total}')
            )
        self._log.info(str(played))
        return played

    def _write_results(
        self, folder: Path, played: PlaybackResult, truth: Path | None
    ) -> list[Exception]:
        """Refine and score the tracks; return the errors."""
        failures: list[Exception] = []
        if self._settings.refine:
            try:
                self._refine(folder, played)
            except NodeError as error:
                failures.append(error)
        try:
            self._evaluate(folder, played, truth)
        except InputError as error:
            failures.append(error)
        settings = {name: getattr(self._settings, name) for name in self._settings.specs()}
        (folder / MARKER).write_text(f'{json.dumps(settings, indent=1)}\n', encoding='utf-8')
        return failures

    def _refine(self, folder: Path, played: PlaybackResult) -> None:
        response = request_refinement(
            self._client,
            folder / TRACKS_FOLDER,
            folder / REFINED_FOLDER,
            played.tracks_topic,
            self._settings,
            lambda phase, share: self._log_progress(f'refining: {phase}, {share:.0%}'),
        )
        self._log.info(f'refined in {response.duration:.1f} s: {summary(response)}')

    def _evaluate(self, folder: Path, played: PlaybackResult, truth: Path | None) -> None:
        rate = self._settings.frame_rate
        before, after = write_results(folder, played, truth, rate)
        if before.scores:
            for line in score_table(before.scores, after.scores if after else None).lines():
                self._log.info(line)
        save_report(folder / REPORT, playback_report(folder, played, before, after, rate))

    def _log_progress(self, line: str) -> None:
        now = time.monotonic()
        if now - self._logged >= PROGRESS_PERIOD:
            self._logged = now
            self._log.info(line)


def main(arguments: list[str] | None = None) -> int:
    """Run the replayer; return the exit status.

    0; 1 if a node fails, 2 for invalid input, 130 after an interrupt.
    """
    # Python's handlers raise KeyboardInterrupt, which cleans up. Set explicitly, because a shell
    # starts background jobs with interrupts ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        return _run(arguments)
    except (KeyboardInterrupt, ExternalShutdownException):
        get_logger('replayer').warning('interrupted; nothing was written')
        return INTERRUPTED
    finally:
        rclpy.try_shutdown()
        free_shared_memory()


def _run(arguments: list[str] | None) -> int:
    node = None
    try:
        rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
        node = NamingNode('replayer')
        settings = Parameters(node, ReplayerNodeConfig(), lambda: ACTIVE, lambda _: None).settings
    except START_ERRORS as error:
        get_logger('replayer').fatal(reason(error))
        # With a node, the error is of a parameter, which is input.
        return FAILED if node is None else BAD_INPUT
    client = Client(node)
    try:
        warn_of_unknown_parameters(node, qos=False)
        Replayer(client, settings.replayer).run()
    except (StrongSortError, OSError) as error:
        node.get_logger().fatal(one_line(error))
        return FAILED if isinstance(error, NodeError) else BAD_INPUT
    finally:
        client.close()
    return 0


if __name__ == '__main__':
    sys.exit(main())
