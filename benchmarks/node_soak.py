"""The node under load for minutes or hours: latency, drops, ids, memory and files, by phase.

    python benchmarks/node_soak.py                     ten minutes
    python benchmarks/node_soak.py --minutes 240       an afternoon

The node runs in a separate process and receives 1080p images and 60 detections over DDS: as fast as
possible, to measure the rate that it sustains; at 30 frames per second; at twice the sustained
rate; and in bursts with pauses. People move in every frame, also in those that the node drops.
"""

from __future__ import annotations

import argparse
import array
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.node_process import NodeProcess, use_ros_settings

# Before NumPy and rclpy are loaded.
os.environ.update({'OMP_NUM_THREADS': '1', 'OPENBLAS_NUM_THREADS': '1'})
use_ros_settings()

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import rclpy  # noqa: E402
from diagnostic_msgs.msg import DiagnosticArray  # noqa: E402
from rclpy.qos import qos_profile_sensor_data  # noqa: E402
from rclpy.serialization import serialize_message  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import Progress  # noqa: E402
from rich.table import Table  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402
from strongsort_ros.msg import Track2DArray  # noqa: E402
from vision_msgs.msg import Detection2DArray  # noqa: E402

from strongsort_ros.messages.cdr import Header  # noqa: E402
from strongsort_ros.messages.detection2d_array import write_detection_array  # noqa: E402
from strongsort_ros.messages.track2d_array import read_track_array  # noqa: E402
from tools.simulation.walkers import Walkers, WalkerSettings  # noqa: E402

SECOND = 10**9
NOMINAL = 30.0
DROPS = ('superseded', 'without_image', 'late_detections', 'unused_images', 'late_images')
STAMP_AT = 4
"""Bytes from the start of a serialised message to its stamp."""


@dataclass
class Process:
    """Resources of the node's process, from /proc."""

    pid: int

    def memory(self) -> float:
        """Return resident memory in MiB."""
        pages = int(Path(f'/proc/{self.pid}/statm').read_text().split()[1])
        return pages * os.sysconf('SC_PAGE_SIZE') / 2**20

    def files(self) -> int:
        """Return the number of open file descriptors."""
        return sum(1 for _ in Path(f'/proc/{self.pid}/fd').iterdir())

    def cpu(self) -> float:
        """Return CPU seconds of all threads."""
        fields = Path(f'/proc/{self.pid}/stat').read_text().rsplit(') ', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


@dataclass
class Phase:
    """Frames sent in a phase, and their tracks."""

    name: str
    seconds: float = 0.0
    sent: int = 0
    latencies: list[float] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    ids: set[int] = field(default_factory=set)
    people: set[int] = field(default_factory=set)
    memory: tuple[float, float] = (0.0, 0.0)
    files: tuple[int, int] = (0, 0)
    cpu: float = 0.0


class Feeder:
    """Camera and detector, and subscriber of the tracks."""

    def __init__(self, process: Process, people: int) -> None:
        rclpy.init()
        self._process = process
        self._node = rclpy.create_node('feeder')
        self._images = self._node.create_publisher(Image, 'image', qos_profile_sensor_data)
        self._detections = self._node.create_publisher(
            Detection2DArray, 'detections', qos_profile_sensor_data
        )
        self._node.create_subscription(Track2DArray, 'tracks', self._on_tracks, 10, raw=True)
        self._node.create_subscription(DiagnosticArray, '/diagnostics', self._on_report, 10)
        pixels = np.random.default_rng(0).integers(0, 255, (1080, 1920, 3), np.uint8)
        image = Image(height=1080, width=1920, encoding='bgr8', step=5760)
        image.data = array.array('B', pixels.tobytes())
        self._image = bytearray(serialize_message(image))
        in_message = np.frombuffer(self._image, np.uint8)[-pixels.size :]  # they are its end
        self._pixels = in_message.reshape(pixels.shape)
        self._empty = pixels
        settings = WalkerSettings(
            people=people, size=0.4, dimension=0, miss_rate=0.0, hidden_share=1.0, false_alarms=0.0
        )
        self._crowd = iter(Walkers(settings))
        self._stamp = SECOND
        self._sent_at: dict[int, float] = {}
        self._report: dict[str, str] = {}
        self._reports = 0
        self._phase = Phase('')

    def connect(self) -> None:
        """Wait until the node and this process have discovered each other."""
        while not (self._images.get_subscription_count() and self._known('tracks')):
            self.spin(0.1)
        self.spin(3.5)

    def run(self, name: str, frames: Iterator[tuple[float, float]]) -> Phase:
        """Send frames, given as (seconds to wait before, seconds of video since the last)."""
        phase = self._phase = Phase(name)
        before = self._counts()
        memory, files, cpu = self._process.memory(), self._process.files(), self._process.cpu()
        start = due = time.monotonic()
        for pause, elapsed in frames:
            due = max(due + pause, time.monotonic() - 1.0)
            self.spin(due - time.monotonic())
            self._send(elapsed)
        phase.seconds = time.monotonic() - start
        self.spin(1.0)  # receive the last messages
        after = self._counts()
        phase.counts = {key: after[key] - before.get(key, 0) for key in after}
        phase.memory = memory, self._process.memory()
        phase.files = files, self._process.files()
        phase.cpu = self._process.cpu() - cpu
        return phase

    def spin(self, seconds: float) -> None:
        """Receive messages for some seconds."""
        end = time.monotonic() + seconds
        rclpy.spin_once(self._node, timeout_sec=0.0)
        while (left := end - time.monotonic()) > 0:
            rclpy.spin_once(self._node, timeout_sec=left)

    def _send(self, elapsed: float) -> None:
        frame = next(self._crowd)
        self._phase.people.update(frame.ids.tolist())
        self._stamp += round(elapsed * SECOND)
        seconds, nanoseconds = divmod(self._stamp, SECOND)
        stamp = seconds.to_bytes(4, 'little') + nanoseconds.to_bytes(4, 'little')
        self._image[STAMP_AT : STAMP_AT + 8] = stamp
        seen = frame.detections
        boxes = seen.tlwh.copy()
        boxes[:, :2] += boxes[:, 2:] / 2
        message = write_detection_array(
            Header(seconds, nanoseconds, ''), [''] * len(seen), ['person'] * len(seen),
            seen.scores.tolist(), boxes,
        )  # fmt: skip
        self._draw(frame.ids.tolist(), frame.tlwh.astype(int).tolist())
        self._images.publish(bytes(self._image))
        self._sent_at[self._stamp] = time.monotonic()
        self._detections.publish(message)
        self._phase.sent += 1

    def _draw(self, ids: list[int], tlwh: list[list[int]]) -> None:
        """Draw every person in clothes of a different colour."""
        np.copyto(self._pixels, self._empty)
        for number, (left, top, width, height) in zip(ids, tlwh, strict=True):
            clothes = np.random.default_rng(number).integers(0, 256, (3, 3)).tolist()
            for part, colour in enumerate(clothes):
                corner = left, top + part * height // 3
                opposite = left + width, top + (part + 1) * height // 3
                cv2.rectangle(self._pixels, corner, opposite, colour, cv2.FILLED)

    def _counts(self) -> dict[str, int]:
        reports = self._reports
        while self._reports < reports + 2:  # one that began after now
            self.spin(0.1)
        return {key: int(value) for key, value in self._report.items() if value.isdigit()}

    def _known(self, topic: str) -> bool:
        return bool(self._node.count_publishers(topic))

    def _on_tracks(self, message: bytes) -> None:
        answer = read_track_array(message)
        sent = self._sent_at.pop(answer.header.stamp, None)
        if sent is not None:
            self._phase.latencies.append(time.monotonic() - sent)
            confirmed = answer.tracks['state'] > 0
            self._phase.ids.update(answer.tracks['id'][confirmed].tolist())

    def _on_report(self, message: DiagnosticArray) -> None:
        self._reports += 1
        self._report = {value.key: value.value for value in message.status[0].values}


def steady(seconds: float, rate: float) -> Iterator[tuple[float, float]]:
    """Yield frames at a constant rate."""
    for _ in range(max(round(seconds * rate), 1)):
        yield 1 / rate, 1 / rate


def as_fast_as_possible(seconds: float) -> Iterator[tuple[float, float]]:
    """Yield frames without a pause."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield 0.0, 1 / NOMINAL


def bursts(seconds: float, count: int = 15, gap: float = 1.0) -> Iterator[tuple[float, float]]:
    """Yield bursts of frames that arrive late and together, as after a network stall."""
    for _ in range(max(round(seconds / gap), 1)):
        for number in range(count):
            pause = gap if number == 0 else 0.0
            yield pause, max(gap - (count - 1) / NOMINAL, 1 / NOMINAL) if pause else 1 / NOMINAL


def main() -> None:
    """Run all phases, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--minutes', type=float, default=10.0)
    parser.add_argument('--people', type=int, default=60)
    parser.add_argument('--weights', default='', help='as the parameter of the node')
    parser.add_argument('--camera-motion', default='ecc', help='as the parameter of the node')
    options = parser.parse_args()
    parameters = {
        'autostart': True, 'weights': options.weights, 'camera_motion': options.camera_motion,
    }  # fmt: skip
    seconds = 60 * options.minutes
    with NodeProcess('tracker', None, parameters) as node:
        node.start()
        feeder = Feeder(Process(node.process.pid), options.people)
        feeder.connect()
        console = Console()
        with Progress(console=console) as progress:
            task = progress.add_task('soak', total=4)
            phases = [feeder.run('as fast as possible', as_fast_as_possible(0.1 * seconds))]
            progress.advance(task)
            sustained = len(phases[0].latencies) / phases[0].seconds
            for name, frames in (
                (f'{NOMINAL:g} frames/s', steady(0.5 * seconds, NOMINAL)),
                (f'{2 * sustained:.0f} frames/s, twice the sustained',
                 steady(0.2 * seconds, 2 * sustained)),
                ('bursts of 15, then nothing for 1 s', bursts(0.2 * seconds)),
            ):  # fmt: skip
                phases.append(feeder.run(name, frames))
                progress.advance(task)
        status = node.stop()
    show(console, phases)
    console.print(f'the node ended with status {status}')


def show(console: Console, phases: list[Phase]) -> None:
    """Print the phases side by side."""
    table = Table('', *(phase.name for phase in phases))

    def row(name: str, cells: list[Any]) -> None:
        table.add_row(name, *map(str, cells))

    row('frames sent', [f'{p.sent} in {p.seconds:.0f} s' for p in phases])
    row('answered', [len(p.latencies) for p in phases])
    for percent in (50, 95, 99, 100):
        row(
            f'latency p{percent}, ms' if percent < 100 else 'latency, longest, ms',
            [f'{1e3 * np.percentile(p.latencies or [np.nan], percent):.1f}' for p in phases],
        )
    for name in DROPS:
        row(name, [p.counts.get(name, 0) for p in phases])
    row('people / confirmed ids', [f'{len(p.people)} / {len(p.ids)}' for p in phases])
    row('memory, MiB', ['{:.1f} -> {:.1f}'.format(*p.memory) for p in phases])
    row('file descriptors', ['{} -> {}'.format(*p.files) for p in phases])
    row('CPU a frame answered, ms',
        [f'{1e3 * p.cpu / max(len(p.latencies), 1):.1f}' for p in phases])  # fmt: skip
    console.print(table)


if __name__ == '__main__':
    main()
