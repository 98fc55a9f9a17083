"""Play a recording to the running tracker, have its tracks refined, score them, and end."""

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
from strongsort_ros.evaluation.scores import check_scoring
from strongsort_ros.evaluation.sequences import find_ground_truth
from strongsort_ros.files.atomic import replacing_folder
from strongsort_ros.files.motchallenge import load_ground_truth
from strongsort_ros.nodes.client import Client, NodeError, request_refinement, summary
from strongsort_ros.nodes.parameters import Parameters, warn_of_unknown_parameters
from strongsort_ros.nodes.player import PlaybackOptions, Player
from strongsort_ros.nodes.ros_errors import START_ERRORS, NamingNode, reason
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
"""A folder with this file is a replay's output, and may be replaced by the next."""
REPORT: Final = 'report.html'

FAILED: Final = 1
BAD_INPUT: Final = 2
INTERRUPTED: Final = 130
PROGRESS: Final = 5.0
"""Seconds between lines that say how far it is."""


class Replayer:
    """Plays one bag from beginning to end.

    Parameters
    ----------
    client
        Talks to the other nodes.
    settings
        What to play, and how.

    """

    def __init__(self, client: Client, settings: ReplayerSettings) -> None:
        self._client, self._settings = client, settings
        self._log = client.node.get_logger()
        self._said = 0.0

    def run(self) -> None:
        """Do all of it; results go to the output folder, whole or not at all.

        Raises
        ------
        InputError
            The bag, the ground truth or the output cannot be used.
        MissingPackageError
            There is a ground truth and TrackEval is not installed.
        NodeError
            The tracker does not answer; nothing is written. Or the tracks cannot be refined or
            scored: the rest is written.

        """
        settings = self._settings
        if not settings.bag:
            raise InputError('there is no bag to play: set the parameter bag')
        bag, truth = Path(settings.bag), None
        if settings.ground_truth:
            check_scoring()
            truth = find_ground_truth(Path(settings.ground_truth), bag.stem, bag)
            load_ground_truth(truth)  # what is wrong with it is said before, not after the work
        output = Path(settings.output or f'{bag.stem}_replayed')
        with replacing_folder(output, MARKER) as folder:
            played = self._play(folder)
            failures = self._finish(folder, played, truth)
        self._log.info(f'results: {output.resolve()}')
        if failures:
            written = f'{folder.parent.name}/{folder.name}'
            raise NodeError('; '.join(map(str, failures)).replace(written, output.name))
        self._log.info(f'look at {output.resolve() / REPORT}')

    def _finish(self, folder: Path, played: PlaybackResult, truth: Path | None) -> list[Exception]:
        """Refine and score what was tracked; return what went wrong."""
        failures: list[Exception] = []
        if self._settings.aflink or self._settings.gsi:
            try:
                self._refine(folder, played)
            except NodeError as error:
                failures.append(error)
        try:
            self._evaluate(folder, played, truth)
        except InputError as error:
            failures.append(error)
        note = {name: getattr(self._settings, name) for name in self._settings.specs()}
        (folder / MARKER).write_text(f'{json.dumps(note, indent=1)}\n', encoding='utf-8')
        return failures

    def _play(self, folder: Path) -> PlaybackResult:
        settings = self._settings
        pace = PlaybackOptions(
            settings.realtime,
            settings.rate,
            settings.clock,
            settings.startup_timeout,
            settings.response_timeout,
        )
        with open_bag(settings.bag) as bag, BagWriter(folder / TRACKS_FOLDER) as writer:
            topics = find_camera_topics(bag, settings.image_topic, settings.detections_topic)
            player = Player(self._client, topics, writer, pace, settings.tracker)
            player.bring_up(settings.frame_rate)
            self._log.info(f'plays {topics.frames} frames of {bag.path}')
            self._said = time.monotonic()
            played = player.play(bag, lambda done, total: self._say(f'frame {done} of {total}'))
        self._log.info(str(played))
        return played

    def _say(self, line: str) -> None:
        """Say how far it is, now and then."""
        now = time.monotonic()
        if now - self._said >= PROGRESS:
            self._said = now
            self._log.info(line)

    def _refine(self, folder: Path, played: PlaybackResult) -> None:
        settings = self._settings
        done = request_refinement(
            self._client,
            folder / TRACKS_FOLDER,
            folder / REFINED_FOLDER,
            topic=played.tracks_topic,
            aflink=settings.aflink,
            gsi=settings.gsi,
            frame_rate=settings.frame_rate,
            refiner=settings.refiner,
            startup_timeout=settings.startup_timeout,
            response_timeout=settings.response_timeout,
            progress=lambda phase, share: self._say(f'refining: {phase}, {share:.0%}'),
        )
        self._log.info(f'refined in {done.duration:.1f} s: {summary(done)}')

    def _evaluate(self, folder: Path, played: PlaybackResult, truth: Path | None) -> None:
        rate = self._settings.frame_rate
        before, after = write_results(folder, played, truth, rate)
        if before.scores:
            for line in score_table(before.scores, after.scores if after else None).lines():
                self._log.info(line)
        save_report(folder / REPORT, playback_report(folder, played, before, after, rate))


def main(arguments: list[str] | None = None) -> int:
    """Replay what the parameters say; return the exit status.

    0; 1 when a node does not do its part, 2 when an input cannot be used, 130 when interrupted.
    """
    # Signals are Python's: they end what runs, and everything is cleaned up. A shell starts
    # background jobs with interrupts ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        return _replay(arguments)
    except (KeyboardInterrupt, ExternalShutdownException):
        get_logger('replayer').warning('interrupted; nothing was written')
        return INTERRUPTED
    finally:
        rclpy.try_shutdown()


def _replay(arguments: list[str] | None) -> int:
    node = None
    try:
        rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
        node = NamingNode('replayer')
        settings = Parameters(node, ReplayerNodeConfig(), lambda: ACTIVE, lambda _: None).settings
    except START_ERRORS as error:
        get_logger('replayer').fatal(reason(error))
        # What is wrong with a parameter is an input; ROS itself is not.
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
