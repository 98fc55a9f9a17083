"""What the terminal and the report both show: scores and latencies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from strongsort_ros.evaluation.report import Latency, Table
from strongsort_ros.evaluation.scores import Scores

if TYPE_CHECKING:
    from demonstration.replay import Replayed


def score_table(scores: Scores) -> Table:
    """Return the scores that papers tell."""
    shares = (scores.hota, scores.assa, scores.deta, scores.idf1, scores.mota)
    counts = (scores.idsw, scores.false_positives, scores.misses)
    head = ('HOTA', 'AssA', 'DetA', 'IDF1', 'MOTA', 'IDSW', 'FP', 'FN')
    return Table('Scores', head, [[*(f'{share:.2f}' for share in shares), *map(str, counts)]])


def latencies_of(replayed: Replayed) -> list[Latency]:
    """Return the round trip over ROS, and the stages of which the node told."""
    latencies = [Latency.of('round trip over ROS', replayed.round_trips)]
    for name, value in replayed.diagnostics.items():
        percentiles = re.findall(r'([\d.]+) ms', value)
        if name.startswith('latency_') and len(percentiles) == 4:
            latencies.append(Latency(name.removeprefix('latency_'), *map(float, percentiles)))
    return latencies


def report_table(replayed: Replayed) -> Table:
    """Return what else the node said of itself."""
    rows = [
        [name, value]
        for name, value in replayed.diagnostics.items()
        if not name.startswith('latency_')
    ]
    return Table('What the node reports', ('name', 'value'), rows)
