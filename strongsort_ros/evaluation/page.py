"""Scores as one page that opens anywhere: no scripts, nothing from a network."""

from __future__ import annotations

import html
import io
from collections.abc import Iterable
from pathlib import Path

from strongsort_ros.evaluation.scores import ALPHAS, Evaluation, Scores
from strongsort_ros.recording.atomic import replacing

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1d2530; max-width: 60rem;
       margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
div { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem; text-align: right; border-bottom: 1px solid #d8dee6; }
th:first-child, td:first-child { text-align: left; }
tr:last-child td { font-weight: 600; border-top: 2px solid #1d2530; border-bottom: 0; }
svg { max-width: 100%; height: auto; }
p { color: #5a6675; }
"""

# What Matplotlib would write into a drawing: the date and itself.
_LABELS = ('Creator', 'Date', 'Format', 'Type')

_MAIN = ('sequence', 'HOTA', 'AssA', 'DetA', 'IDF1', 'MOTA', 'IDSW')
_COUNTS = (
    'sequence', 'true boxes', 'boxes', 'misses', 'false positives', 'true ids', 'ids',
    'mostly tracked', 'mostly lost', 'fragments',
)  # fmt: skip


def save_page(path: Path | str, evaluation: Evaluation, title: str = 'Tracking scores') -> None:
    """Write the scores as an HTML page.

    Raises
    ------
    InputError
        The file cannot be written.

    """
    with replacing(path) as written:
        written.write_text(_page(evaluation, title), encoding='utf-8')


def _page(evaluation: Evaluation, title: str) -> str:
    every = (*evaluation.sequences, evaluation.combined)
    name = html.escape(title)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{name}</title>'
        '\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{name}</h1>\n'
        f'{_table(_MAIN, map(_main_row, every))}'
        '<p>Percent, but for IDSW, the number of identity switches. Computed by TrackEval.</p>\n'
        f'<h2>Over the overlap asked of a match</h2>\n{_curves(evaluation.combined)}\n'
        f'<h2>Counts</h2>\n{_table(_COUNTS, map(_count_row, every))}'
        '</body>\n</html>\n'
    )


def _main_row(s: Scores) -> list[str]:
    shares = (s.hota, s.assa, s.deta, s.idf1, s.mota)
    return [s.name, *(f'{share:.2f}' for share in shares), str(s.idsw)]


def _count_row(s: Scores) -> list[str]:
    counts = (
        s.true_boxes, s.boxes, s.misses, s.false_positives, s.true_ids, s.ids,
        s.mostly_tracked, s.mostly_lost, s.fragments,
    )  # fmt: skip
    return [s.name, *(f'{count:,}' for count in counts)]


def _table(head: Iterable[str], rows: Iterable[list[str]]) -> str:
    def line(tag: str, cells: Iterable[str]) -> str:
        return '<tr>' + ''.join(f'<{tag}>{html.escape(c)}</{tag}>' for c in cells) + '</tr>\n'

    body = ''.join(line('td', row) for row in rows)
    return (
        f'<div><table>\n<thead>{line("th", head)}</thead>\n<tbody>\n{body}</tbody></table></div>\n'
    )


def _curves(scores: Scores) -> str:
    """Return HOTA and its parts over alpha as an SVG element."""
    import matplotlib  # heavy: only who draws waits for it
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 3.6), layout='constrained')
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    curves = (
        ('HOTA', scores.hota_over_alpha, '#1d2530', '-'),
        ('AssA', scores.assa_over_alpha, '#d1495b', '--'),
        ('DetA', scores.deta_over_alpha, '#2e86ab', ':'),
    )
    for name, values, colour, style in curves:
        axes.plot(ALPHAS, values, style, color=colour, linewidth=2, label=name)
    axes.set(xlabel='overlap (IoU)', ylabel='percent', xlim=(0, 1), ylim=(0, 100))
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    for side in ('top', 'right'):
        axes.spines[side].set_visible(False)
    text = io.StringIO()
    # The same scores give the same page.
    with matplotlib.rc_context({'svg.hashsalt': 'strongsort', 'svg.fonttype': 'none'}):
        figure.savefig(text, format='svg', metadata=dict.fromkeys(_LABELS))
    drawing = text.getvalue()
    return drawing[drawing.index('<svg') :]
