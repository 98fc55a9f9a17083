"""Bags of a small drawn scene, and changed copies of them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from pathlib import Path

from strongsort_ros.bags.reader import open_bag
from strongsort_ros.bags.writer import BagWriter
from test.bags.any_reader import open_any_reader
from tools.simulation.scene import SceneSettings

SCENE = SceneSettings(width=320, height=180, frames=40, frame_rate=25, people=5, seed=4)
PERIOD = 1_000_000_000 // 25

Message = tuple[str, int, bytes]
Change = Callable[[str, int, bytes], Iterable[Message]]


def frame_of(time: int) -> int:
    """Return the number of the frame with this stamp."""
    return round(time / PERIOD)


def read(bag: Path, topic: str) -> list[tuple[int, bytes]]:
    """Return the times and messages of a topic."""
    with open_bag(bag) as opened:
        return [(time, data) for _, time, data in opened.messages(opened.named(topic))]


def stamped(message: bytes, stamp: int) -> bytes:
    """Return the message with another stamp in its header."""
    return message[:4] + struct.pack('<iI', *divmod(stamp, 1_000_000_000)) + message[12:]


def rewrite(source: Path, target: Path, change: Change) -> Path:
    """Copy a bag; `change(topic, time, data)` returns the messages that replace each one."""
    with open_bag(source) as opened:
        kinds, storage = {c.topic: c.msgtype for c in opened.connections}, opened.storage
        messages = [m for c, t, data in opened.messages() for m in change(c.topic, t, data)]
    with BagWriter(target, storage) as bag:
        for topic, time, data in sorted(messages, key=lambda message: message[1]):
            bag.write_serialized(topic, kinds[topic], time, data)
    return target


def twice(source: Path, target: Path, gap: int = PERIOD) -> Path:
    """Copy a bag twice in a row, as if recorded over a loop: stamps start again, times do not."""
    with open_any_reader(source) as reader:
        length = reader.duration + gap
    return rewrite(source, target, lambda c, t, data: [(c, t, data), (c, t + length, data)])
