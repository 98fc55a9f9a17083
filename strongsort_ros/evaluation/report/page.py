"""Render a report as one HTML page by the template beside this module."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from strongsort_ros.evaluation.matching import (
    Switch,
    TrackMatches,
    find_switches,
    match_to_ground_truth,
    worst_first,
)
from strongsort_ros.evaluation.report.curves import curves_table, draw_curves
from strongsort_ros.evaluation.report.errors import errors_chart
from strongsort_ros.evaluation.report.model import Drawing, Picture, Report, latency_table
from strongsort_ros.evaluation.report.switch_pictures import draw_switch
from strongsort_ros.evaluation.report.time_axis import CHART_WIDTH, NAMES_WIDTH
from strongsort_ros.evaluation.report.timeline import Timeline, people_timeline, tracks_timeline
from strongsort_ros.evaluation.score_table import (
    ALL_MEASURES,
    HEADLINES,
    Table,
    class_table,
    format_difference,
    format_score,
    score_table,
)
from strongsort_ros.evaluation.scores import EvaluatedTracks, Evaluation, ScoredSequence

MOST_PICTURES: Final = 6
MOST_PICTURES_OF_TWO: Final = 4  # before and after refinement each
MOST_LISTED: Final = 200
_LATENCY_WIDTH: Final = 359  # pixels for the bar of the largest p99

Matches = dict[str, TrackMatches]
"""Sequence name -> matches of its tracks with the ground truth."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page; the template renders `content` by its `kind`."""

    title: str
    kind: str
    content: Any

    @property
    def anchor(self) -> str:
        """Id of the section in the page."""
        return re.sub(r'\W+', '-', self.title.lower()).strip('-')


@dataclass(frozen=True, slots=True)
class Card:
    """A headline score in large type; `verdict` is 'better', 'worse' or '' for no change."""

    name: str
    value: str
    before: str = ''
    difference: str = ''
    verdict: str = ''


@dataclass(frozen=True, slots=True)
class Switches:
    """Identity switches of one side of the report: pictures of the worst, and a list."""

    count: int
    sequences: int
    pictures: Sequence[tuple[Switch, Sequence[Picture]]]
    table: Table


def render_page(report: Report) -> str:
    """Return a report as HTML, pictures included."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    template = environment.get_template('template.html.j2')
    return template.render(
        report=report,
        sections=list(_sections(report)),
        names_width=NAMES_WIDTH,
        chart_width=CHART_WIDTH,
    )


def _sections(report: Report) -> Iterator[Section]:
    scored = [(name, tracks.scores) for name, tracks in report.sides if tracks.scores is not None]
    if scored:
        before, after = scored[0][1], scored[1][1] if len(scored) == 2 else None
        content = _cards(before, after), score_table(before, after, ALL_MEASURES), _classes(report)
        yield Section('Scores', 'scores', content)
    elif report.sides:
        yield Section('Scores', 'note', 'There is no ground truth, so there are no scores.')
    if scored:
        yield Section('HOTA over alpha', 'curves', (draw_curves(scored), curves_table(scored)))
    if report.sides:
        yield from _track_sections(report)
    if report.latencies:
        scale = _LATENCY_WIDTH / (max(each.p99 for each in report.latencies) or 1.0)
        bars = report.latencies, latency_table(report.latencies), scale
        yield Section('Latency', 'latencies', bars)
    if report.pictures:
        yield Section('Pictures', 'pictures', report.pictures)
    yield from (Section(table.name, 'table', table) for table in report.tables)
    if report.files:
        yield Section('Files', 'files', report.files)


def _track_sections(report: Report) -> Iterator[Section]:
    matches: list[Matches] = [
        {s.name: match_to_ground_truth(s) for s in tracks.sequences if len(s.ground_truth)}
        for _, tracks in report.sides
    ]
    timelines = list(_timelines(report, matches))
    yield Section('Tracks over time', 'timelines', (len(matches), timelines, report.video))
    if any(matches):
        charts = list(_error_charts(report, matches))
        yield Section('Misses and false positives over time', 'errors', (len(matches), charts))
    for (side, tracks), found in zip(report.sides, matches, strict=True):
        if found:
            title = 'Identity switches' + (f' {side} refinement' if side else '')
            content = _switches(report, tracks, found), report.video is not None
            yield Section(title, 'switches', content)


def _classes(report: Report) -> list[Table]:
    """Return the scores by class, if there are several classes."""
    classes = [tracks.classes for _, tracks in report.sides if tracks.classes is not None]
    if not classes or len(classes) < len(report.sides):
        return []
    return [class_table(*classes)]


def _cards(first: Evaluation, last: Evaluation | None) -> list[Card]:
    """Return the headline scores of all sequences combined, and their change."""
    cards = []
    for attribute, name, direction in HEADLINES:
        before = getattr(first.combined, attribute)
        if last is None:
            cards.append(Card(name, format_score(before)))
            continue
        after = getattr(last.combined, attribute)
        difference, verdict = format_difference(before, after), ''
        if float(difference) != 0:
            verdict = 'better' if (after > before) == (direction > 0) else 'worse'
        if direction < 0:
            difference = f'{abs(after - before):,} {"more" if after > before else "fewer"}'
        cards.append(Card(name, format_score(after), format_score(before), difference, verdict))
    return cards


def _timelines(report: Report, matches: Sequence[Matches]) -> Iterator[Timeline]:
    sequences: dict[str, list[ScoredSequence]] = {}
    for _, tracks in report.sides:
        for sequence in tracks.sequences:
            sequences.setdefault(sequence.name, []).append(sequence)
    for name, each in sequences.items():
        found = [side[name] for side in matches if name in side]
        if found:
            yield people_timeline(name, found, each[0].frames)
        else:
            yield tracks_timeline(each)


def _error_charts(report: Report, matches: Sequence[Matches]) -> Iterator[tuple[str, Drawing]]:
    for sequence in report.sides[0][1].sequences:
        found = [side[sequence.name] for side in matches if sequence.name in side]
        if found:
            yield sequence.name, errors_chart(sequence.name, found, sequence.frames)


def _switches(report: Report, tracks: EvaluatedTracks, matches: Matches) -> Switches:
    switches = worst_first(
        switch for name, found in matches.items() for switch in find_switches(name, found)
    )
    most = MOST_PICTURES if len(report.sides) == 1 else MOST_PICTURES_OF_TWO
    pictures: list[tuple[Switch, Sequence[Picture]]] = []
    for switch in switches if report.image is not None else ():
        assert report.image is not None
        sequence = next(s for s in tracks.sequences if s.name == switch.sequence)
        if drawn := draw_switch(switch, sequence, partial(report.image, switch.sequence)):
            pictures.append((switch, drawn))
        if len(pictures) == most:
            break
    return Switches(len(switches), len(tracks.sequences), pictures, _switch_table(switches))


def _switch_table(switches: Sequence[Switch]) -> Table:
    head = (
        'sequence', 'person', 'old track', 'until frame', 'new track', 'from frame',
        'frames before', 'frames after',
    )  # fmt: skip
    rows = [
        [
            s.sequence,
            *map(str, (s.person, s.old, s.last_frame, s.new, s.frame)),
            *map(str, (s.frames_kept, s.frames_lost)),
        ]
        for s in switches[:MOST_LISTED]
    ]
    left = len(switches) - MOST_LISTED
    return Table(
        f'The worst first; {left} more are not listed' if left > 0 else 'The worst first',
        head,
        rows,
    )
