"""Latency by stage: a table, and percentiles as bars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from strongsort_ros.evaluation.report.elements import note, open_drawing, table, text
from strongsort_ros.evaluation.report.model import Latency, latency_table

_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 560, 145, 56, 26, 4


def latency_section(latencies: Sequence[Latency]) -> str:
    """Return the latencies as figures and as a drawing."""
    shown = latency_table(latencies)
    words = 'Bars reach to the median, paler ones to the 95th percentile, lines to the 99th.'
    return table(shown.head, shown.rows, shown.name) + _draw(latencies) + note(words)


def _draw(latencies: Sequence[Latency]) -> str:
    height = _TOP + _ROW * len(latencies)
    most = max([each.p99 for each in latencies], default=0) or 1.0
    words = 'latency by stage; the numbers are in the table above'
    parts = [open_drawing('latencies', _WIDTH, height, words)]
    for number, each in enumerate(latencies):
        parts += _bar(each, _TOP + number * _ROW, (_WIDTH - _LEFT - _RIGHT) / most)
    return '\n'.join([*parts, '</svg>\n'])


def _bar(latency: Latency, top: int, scale: float) -> Iterator[str]:
    middle = top + 8
    yield f'<text x="{_LEFT - 8}" y="{middle + 4}" text-anchor="end">{text(latency.stage)}</text>'
    yield (
        f'<path class="line" d="M{_LEFT} {middle}h{latency.p99 * scale:.1f}m0 -5v10"/>'
        f'<rect class="p95" x="{_LEFT}" y="{top + 1}" width="{latency.p95 * scale:.1f}" '
        'height="14"/>'
        f'<rect class="p50" x="{_LEFT}" y="{top + 1}" width="{latency.p50 * scale:.1f}" '
        'height="14"/>'
    )
    end = _LEFT + latency.p99 * scale + 6
    yield f'<text x="{end:.1f}" y="{middle + 4}">{latency.p99:.1f}</text>'
