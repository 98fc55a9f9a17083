"""How the tracker node is, once a second on /diagnostics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

PERIOD: Final = 1.0
"""Seconds between reports."""
NO_IMAGES_AFTER: Final = 3
"""Reports in a row with detections but none with its image, after which the node says so."""

NO_IMAGES: Final = (
    'detections arrive, but no images: is the topic remapped, and image_transport right? Large '
    'images get lost on the way with the default settings of Fast DDS: give the camera node the '
    'profile config/fastdds.xml too'
)
NO_PAIRS: Final = (
    'detections and images arrive, but their stamps are never the same: the detector must copy '
    'the header of its image, and images must come within sync_deadline'
)


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
        Last latencies, by stage.
    trouble
        What is wrong though the node goes on; '' if nothing is.
    facts
        More to tell, by name.

    """

    state: str
    uses_images: bool = True
    counts: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)
    seconds: Mapping[str, Sequence[float]] = field(default_factory=dict)
    trouble: str = ''
    facts: Mapping[str, object] = field(default_factory=dict)


class Diagnosis:
    """Turns conditions, one a second, into reports; remembers the previous one."""

    def __init__(self) -> None:
        self._before: Counter[str] = Counter()
        self._without_image = 0

    def report(self, name: str, condition: Condition, elapsed: float) -> Any:
        """Return a diagnostic_msgs/DiagnosticStatus; `elapsed` seconds after the last one."""
        totals = Counter(dict(condition.counts))
        totals.update({f'rejected_{reason}': n for reason, n in condition.rejected.items()})
        new = totals - self._before
        self._before = totals
        level, message = self._judge(condition, new)
        values: dict[str, object] = {'state': condition.state, **condition.facts}
        for topic in ('images', 'detections'):
            values[f'{topic}_rate'] = f'{new[topic] / max(elapsed, 1e-3):.1f} Hz'
        values.update(sorted(totals.items()))
        for stage, seconds in condition.seconds.items():
            values[f'latency_{stage}'] = latency(seconds)
        return status_message(name, level, message, values)

    @property
    def lacks_images(self) -> bool:
        """Whether detections have come without their images for some time."""
        return self._without_image >= NO_IMAGES_AFTER

    def _judge(self, condition: Condition, new: Counter[str]) -> tuple[bytes, str]:
        if condition.state != 'active':
            self._without_image = 0
            return DiagnosticStatus.OK, condition.state
        if new['matched'] or new['superseded'] or not condition.uses_images:
            self._without_image = 0
        elif new['detections']:
            self._without_image += 1
        if self.lacks_images:
            return DiagnosticStatus.WARN, NO_PAIRS if new['images'] else NO_IMAGES
        if condition.trouble:
            return DiagnosticStatus.WARN, condition.trouble
        if not new['detections']:
            return DiagnosticStatus.WARN, 'no detections arrive'
        refused = sorted(key for key in new if key.startswith(('rejected_', 'malformed_')))
        if refused:
            return DiagnosticStatus.WARN, f'input is refused: {", ".join(refused)}'
        return DiagnosticStatus.OK, 'tracking'


def latency(seconds: Sequence[float]) -> str:
    """Return percentiles of latencies in words."""
    if not seconds:
        return 'not measured'
    p50, p95, p99, most = 1e3 * np.percentile(np.asarray(seconds), [50, 95, 99, 100])
    return f'p50 {p50:.2f} ms, p95 {p95:.2f} ms, p99 {p99:.2f} ms, max {most:.2f} ms'


def status_message(name: str, level: bytes, message: str, values: Mapping[str, object]) -> Any:
    """Return a diagnostic_msgs/DiagnosticStatus."""
    return DiagnosticStatus(
        level=level,
        name=name,
        message=message,
        hardware_id='strongsort_ros',
        values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
    )
