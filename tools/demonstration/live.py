"""The live graph: the bag played to the tracker node, its tracks refined by the refiner node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import rclpy
from rclpy.context import Context
from rclpy.signals import SignalHandlerOptions

from strongsort_ros.bags.camera import find_camera_topics
from strongsort_ros.bags.reader import open_bag
from strongsort_ros.bags.writer import BagWriter
from strongsort_ros.nodes.client import Client, NodeError, request_refinement, summary
from strongsort_ros.nodes.player import PlaybackOptions, Player
from strongsort_ros.replay.results import REFINED_FOLDER, TRACKS_FOLDER, PlaybackResult
from tools.node_process import NodeProcess


def play(
    bag: Path,
    folder: Path,
    tracker: NodeProcess,
    *,
    realtime: bool,
    progress: Callable[[int, int], None],
) -> PlaybackResult:
    """Bring the tracker up, play `bag` to it, and record its tracks in `folder`.

    Raises
    ------
    NodeProcessError
        The node ends, cannot be brought up or does not answer.

    """
    with (
        _client(tracker) as client,
        open_bag(bag) as reader,
        BagWriter(folder / TRACKS_FOLDER) as writer,
    ):
        topics = find_camera_topics(reader)
        player = Player(client, topics, writer, PlaybackOptions(realtime=realtime))
        player.bring_up()
        return player.play(reader, progress)


def refine_recording(
    folder: Path, refiner: NodeProcess, topic: str, progress: Callable[[int, int], None]
) -> str:
    """Have the tracks in `folder` refined by the refiner's service; return what it did, in words.

    Raises
    ------
    NodeProcessError
        The node ends, or refuses.

    """
    with _client(refiner) as client:
        done = request_refinement(
            client,
            folder / TRACKS_FOLDER,
            folder / REFINED_FOLDER,
            topic=topic,
            aflink=True,
            gsi=True,
            progress=lambda _phase, share: progress(round(100 * share), 100),
        )
        return summary(done)


@contextmanager
def _client(process: NodeProcess) -> Iterator[Client]:
    context = Context()
    # Ctrl-C is Python's: it ends what runs, and everything is cleaned up.
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    try:
        yield Client(rclpy.create_node('demo', context=context), process.check)
    except NodeError as error:
        raise process.error(str(error)) from error
    finally:
        rclpy.shutdown(context=context)
