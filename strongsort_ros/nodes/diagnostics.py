"""How the tracker node is, once a second on /diagnostics."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from strongsort_ros.online.config import DiagnosticsSettings

OK, WARN, ERROR, STALE = (
    DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR, DiagnosticStatus.STALE
)  # fmt: skip

PERIOD: Final = 1.0
"""Seconds between reports."""
NO_IMAGES_AFTER: Final = 2.0
"""Seconds with detections but none with its image, after which the node says so."""
WINDOW: Final = 5.0
"""Seconds over which shares of the input are judged."""
FEWEST: Final = 5
"""Detections in the window, below which no share is judged."""

LARGE_IMAGES: Final = (
    'large images get lost with the default buffers of the middleware: give the camera node the '
    'profile config/fastdds.xml (Fast DDS), or a reliable publisher and set qos_overrides.'
    '<image topic>.subscription.reliability: reliable (Cyclone DDS; docs/node.md)'
)
NO_IMAGES: Final = (
    'detections arrive, but no images: is the topic remapped, and image_transport right? If so, '
    + LARGE_IMAGES
)
NO_PAIRS: Final = (
    'detections and images arrive, but their stamps are never the same: the detector must copy '
    'the header of its image; if it rounds stamps, set sync_tolerance; images must come within '
    'sync_deadline'
)

NO_STAMPS: Final = (
    '{} have no stamp, so tracks follow motion alone: set header.stamp, in detections to that of '
    'the image'
)
DIFFERENT_STAMPS: Final = (
    'if the detector looks at every image, it must copy the header of its image (if it rounds '
    'stamps, set sync_tolerance); else '
)

DROPPED: Final = {
    'duplicate_detections': 'were sent twice: does a second node or a bag publish them?',
    'unmerged_detections': 'came after others of their stamp were tracked: publish the arrays of '
    'all detectors within sync_deadline of each other, or raise it',
    'late_detections': 'were dropped because newer ones had been tracked: publish them in the '
    'order of their stamps, also with several workers',
}
"""What is wrong with arrays of detections that are dropped and counted so."""


@dataclass(slots=True)
class Condition:
    """What the node is doing, as of now.

    Attributes
    ----------
    state
        Of the lifecycle.
    uses_images
        False: motion alone, by choice.
    counts
        What became of every message, since activation, by name.
    rejected
        What could not be used, by reason.
    seconds
        Last latencies, by stage; `latency` is that of the whole node.
    ages
        Seconds since the last message, by topic; inf where none has come since activation.
    slow_detector
        What to do about detections whose images had been discarded; '': there were none.
    faults
        What else is wrong though the node goes on.
    facts
        More to tell, by name.

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
    """Turns conditions, about one a second, into reports; remembers the previous one.

    Parameters
    ----------
    settings
        From when on something is not well.

    Attributes
    ----------
    input_warnings
        What was wrong with the input at the last report: kind -> text.

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
        self.input_warnings = dict(self._look_at_input(condition, new, now))
        findings = sorted(self._findings(condition, new), key=lambda found: found[0], reverse=True)
        level = findings[0][0] if findings else OK
        healthy = 'tracking' if condition.state == 'active' else condition.state
        message = '; '.join(text for _, text in findings) or healthy
        values: dict[str, object] = {'state': condition.state, **condition.facts}
        for topic in ('images', 'detections'):
            values[f'{topic}_rate'] = f'{new[topic] / elapsed:.1f} Hz'
            if condition.ages.get(topic, math.inf) < math.inf:
                values[f'{topic}_age'] = f'{condition.ages[topic]:.2f} s'
        values.update(sorted(totals.items()))
        for stage, seconds in condition.seconds.items():
            values[f'latency_{stage}'] = latency(seconds)
        if condition.seconds.get('latency'):
            # A number alone, as plots want it.
            values['latency_p95_ms'] = f'{1e3 * _p95(condition.seconds["latency"]):.2f}'
        return status_message(name, level, message, values)

    def _look_at_input(
        self, condition: Condition, new: Counter[str], now: float
    ) -> Iterator[tuple[str, str]]:
        """Give the kind and the words of what is wrong with images and detections."""
        if condition.state != 'active':
            self._window.clear()
            self._without_image = None
            return
        self._window.append((now, new))
        while now - self._window[0][0] > WINDOW:
            self._window.popleft()
        recent = sum((counts for _, counts in self._window), Counter[str]())
        if condition.uses_images:
            yield from self._images(condition, new, recent, now)
        yield from self._dropped(recent)

    def _images(
        self, condition: Condition, new: Counter[str], recent: Counter[str], now: float
    ) -> Iterator[tuple[str, str]]:
        if new['matched'] or new['superseded']:
            self._without_image = None
        elif new['detections'] and self._without_image is None:
            self._without_image = now
        lacking = self._without_image is not None and now - self._without_image >= NO_IMAGES_AFTER
        tracked = recent['matched'] + recent['superseded'] + recent['without_image']
        limit = self.settings.warn_without_image * max(tracked, FEWEST)
        unstamped = [t for t in ('images', 'detections') if recent[f'unstamped_{t}'] > limit]
        if unstamped:
            yield 'images', NO_STAMPS.format(' and '.join(unstamped))
        elif recent['expired_images'] > limit and condition.slow_detector:
            yield 'slow', condition.slow_detector
        elif lacking and recent['detections']:
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

    def _dropped(self, recent: Counter[str]) -> Iterator[tuple[str, str]]:
        detections = recent['detections']
        limit = self.settings.warn_duplicates * max(detections, FEWEST)
        for name, advice in DROPPED.items():
            if recent[name] > limit:
                yield name, f'{recent[name]} of {detections} arrays of detections {advice}'

    def _findings(self, condition: Condition, new: Counter[str]) -> Iterator[tuple[bytes, str]]:
        """Give the level and the words of everything that is not well."""
        if condition.state != 'active':
            return
        yield from ((WARN, text) for text in self.input_warnings.values())
        yield from ((WARN, text) for text in condition.faults)
        age = condition.ages.get('detections', math.inf)
        yield from self._ages(age)
        if age <= self.settings.warn_age:  # else there is no input to be slow with
            yield from self._latencies(condition.seconds.get('latency', ()))
        dropped = new['superseded'] / max(new['detections'], 1)
        if dropped > self.settings.warn_dropped:
            yield WARN, f'the tracker is behind: {dropped:.0%} of the detections were dropped'
        if new['rejected_failed_frame']:
            yield ERROR, f'{new["rejected_failed_frame"]} frames failed; the log has the reason'
        refused = sorted(key for key in new if key.startswith(('rejected_', 'malformed_')))
        if refused:
            yield WARN, f'input is refused: {", ".join(refused)}'

    def _ages(self, age: float) -> Iterator[tuple[bytes, str]]:
        text = f'no detections for {age:.1f} s' if age < math.inf else 'no detections have come yet'
        if self.settings.stale_age < age < math.inf:
            yield STALE, text
        elif age > self.settings.warn_age:
            yield WARN, text

    def _latencies(self, seconds: Sequence[float]) -> Iterator[tuple[bytes, str]]:
        if not seconds:
            return
        p95 = _p95(seconds)
        text = f'it takes {p95:.2f} s from detections to tracks'
        if p95 > self.settings.error_latency:
            yield ERROR, text
        elif p95 > self.settings.warn_latency:
            yield WARN, text


def latency(seconds: Sequence[float]) -> str:
    """Return percentiles of latencies in words."""
    if not seconds:
        return 'not measured'
    p50, p95, p99, most = 1e3 * np.percentile(np.asarray(seconds), [50, 95, 99, 100])
    return f'p50 {p50:.2f} ms, p95 {p95:.2f} ms, p99 {p99:.2f} ms, max {most:.2f} ms'


def _p95(seconds: Sequence[float]) -> float:
    return float(np.percentile(np.asarray(seconds), 95))


def status_message(name: str, level: bytes, message: str, values: Mapping[str, object]) -> Any:
    """Return a diagnostic_msgs/DiagnosticStatus."""
    return DiagnosticStatus(
        level=level,
        name=name,
        message=message,
        hardware_id='strongsort_ros',
        values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
    )
