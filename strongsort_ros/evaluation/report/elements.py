"""Small pieces of HTML; whatever text goes in comes out escaped."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from strongsort_ros.evaluation.report.model import Picture

_NUMBER = re.compile(r'[-+]?[\d.,]*')


def text(value: object) -> str:
    """Return text that is safe in an element or a quoted attribute."""
    return html.escape(str(value), quote=True)


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = '', *, grouped: bool = False
) -> str:
    """Return a table that scrolls sideways where it is too wide; first cells name the rows.

    Columns of numbers are set to the right. With `grouped`, rows one below the other with the
    same first cell share it.
    """
    body = list(rows)
    words = [not all(_NUMBER.fullmatch(row[i]) for row in body) for i in range(len(head))]
    kinds = [' class="words"' if word else '' for word in words]
    heads = ''.join(
        f'<th scope="col"{kind}>{text(cell)}</th>' for kind, cell in zip(kinds, head, strict=True)
    )
    title = f'<caption>{text(caption)}</caption>' if caption else ''
    label = text(caption or ', '.join(head))
    groups = groupby(body, key=lambda row: row[0]) if grouped else ((row[0], [row]) for row in body)
    lines = ''.join(_group(name, list(group), kinds) for name, group in groups)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{label}"><table>{title}'
        f'<thead><tr>{heads}</tr></thead>\n<tbody>{lines}</tbody></table></div>\n'
    )


def _group(name: str, rows: Sequence[Sequence[str]], kinds: Sequence[str]) -> str:
    span = f'scope="rowgroup" rowspan="{len(rows)}"' if len(rows) > 1 else 'scope="row"'
    first = f'<th {span}>{text(name)}</th>'
    lines = (
        ''.join(
            f'<td{kind}>{text(cell)}</td>' for kind, cell in zip(kinds[1:], row[1:], strict=True)
        )
        for row in rows
    )
    return f'<tr>{first}' + '</tr>\n<tr>'.join(lines) + '</tr>\n'


def section(title: str, *parts: str) -> str:
    """Return a part of the page with its heading."""
    return f'<section id="{anchor(title)}">\n<h2>{text(title)}</h2>\n{"".join(parts)}</section>\n'


def anchor(title: str) -> str:
    """Return by what name a section is found in the page."""
    return re.sub(r'\W+', '-', title.lower()).strip('-')


def note(words: str) -> str:
    """Return a paragraph that explains."""
    return f'<p class="note">{text(words)}</p>\n'


def details(summary: str, content: str, *, is_open: bool = False) -> str:
    """Return what is seen when it is asked for, or until it is put away."""
    start = '<details open>' if is_open else '<details>'
    return f'{start}<summary>{text(summary)}</summary>\n{content}</details>\n'


def image(picture: Picture) -> str:
    """Return a picture with its data."""
    data = base64.b64encode(picture.data).decode('ascii')
    return f'<img src="data:{picture.media_type};base64,{data}" alt="{text(picture.text)}">'


def open_drawing(kind: str, width: int, height: int, words: str) -> str:
    """Return the start tag of an SVG element; `words` stand for the drawing."""
    box = f'viewBox="0 0 {width} {height}"'
    return f'<svg class="{kind}" {box} role="img" aria-label="{text(words)}">'
