"""Play a bag to the tracker node, and refine the recorded tracks by the refiner node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import rclpy
from rclpy.context import Context
from rclpy.signals import SignalHandlerOptions

from strongsort_ros.bags.camera import find_camera_topics
from strongsort_ros.bags.reader import open_bag
from strongsort_ros.bags.writer import BagWriter
from strongsort_ros.nodes.client import Client, NodeError, request_refinement, summary
from strongsort_ros.nodes.player import Player
from strongsort_ros.replay.results import REFINED_FOLDER, TRACKS_FOLDER, PlaybackResult
from strongsort_ros.replay.settings import ReplayerSettings
from strongsort_ros.types import CountProgress
from tools.node_process import NodeProcess


def play(
    bag: Path,
    folder: Path,
    tracker: NodeProcess,
    *,
    realtime: bool,
    progress: CountProgress,
) -> PlaybackResult:
    """Activate the tracker, play `bag` to it and record its tracks in `folder`.

    Raises
    ------
    NodeProcessError
        The node ends, cannot be activated or does not respond.

    """
    with (
        _client(tracker) as client,
        open_bag(bag) as reader,
        BagWriter(folder / TRACKS_FOLDER) as writer,
    ):
        topics = find_camera_topics(reader)
        player = Player(client, topics, writer, ReplayerSettings(realtime=realtime, smooth='rts'))
        player.bring_up()
        return player.play(reader, progress)


def refine_recording(
    folder: Path, refiner: NodeProcess, topic: str, progress: CountProgress
) -> str:
    """Refine the tracks in `folder` by the refiner's service; return a summary.

    Raises
    ------
    NodeProcessError
        The node ends or rejects the request.

    """
    with _client(refiner) as client:
        done = request_refinement(
            client,
            folder / TRACKS_FOLDER,
            folder / REFINED_FOLDER,
            topic,
            ReplayerSettings(smooth='rts'),
            lambda _phase, share: progress(round(100 * share), 100),
        )
        return summary(done)


@contextmanager
def _client(process: NodeProcess) -> Iterator[Client]:
    context = Context()
    # Python handles Ctrl-C: KeyboardInterrupt ends the nodes and removes unfinished output.
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    try:
        yield Client(rclpy.create_node('demo', context=context), process.check)
    except NodeError as error:
        raise process.error(str(error)) from error
    finally:
        rclpy.shutdown(context=context)
