"""HOTA, AssA and DetA over alpha, the overlap (IoU) that a match needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from strongsort_ros.evaluation.report.model import Drawing
from strongsort_ros.evaluation.score_table import Table
from strongsort_ros.evaluation.scores import ALPHAS, Evaluation, Scores

_WIDTH, _HEIGHT = 560, 350
_LEFT, _RIGHT, _TOP, _BOTTOM = 36, 10, 58, 44

# Name, CSS class, attribute, and marker: colour is never the only difference.
_CURVES = (
    ('HOTA', 'hota', 'hota_over_alpha', 'M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0'),
    ('AssA', 'assa', 'assa_over_alpha', 'M-3.5 -3.5h7v7h-7z'),
    ('DetA', 'deta', 'deta_over_alpha', 'M0 -5l4.5 8h-9z'),
)


def draw_curves(sides: Sequence[tuple[str, Evaluation]]) -> Drawing:
    """Return the curves of all sequences combined.

    Parameters
    ----------
    sides
        'before' and 'after' refinement with their scores, or one pair with the name ''. The last
        is drawn in solid lines, one before it in dashed lines.

    """
    parts = [*_axes(), *_legend([name for name, _ in sides])]
    for number, (side, evaluation) in enumerate(sides):
        last = number == len(sides) - 1
        parts += [_curve(evaluation.combined, *curve, side, last) for curve in _CURVES]
    text = 'HOTA, AssA and DetA over alpha; the numbers are in the table below'
    return Drawing('curves', _WIDTH, _HEIGHT, text, '\n'.join(parts))


def curves_table(sides: Sequence[tuple[str, Evaluation]]) -> Table:
    """Return the same numbers as a table; parameters as for `draw_curves`."""
    head = ['alpha', *(f'{name} {side}'.strip() for name, *_ in _CURVES for side, _ in sides)]
    columns = [
        getattr(evaluation.combined, attribute)
        for _, _, attribute, _ in _CURVES
        for _, evaluation in sides
    ]
    rows = [
        [f'{alpha:.2f}', *(f'{value:.2f}' for value in values)]
        for alpha, *values in zip(ALPHAS.tolist(), *columns, strict=True)
    ]
    return Table('Over alpha, in percent', head, rows)


def _x(alpha: float) -> float:
    return _LEFT + alpha * (_WIDTH - _LEFT - _RIGHT)


def _y(percent: float) -> float:
    return _HEIGHT - _BOTTOM - percent / 100 * (_HEIGHT - _TOP - _BOTTOM)


def _axes() -> Iterator[str]:
    for percent in range(0, 101, 20):
        y = _y(percent)
        yield f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{percent}</text>'
    for tenth in range(0, 11, 2):
        x = _x(tenth / 10)
        yield f'<text x="{x:.1f}" y="{_HEIGHT - 24}" text-anchor="middle">{tenth / 10}</text>'
    yield (
        f'<text x="{_x(0.5)}" y="{_HEIGHT - 6}" text-anchor="middle">'
        'alpha: overlap (IoU) that a match needs</text>'
    )
    yield '<text x="0" y="14">percent</text>'


def _legend(sides: Sequence[str]) -> Iterator[str]:
    x = _LEFT + 54
    for name, kind, _, marker in _CURVES:
        yield (
            f'<g class="{kind}" transform="translate({x} 10)"><path class="line" d="M0 0h30"/>'
            f'<path class="marker" transform="translate(15 0)" d="{marker}"/></g>'
            f'<text x="{x + 36}" y="14">{name}</text>'
        )
        x += 160
    x = _LEFT + 54
    for number, side in enumerate(sides if len(sides) == 2 else ()):
        kind = 'line' if number else 'line broken'
        yield f'<path class="{kind}" d="M{x} 32h30"/>'
        yield f'<text x="{x + 36}" y="36">{side} refinement</text>'
        x += 160


def _curve(
    scores: Scores, name: str, kind: str, attribute: str, marker: str, side: str, last: bool
) -> str:
    points = [
        (_x(alpha), _y(percent))
        for alpha, percent in zip(ALPHAS.tolist(), getattr(scores, attribute), strict=True)
    ]
    line = 'M' + 'L'.join(f'{x:.1f} {y:.1f}' for x, y in points)
    markers = ''.join(
        f'<path class="marker" transform="translate({x:.1f} {y:.1f})" d="{marker}"/>'
        for x, y in (points if last else ())
    )
    title = f'{name} {side} refinement' if side else name
    style = 'line' if last else 'line broken'
    return (
        f'<g class="{kind}"><title>{title}</title><path class="{style}" d="{line}"/>{markers}</g>'
    )
