"""A report as one page that opens anywhere: no scripts, nothing from a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from strongsort_ros.evaluation.matching import TrackMatches, match_to_ground_truth
from strongsort_ros.evaluation.report.curves import draw_curves
from strongsort_ros.evaluation.report.elements import (
    anchor,
    details,
    image,
    note,
    section,
    table,
    text,
)
from strongsort_ros.evaluation.report.latencies import latency_section
from strongsort_ros.evaluation.report.model import Report
from strongsort_ros.evaluation.report.score_tables import headlines, score_table
from strongsort_ros.evaluation.report.style import STYLE
from strongsort_ros.evaluation.report.switch_section import switch_sections
from strongsort_ros.evaluation.report.timelines import (
    HOW_TO_READ,
    TWO_LINES,
    people_timeline,
    tracks_timeline,
)
from strongsort_ros.evaluation.scores import ScoredSequence


def render_page(report: Report) -> str:
    """Return a report as HTML, its pictures included."""
    title = text(report.title)
    sections = list(_sections(report))
    links = ''.join(f'<a href="#{anchor(name)}">{text(name)}</a>\n' for name, _ in sections)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<title>{title}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n'
        f'{note(report.about) if report.about else ""}<nav aria-label="sections">{links}</nav>\n'
        f'{"".join(section(name, content) for name, content in sections)}'
        '</main>\n</body>\n</html>\n'
    )


def _sections(report: Report) -> Iterator[tuple[str, str]]:
    """Yield headings and what is below them."""
    scored = [(name, side.scores) for name, side in report.sides if side.scores is not None]
    if scored:
        yield 'Scores', headlines(scored) + score_table(scored)
    elif report.sides:
        yield 'Scores', note('The truth is not known, so there are no scores.')
    if report.moving_picture is not None:
        yield 'The tracks', details('Moving picture', image(report.moving_picture), is_open=True)
    if scored:
        yield 'HOTA over alpha', draw_curves(scored)
    if report.sides:
        found = _follow(report)
        yield 'Tracks over time', ''.join(_timelines(report, found))
        yield from switch_sections(report, found)
    if report.latencies:
        yield 'Latency', latency_section(report.latencies)
    if report.pictures:
        pictures = ''.join(map(image, report.pictures))
        yield 'Pictures', f'<div class="pictures">{pictures}</div>\n'
    for each in report.tables:
        yield each.name, table(each.head, each.rows)
    if report.files:
        yield 'Files', f'<ul>\n{"".join(map(_link, report.files))}</ul>\n'


def _follow(report: Report) -> list[dict[str, TrackMatches]]:
    """Return, for each side, who was followed by which track in each sequence with truth."""
    return [
        {s.name: match_to_ground_truth(s) for s in side.sequences if len(s.ground_truth)}
        for _, side in report.sides
    ]


def _timelines(report: Report, found: Sequence[dict[str, TrackMatches]]) -> Iterator[str]:
    sequences: dict[str, list[ScoredSequence]] = {}
    for _, side in report.sides:
        for sequence in side.sequences:
            sequences.setdefault(sequence.name, []).append(sequence)
    words = [HOW_TO_READ] if any(found) else []
    words += [TWO_LINES] if len(report.sides) == 2 else []
    if words:
        yield note(' '.join(words))
    for name, each in sequences.items():
        if len(sequences) > 1:
            yield f'<h3>{text(name)}</h3>\n'
        following = [side[name] for side in found if name in side]
        if following:
            yield people_timeline(name, following, each[0].frames)
        else:
            yield tracks_timeline(each)


def _link(file: tuple[str, str]) -> str:
    path, meaning = map(text, file)
    return f'<li><a href="{path}">{path}</a>: {meaning}</li>\n'
