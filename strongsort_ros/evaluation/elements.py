"""Small pieces of HTML; whatever text goes in comes out escaped."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence

from strongsort_ros.evaluation.report import Picture


def text(value: object) -> str:
    """Return text that is safe in an element or a quoted attribute."""
    return html.escape(str(value), quote=True)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = '') -> str:
    """Return a table that scrolls sideways where it is too wide; first cells name the rows."""
    heads = ''.join(f'<th scope="col">{text(cell)}</th>' for cell in head)
    body = ''.join(_row(row) for row in rows)
    title = f'<caption>{text(caption)}</caption>' if caption else ''
    label = text(caption or head[0] or 'table')
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{label}"><table>{title}'
        f'<thead><tr>{heads}</tr></thead>\n<tbody>{body}</tbody></table></div>\n'
    )


def _row(cells: Sequence[str]) -> str:
    first, *others = (text(cell) for cell in cells)
    data = ''.join(f'<td>{cell}</td>' for cell in others)
    return f'<tr><th scope="row">{first}</th>{data}</tr>\n'


def section(title: str, *parts: str) -> str:
    """Return a part of the page with its heading."""
    return f'<section>\n<h2>{text(title)}</h2>\n{"".join(parts)}</section>\n'


def note(words: str) -> str:
    """Return a paragraph that explains."""
    return f'<p class="note">{text(words)}</p>\n'


def details(summary: str, content: str) -> str:
    """Return what is seen when it is asked for."""
    return f'<details><summary>{text(summary)}</summary>\n{content}</details>\n'


def image(picture: Picture) -> str:
    """Return a picture with its data."""
    data = base64.b64encode(picture.data).decode('ascii')
    return f'<img src="data:{picture.media_type};base64,{data}" alt="{text(picture.text)}">'


def open_drawing(kind: str, width: int, height: int, words: str) -> str:
    """Return the start tag of an SVG element; `words` stand for the drawing."""
    box = f'viewBox="0 0 {width} {height}"'
    return f'<svg class="{kind}" {box} role="img" aria-label="{text(words)}">'
