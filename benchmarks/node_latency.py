"""Overhead of the node over the tracker's step, from received to published message, by part.

    python benchmarks/node_latency.py                  60 people, 1080p images, 30 frames a second

The node runs in a separate process and receives its messages over DDS; appearance and camera
motion are off. In the same run, the pipeline tracks the same detections in this process, and the
time of every part is also printed as a multiple of that step. Each process uses one thread.
"""

from __future__ import annotations

import argparse
import array
import itertools
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.node_process import NodeProcess, use_ros_settings

# Before NumPy and rclpy are loaded.
os.environ.update({'OMP_NUM_THREADS': '1', 'OPENBLAS_NUM_THREADS': '1'})
use_ros_settings()

import numpy as np  # noqa: E402
import rclpy  # noqa: E402
from diagnostic_msgs.msg import DiagnosticArray  # noqa: E402
from rclpy.qos import qos_profile_sensor_data  # noqa: E402
from rclpy.serialization import deserialize_message, serialize_message  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402
from strongsort_ros.msg import Track2DArray  # noqa: E402
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose  # noqa: E402

from strongsort_ros.messages.detection2d_array import read_detections  # noqa: E402
from strongsort_ros.pipeline import Pipeline  # noqa: E402
from strongsort_ros.tracking.detections import Detections  # noqa: E402
from strongsort_ros.tracking.settings import TrackerSettings  # noqa: E402
from tools.simulation.walkers import Walkers, WalkerSettings  # noqa: E402

PARTS = {
    'wait': 'pair with the image, take what else waits',
    'decode': 'read detections and image',
    'association': 'step of the tracker',
    'convert': 'fill the message',
    'publish': 'serialise and hand to DDS',
    'node': 'complete node',
}


def main() -> None:
    """Run, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--people', type=int, default=60)
    parser.add_argument('--frames', type=int, default=450)
    parser.add_argument('--rate', type=float, default=30.0, help='frames a second')
    parser.add_argument('--seed', type=int, default=0)
    options = parser.parse_args()
    walkers = Walkers(
        WalkerSettings(people=options.people, dimension=0, miss_rate=0.0, hidden_share=1.0,
                       false_alarms=0.0, seed=options.seed)
    )  # fmt: skip
    frames = [frame.detections for frame in itertools.islice(walkers, options.frames)]
    parameters = {'autostart': True, 'weights': 'none', 'camera_motion': 'none'}
    with NodeProcess('tracker', None, parameters) as node:
        node.start()
        measured = Feeder(node.process.pid).run(frames, options.rate)
    show(measured, step(frames, options.rate), frames, options)


class Feeder:
    """Publishes frames at a constant rate, and measures the time until their tracks arrive."""

    def __init__(self, pid: int) -> None:
        rclpy.init()
        self._pid = pid
        self._node = rclpy.create_node('feeder')
        self._images = self._node.create_publisher(Image, 'image', qos_profile_sensor_data)
        self._detections = self._node.create_publisher(
            Detection2DArray, 'detections', qos_profile_sensor_data
        )
        self._came: dict[int, float] = {}
        self._report: dict[str, str] = {}
        self._node.create_subscription(Track2DArray, 'tracks', self._on_tracks, 10)
        self._node.create_subscription(DiagnosticArray, '/diagnostics', self._on_report, 10)

    def run(self, frames: list[Detections], rate: float) -> dict[str, Any]:
        """Return round trips in seconds, the node's report, and its CPU seconds per frame."""
        pixels = np.random.default_rng(0).integers(0, 255, (1080, 1920, 3), np.uint8)
        image = Image(height=1080, width=1920, encoding='bgr8', step=5760)
        image.data = array.array('B', pixels.tobytes())
        messages = [message_of(detections) for detections in frames]
        while not (self._images.get_subscription_count() and self._tracks_known()):
            self._spin(0.1)
        self._spin(3.5)  # until the node has discovered this one, too
        sent, cpu, start = {}, self._cpu(), time.monotonic()
        for number, message in enumerate(messages, 1):
            self._spin(max(start + number / rate - time.monotonic(), 0))
            for header in (image.header, message.header):
                header.stamp.sec, header.stamp.nanosec = divmod(round(number / rate * 1e9), 10**9)
            self._images.publish(image)
            sent[number] = time.monotonic()
            self._detections.publish(message)
        self._spin(2.0)
        stamps = {round(number / rate * 1e9): at for number, at in sent.items()}
        trips = [self._came[stamp] - at for stamp, at in stamps.items() if stamp in self._came]
        return {
            'trips': trips, 'report': self._report,
            'cpu': (self._cpu() - cpu) / len(frames), 'sent': len(sent),
        }  # fmt: skip

    def _tracks_known(self) -> bool:
        return bool(self._node.count_publishers('tracks'))

    def _spin(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            rclpy.spin_once(self._node, timeout_sec=left)

    def _on_tracks(self, message: Track2DArray) -> None:
        stamp = message.header.stamp
        self._came[stamp.sec * 10**9 + stamp.nanosec] = time.monotonic()

    def _on_report(self, message: DiagnosticArray) -> None:
        report = {value.key: value.value for value in message.status[0].values}
        if 'latency_node_p50_ms' in report:
            self._report = report

    def _cpu(self) -> float:
        fields = Path(f'/proc/{self._pid}/stat').read_text().rsplit(') ', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def message_of(detections: Detections) -> Detection2DArray:
    """Return detections as a message."""
    message = Detection2DArray()
    centres = detections.tlwh[:, :2] + detections.tlwh[:, 2:] / 2
    rows = zip(centres.tolist(), detections.tlwh[:, 2:].tolist(), detections.scores.tolist(),
               strict=True)  # fmt: skip
    for (x, y), (width, height), score in rows:
        result = ObjectHypothesisWithPose()
        result.hypothesis.class_id, result.hypothesis.score = 'person', score
        detection = Detection2D(results=[result])
        detection.bbox.center.position.x, detection.bbox.center.position.y = x, y
        detection.bbox.size_x, detection.bbox.size_y = width, height
        message.detections.append(detection)
    return message


def step(frames: list[Detections], rate: float = 0.0) -> float:
    """Return the median seconds of the pipeline's step here, at a rate or without a pause."""
    pipeline, seconds = Pipeline(TrackerSettings()), []
    for detections in frames:
        start = time.perf_counter()
        pipeline.step(detections)
        seconds.append(time.perf_counter() - start)
        if rate:
            time.sleep(1 / rate)
    return statistics.median(seconds[len(seconds) // 5 :])


def median_of(call: Callable[[], object], times: int = 200) -> float:
    """Return the median seconds of a call."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def show(
    measured: dict[str, Any], step_seconds: float, frames: list[Detections], options: Any
) -> None:
    """Print the parts in milliseconds and as multiples of the step."""
    table = Table(title=f'{options.people} people, 1080p bgr8, {options.rate:g} frames/s')
    for column in ('part', 'p50 ms', 'x step'):
        table.add_column(column, justify='left' if column == 'part' else 'right')

    def row(name: str, seconds: float) -> None:
        table.add_row(name, f'{1e3 * seconds:.3f}', f'{seconds / step_seconds:.2f}')

    row('pipeline step, in process, at this rate', step_seconds)
    row('pipeline step, in process, without a pause', step(frames))
    for stage, name in PARTS.items():
        row(f'node: {name}', float(measured['report'][f'latency_{stage}_p50_ms']) / 1e3)
    trip = statistics.median(measured['trips'])
    row('round trip: detections published to tracks received', trip)
    inside = float(measured['report']['latency_node_p50_ms']) / 1e3
    row('of that outside: DDS both ways, taking 6 MB of image, executor', trip - inside)
    row('node: CPU a frame, all threads', measured['cpu'])
    data = serialize_message(message_of(frames[-1]))
    row('for comparison: rclpy deserialises the detections',
        median_of(lambda: deserialize_message(data, Detection2DArray)))  # fmt: skip
    row('instead: read where they are', median_of(lambda: read_detections(data)))
    console = Console()
    console.print(table)
    p95 = statistics.quantiles(measured['trips'], n=20)[-1]
    console.print(
        f'{len(measured["trips"])} of {measured["sent"]} frames came back; '
        f'round trip p95 {1e3 * p95:.2f} ms',
    )


if __name__ == '__main__':
    main()
