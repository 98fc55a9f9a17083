"""The HTML page: scores, moving picture, identities, latencies; one file, nothing fetched."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.5rem; } .muted { opacity: .7; }
table { border-collapse: collapse; } td, th { padding: .25rem .9rem; text-align: right; }
td:first-child, th:first-child { text-align: left; padding-left: 0; }
tr { border-bottom: 1px solid #8884; } .big td { font-size: 1.5rem; font-weight: 600; }
.pictures { display: grid; gap: .6rem; }
.pictures { grid-template-columns: repeat(auto-fill, minmax(18rem, 1fr)); }
img, svg { width: 100%; border-radius: 4px; } svg text { font-size: 11px; fill: currentColor; }
"""


@dataclass(frozen=True, slots=True)
class Table:
    """Cells of a table."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Page:
    """What the page shows.

    Attributes
    ----------
    title, about
        What was tracked, and how.
    scores
        None where there is no ground truth.
    moving_picture
        File of an animated WebP.
    timeline
        SVG, or '' where there is no ground truth.
    pictures
        Files of JPEG pictures.
    latencies, report
        Times by stage, and what else the node reports.
    files
        What else lies beside the page: name and meaning.

    """

    title: str
    about: str
    scores: Table | None
    moving_picture: Path
    timeline: str
    pictures: Sequence[Path]
    latencies: Table
    report: Table
    files: Sequence[tuple[str, str]]


def render_page(page: Page) -> str:
    """Return the page as HTML, its pictures included."""
    title = html.escape(page.title)
    sections = [f'<h1>{title}</h1><p class="muted">{html.escape(page.about)}</p>']
    if page.scores is not None:
        sections.append(_table(page.scores, 'big'))
    sections.append(_image(page.moving_picture, 'image/webp', 'the tracks, moving'))
    if page.timeline:
        sections.append(
            '<h2>Who was followed by which track</h2><p class="muted">A row for each true '
            'person, a colour for each track id; one colour all along is right, grey is no '
            f'track.</p>{page.timeline}'
        )
    pictures = [_image(path, 'image/jpeg', f'frame {int(path.stem)}') for path in page.pictures]
    sections.append(f'<h2>Pictures</h2><div class="pictures">{"".join(pictures)}</div>')
    sections.append(f'<h2>Latency by stage</h2>{_table(page.latencies)}')
    sections.append(f'<h2>What the node reports</h2>{_table(page.report)}')
    sections.append(f'<h2>Files</h2><ul>{"".join(_links(page.files))}</ul>')
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f'<body>{"".join(sections)}</body></html>\n'
    )


def _table(table: Table, kind: str = '') -> str:
    head = ''.join(f'<th>{html.escape(cell)}</th>' for cell in table.head)
    rows = (''.join(f'<td>{html.escape(cell)}</td>' for cell in row) for row in table.rows)
    body = ''.join(f'<tr>{row}</tr>' for row in rows)
    return f'<table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _image(path: Path, kind: str, alternative: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode('ascii')
    return f'<img src="data:{kind};base64,{data}" alt="{html.escape(alternative)}">'


def _links(files: Iterable[tuple[str, str]]) -> Iterable[str]:
    for name, meaning in files:
        name = html.escape(name)
        yield f'<li><a href="{name}">{name}</a>: {html.escape(meaning)}</li>'
