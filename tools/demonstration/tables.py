"""What the terminal and the page both show: scores and latencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from demonstration.page import Table
from strongsort_ros.evaluation.scores import Scores

if TYPE_CHECKING:
    from demonstration.replay import Replayed


def score_table(scores: Scores) -> Table:
    """Return the scores that papers tell."""
    shares = (scores.hota, scores.assa, scores.deta, scores.idf1, scores.mota)
    counts = (scores.idsw, scores.false_positives, scores.misses)
    head = ('HOTA', 'AssA', 'DetA', 'IDF1', 'MOTA', 'IDSW', 'FP', 'FN')
    return Table(head, [[*(f'{share:.2f}' for share in shares), *map(str, counts)]])


def report_tables(replayed: Replayed) -> tuple[Table, Table]:
    """Return the latencies by stage, and what else the node said of itself."""
    trip = 1e3 * np.percentile(replayed.round_trips, [50, 95, 99])
    rows = [['round trip over ROS', 'p50 {:.2f} ms, p95 {:.2f} ms, p99 {:.2f} ms'.format(*trip)]]
    others = []
    for name, value in replayed.diagnostics.items():
        if name.startswith('latency_'):
            rows.append([name.removeprefix('latency_'), value])
        else:
            others.append([name, value])
    return Table(('stage', 'time'), rows), Table(('name', 'value'), others)
