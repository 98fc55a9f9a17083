"""Status of a node on /diagnostics; for the tracker, its level and what the user should change."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile

from strongsort_ros.online.config import DiagnosticsSettings

OK, WARN, ERROR, STALE = (
    DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR, DiagnosticStatus.STALE
)  # fmt: skip

REPORT_PERIOD: Final = 1.0
"""Seconds between reports."""
REPORT_DELAY: Final = 0.05
"""Seconds from a change to its report, so that changes at the same time make one report."""
NO_IMAGES_AFTER: Final = 2.0
"""Seconds of detections without a single image before the node warns."""
WINDOW: Final = 5.0
"""Seconds over which shares of the input are computed."""
FEWEST: Final = 5
"""Shares are computed of at least this many detections."""

LARGE_IMAGES: Final = (
    'large images get lost with the default buffers of the middleware: give the camera node the '
    'profile config/fastdds.xml (Fast DDS), or a reliable publisher and set qos_overrides.'
    '<image topic>.subscription.reliability: reliable (Cyclone DDS; docs/node.md)'
)
NO_IMAGES: Final = (
    'detections arrive, but no images: check the remapping of the topic and image_transport; '
    + LARGE_IMAGES
)
NO_PAIRS: Final = (
    'detections and images arrive, but their stamps are never equal: the detector must copy the '
    'header of its image; if it rounds stamps, set sync_tolerance; images must arrive within '
    'sync_deadline'
)
NO_STAMPS: Final = (
    '{} have no stamp, so tracks follow motion alone: set header.stamp, in detections to that of '
    'the image'
)
DIFFERENT_STAMPS: Final = (
    'if the detector looks at every image, it must copy the header of its image (if it rounds '
    'stamps, set sync_tolerance); otherwise '
)
DROPPED: Final = {
    'duplicate_detections': 'were received twice: does a second node or a bag publish them?',
    'unmerged_detections': 'arrived after others of their stamp were tracked: publish the arrays '
    'of all detectors within sync_deadline of each other, or raise it',
    'late_detections': 'were dropped because newer ones had been tracked: publish them in the '
    'order of their stamps, also with several workers',
}
"""Advice by the counter of the dropped arrays of detections."""


@dataclass(slots=True)
class Condition:
    """Current condition of the tracker node.

    Attributes
    ----------
    state
        Lifecycle state.
    uses_images
        False: the node tracks by motion alone, as configured.
    counts
        Number of messages since activation, by outcome.
    rejected
        Number of rejected messages and detections, by reason.
    seconds
        Latest latencies by stage; `node` is that of the complete node.
    ages
        Seconds since the last message, by topic; inf if there is none since activation.
    slow_detector
        Advice for detections whose images had been discarded; '' if there are none.
    faults
        Other faults that do not stop the node.
    facts
        Further values to report, by key.

    """

    state: str
    uses_images: bool = True
    counts: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)
    seconds: Mapping[str, Sequence[float]] = field(default_factory=dict)
    ages: Mapping[str, float] = field(default_factory=dict)
    slow_detector: str = ''
    faults: Sequence[str] = ()
    facts: Mapping[str, object] = field(default_factory=dict)


class Diagnosis:
    """Makes a status message of the tracker's condition and what changed since the last one.

    Parameters
    ----------
    settings
        Thresholds of the levels WARN, ERROR and STALE.

    Attributes
    ----------
    input_warnings
        Warnings about the input in the last report: kind -> text. The kind stays the same while
        the numbers in the text change.

    """

    def __init__(self, settings: DiagnosticsSettings) -> None:
        self.settings = settings
        self._before: Counter[str] = Counter()
        self._reported: float | None = None
        self._without_image: float | None = None
        self._window: deque[tuple[float, Counter[str]]] = deque()
        self.input_warnings: dict[str, str] = {}

    def report(self, name: str, condition: Condition, now: float) -> Any:
        """Return a diagnostic_msgs/DiagnosticStatus; `now` in seconds of a steady clock."""
        elapsed = max(now - (now - 1.0 if self._reported is None else self._reported), 1e-3)
        self._reported = now
        totals = Counter(dict(condition.counts))
        totals.update({f'rejected_{reason}': n for reason, n in condition.rejected.items()})
        new = totals - self._before
        self._before = totals
        self.input_warnings = dict(self._check_input(condition, new, now))
        findings = sorted(self._findings(condition, new), key=lambda found: found[0], reverse=True)
        level = findings[0][0] if findings else OK
        healthy = 'tracking' if condition.state == 'active' else condition.state
        message = '; '.join(text for _, text in findings) or healthy
        values: dict[str, object] = {'state': condition.state, **condition.facts}
        for topic in ('images', 'detections'):
            values[f'{topic}_rate_hz'] = new[topic] / elapsed
            if condition.ages.get(topic, math.inf) < math.inf:
                values[f'{topic}_age_s'] = condition.ages[topic]
        values.update(sorted(totals.items()))
        for stage, seconds in condition.seconds.items():
            values.update(latency_values(stage, seconds))
        return status_message(name, level, message, values)

    def _check_input(
        self, condition: Condition, new: Counter[str], now: float
    ) -> Iterator[tuple[str, str]]:
        """Yield kind and text of each warning about images and detections."""
        if condition.state != 'active':
            self._window.clear()
            self._without_image = None
            return
        self._window.append((now, new))
        while now - self._window[0][0] > WINDOW:
            self._window.popleft()
        recent = sum((counts for _, counts in self._window), Counter[str]())
        if condition.uses_images:
            yield from self._check_images(condition, new, recent, now)
        yield from self._check_dropped(recent)

    def _check_images(
        self, condition: Condition, new: Counter[str], recent: Counter[str], now: float
    ) -> Iterator[tuple[str, str]]:
        if new['matched'] or new['superseded']:
            self._without_image = None
        elif new['detections'] and self._without_image is None:
            self._without_image = now
        no_pairs = self._without_image is not None and now - self._without_image >= NO_IMAGES_AFTER
        tracked = recent['matched'] + recent['superseded'] + recent['without_image']
        limit = self.settings.warn_without_image * max(tracked, FEWEST)
        unstamped = [t for t in ('images', 'detections') if recent[f'unstamped_{t}'] > limit]
        if unstamped:
            yield 'images', NO_STAMPS.format(' and '.join(unstamped))
        elif recent['expired_images'] > limit and condition.slow_detector:
            yield 'slow', condition.slow_detector
        elif no_pairs and recent['detections']:
            yield 'images', NO_PAIRS if recent['images'] else NO_IMAGES
        elif self._without_image is None and recent['without_image'] > limit:
            lost = recent['without_image']
            unpaired = recent['images'] - recent['matched'] - recent['superseded']
            text = f'{lost} of {tracked} detections had no image'
            if unpaired >= lost:
                text += f', while {unpaired} images had no detections: {DIFFERENT_STAMPS}'
            else:
                text += ': '
            yield 'images', text + LARGE_IMAGES

    def _check_dropped(self, recent: Counter[str]) -> Iterator[tuple[str, str]]:
        detections = recent['detections']
        limit = self.settings.warn_duplicates * max(detections, FEWEST)
        for name, advice in DROPPED.items():
            if recent[name] > limit:
                yield name, f'{recent[name]} of {detections} arrays of detections {advice}'

    def _findings(self, condition: Condition, new: Counter[str]) -> Iterator[tuple[bytes, str]]:
        """Yield level and text of everything that is wrong."""
        if condition.state != 'active':
            return
        yield from ((WARN, text) for text in self.input_warnings.values())
        yield from ((WARN, text) for text in condition.faults)
        age = condition.ages.get('detections', math.inf)
        yield from self._check_age(age)
        if age <= self.settings.warn_age:  # old latencies say nothing about a silent input
            yield from self._check_latency(condition.seconds.get('node', ()))
        dropped = new['superseded'] / max(new['detections'], 1)
        if dropped > self.settings.warn_dropped:
            yield WARN, f'the tracker is too slow: {dropped:.0%} of the detections were dropped'
        if new['rejected_failed_frame']:
            yield ERROR, f'{new["rejected_failed_frame"]} frames failed; see the log for the reason'
        rejected = sorted(key for key in new if key.startswith(('rejected_', 'malformed_')))
        if rejected:
            yield WARN, f'input was rejected: {", ".join(rejected)}'

    def _check_age(self, age: float) -> Iterator[tuple[bytes, str]]:
        text = f'no detections for {age:.1f} s' if age < math.inf else 'no detections received yet'
        if self.settings.stale_age < age < math.inf:
            yield STALE, text
        elif age > self.settings.warn_age:
            yield WARN, text

    def _check_latency(self, seconds: Sequence[float]) -> Iterator[tuple[bytes, str]]:
        if not seconds:
            return
        p95 = float(np.percentile(np.asarray(seconds), 95))
        text = f'latency from detections to tracks is {p95:.2f} s (p95)'
        if p95 > self.settings.error_latency:
            yield ERROR, text
        elif p95 > self.settings.warn_latency:
            yield WARN, text


def latency_values(stage: str, seconds: Sequence[float]) -> dict[str, object]:
    """Return percentiles in milliseconds by key, such as `latency_decode_p50_ms`."""
    if not seconds:
        return {}
    found = 1e3 * np.percentile(np.asarray(seconds), [50, 95, 99, 100])
    names = ('p50', 'p95', 'p99', 'max')
    return {f'latency_{stage}_{n}_ms': ms for n, ms in zip(names, found.tolist(), strict=True)}


def status_message(name: str, level: bytes, message: str, values: Mapping[str, object]) -> Any:
    """Return a diagnostic_msgs/DiagnosticStatus; numbers have at most three decimals."""
    texts = {
        key: str(round(value, 3) if isinstance(value, float) else value)
        for key, value in values.items()
    }
    return DiagnosticStatus(
        level=level,
        name=name,
        message=message,
        hardware_id='strongsort_ros',
        values=[KeyValue(key=key, value=text) for key, text in texts.items()],
    )


class Reporter:
    """Publishes a node's status on /diagnostics, once a second of wall time and on request.

    Parameters
    ----------
    node
        Node that owns the publisher and the timers.
    status
        Returns the node's diagnostic_msgs/DiagnosticStatus.

    """

    def __init__(self, node: Node, status: Callable[[], Any]) -> None:
        self._node = node
        self._status = status
        self._publisher = node.create_publisher(
            DiagnosticArray, '/diagnostics', QoSProfile(depth=1)
        )
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        node.create_timer(REPORT_PERIOD, self.publish, clock=steady)
        self._soon = node.create_timer(REPORT_DELAY, self.publish, clock=steady)
        self._soon.cancel()

    def publish(self) -> None:
        """Publish the status now."""
        self._soon.cancel()
        message = DiagnosticArray(status=[self._status()])
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)

    def publish_soon(self) -> None:
        """Publish the status in `REPORT_DELAY` seconds."""
        self._soon.reset()
