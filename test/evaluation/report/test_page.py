"""The HTML report: numbers, missing parts, hostile text, and that it fetches nothing."""

from __future__ import annotations

import dataclasses
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest

from strongsort_ros.evaluation.classes import score_classes
from strongsort_ros.evaluation.report.model import (
    Latency,
    Picture,
    Report,
    Video,
    latency_table,
    save_report,
)
from strongsort_ros.evaluation.report.page import render_page
from strongsort_ros.evaluation.score_table import Table
from strongsort_ros.evaluation.scores import EvaluatedTracks, ScoredSequence, score
from strongsort_ros.files.rows import GroundTruth, TrackRows
from strongsort_ros.types import Image
from test.evaluation.walks import as_tracks, exchanged, walk
from tools.demonstration.pictures import animation, animation_stride

_VOID = {'meta', 'img'}  # elements without an end tag


class Page(HTMLParser):
    """Parse a page; assert that elements are closed and nothing is fetched."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: list[str] = []
        self.rows: list[list[str]] = []
        self.alternatives: list[str] = []
        self.links: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ''
        self.feed(source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.names.append(tag)
        self.elements.append((tag, attributes))
        assert not [name for name in attributes if name.startswith('on')]
        source = attributes.get('src') or ''
        assert source.startswith('data:') or tag == 'video' or 'src' not in attributes
        for address in (attributes.get('href') or '', source.removeprefix('data:')):
            link = urlsplit(address)
            assert not link.scheme
            assert not link.netloc
        if tag == 'a':
            self.links.append(attributes['href'] or '')
        if tag == 'tr':
            self.rows.append([])
        if tag in ('td', 'th'):
            self.rows[-1].append('')
        if tag == 'img':
            self.alternatives.append(attributes['alt'] or '')
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data
        if self.open and self.open[-1] in ('td', 'th'):
            self.rows[-1][-1] += data


def recorded(*sequences: ScoredSequence) -> EvaluatedTracks:
    return EvaluatedTracks(sequences, score(sequences))


def perfect(name: str = 'walk') -> ScoredSequence:
    """Return the sequence of `exchanged` with its switches undone."""
    truth = walk(2)
    return ScoredSequence(name, truth, as_tracks(truth), range(1, 21))


def grey(_name: str, frame: int) -> Image | None:
    """Return images of all frames but one."""
    return None if frame == 3 else np.full((120, 400, 3), 7 * frame, np.uint8)


def test_scores_before_and_after() -> None:
    """The table has the scores before and after refinement and their difference."""
    before, after = (
        recorded(exchanged('a'), exchanged('b', 5)),
        recorded(perfect('a'), perfect('b')),
    )
    page = Page(render_page(Report('Two', before=before, after=after)))
    assert before.scores is not None
    assert after.scores is not None
    everyone = [
        [*before.scores.sequences, before.scores.combined],
        [*after.scores.sequences, after.scores.combined],
    ]
    for name, old, new in zip(('a', 'b', 'combined'), *everyone, strict=True):
        start = next(i for i, row in enumerate(page.rows) if row[:2] == [name, 'before'])
        first, second, third = page.rows[start : start + 3]
        shares = [f'{x:.2f}' for x in (old.hota, old.assa, old.deta, old.idf1, old.mota)]
        assert first[2:8] == [*shares, str(old.idsw)]
        assert second[:2] == ['after', f'{new.hota:.2f}']
        assert third[0] == 'difference'
        difference = round(new.hota, 2) - round(old.hota, 2)
        assert third[1] == f'{difference:+.2f}'
        assert third[6] == f'{new.idsw - old.idsw:+d}'
    alpha = next(row for row in page.rows if row[0] == '0.50')
    curves = before.scores.combined.hota_over_alpha, after.scores.combined.hota_over_alpha
    assert alpha[1:3] == [f'{curve[9]:.2f}' for curve in curves]
    assert '4 fewer: better' in page.words
    assert 'Identity switches before refinement' in page.words


def test_one_side_is_not_called_before_or_after() -> None:
    """With one side, refinement is not mentioned."""
    for report in (Report('x', before=recorded(perfect())), Report('x', after=recorded(perfect()))):
        page = Page(render_page(report))
        assert 'refinement' not in page.words
        assert ['walk', '100.00', '100.00', '100.00', '100.00', '100.00', '0'] in [
            row[:7] for row in page.rows
        ]
        assert 'There are no identity switches.' in page.words


def test_pictures_of_switches() -> None:
    """Each of the worst switches shows both frames, in full and enlarged."""
    one = recorded(exchanged())
    page = Page(render_page(Report('x', before=one, image=grey)))
    assert len(page.alternatives) == 8
    assert 'frame 10: person 1 last matched by track 1, full image' in page.alternatives
    assert 'frame 11: person 1 now matched by track 2, enlarged' in page.alternatives
    for image in (None, lambda _name, _frame: None):
        page = Page(render_page(Report('x', before=one, image=image)))
        assert not page.alternatives
        assert 'no images to draw them on' in page.words
        assert 'List of switches (2)' in page.words
    at_missing = recorded(exchanged(at=3))
    assert not Page(render_page(Report('x', before=at_missing, image=grey))).alternatives


def test_images_are_not_drawn_on() -> None:
    """The caller's images stay as they are."""
    image = np.full((120, 400, 3), 90, np.uint8)
    render_page(Report('x', before=recorded(exchanged()), image=lambda _name, _frame: image))
    assert (image == 90).all()


@pytest.mark.parametrize('size', [(1, 1), (9, 400), (2000, 60)])
def test_boxes_outside_tiny_images(size: tuple[int, int]) -> None:
    """Boxes outside the image are not an error."""
    image = np.zeros((*size, 3), np.uint8)
    source = render_page(
        Report('x', before=recorded(exchanged()), image=lambda _name, _frame: image)
    )
    assert len(Page(source).alternatives) == 8


def test_without_truth() -> None:
    """Without ground truth there are no scores, but a row for each track."""
    sequence = ScoredSequence('walk', GroundTruth.empty(), as_tracks(walk(3)), range(1, 21))
    page = Page(render_page(Report('x', before=EvaluatedTracks([sequence]))))
    assert 'There is no ground truth' in page.words
    assert 'HOTA' not in page.words
    assert 'track 3' in page.words


def test_without_tracks_and_without_anything() -> None:
    """No tracks score 0; an empty report is a page with its title."""
    none = ScoredSequence('walk', walk(2), TrackRows.empty(), range(1, 21))
    page = Page(render_page(Report('x', before=recorded(none), after=recorded(none))))
    assert '0.00' in page.words
    assert 'as before' in page.words
    empty = ScoredSequence('walk', GroundTruth.empty(), TrackRows.empty(), range(1, 1))
    assert 'nothing to show' in Page(render_page(Report('x', after=EvaluatedTracks([empty])))).words
    assert 'only a title' in Page(render_page(Report('only a title'))).words


def test_hostile_text_stays_text() -> None:
    """Names from files become neither elements nor attributes."""
    bad = '"><script>alert(1)</script><img src=x onerror=alert(1)>\'&'
    pictures = [Picture(b'\xff\xd8', bad)]
    sides = [recorded(exchanged(bad)), recorded(perfect(bad))]
    report = Report(
        bad, bad, *sides, grey, [Latency(bad, 1, 2, 3)], [Table(bad, (bad, bad), [(bad, bad)])],
        pictures, [(bad, bad)], Video.beside(Path(bad), Path('page.html'), 25),
    )  # fmt: skip
    source = render_page(report)
    page = Page(source)
    # The only script is that of the video.
    assert page.names.count('script') == source.count('<script') == 1
    assert 'alert' not in source[source.index('<script') :]
    assert not [attributes for tag, attributes in page.elements if 'onerror' in attributes]
    assert unquote(next(a['src'] or '' for tag, a in page.elements if tag == 'video')) == bad
    assert page.words.count(bad) >= 10
    assert bad in page.alternatives


def test_links_to_files_are_relative_paths_of_any_name() -> None:
    """A name with a colon starts no script, and one with # or % leads to its file."""
    names = ('javascript:alert(1)', 'run #2, 50%', 'tracks/a.txt')
    page = Page(render_page(Report('x', files=[(name, 'tracks') for name in names])))
    assert [unquote(link) for link in page.links if not link.startswith('#')] == list(names)
    assert not any(letter in link[1:] for link in page.links for letter in ': #')


def test_fetches_nothing_and_is_reproducible(tmp_path: Path) -> None:
    """Nothing is fetched, and the same report gives the same bytes."""
    report = Report('x', 'y', recorded(exchanged()), recorded(perfect()), grey)
    files = [tmp_path / 'one.html', tmp_path / 'other.html']
    for file in files:
        save_report(file, report)
    one, other = (file.read_bytes() for file in files)
    assert one == other
    for part in (b'://', b'url(', b'@import', b'<script', b'<link'):
        assert part not in one
    assert b'prefers-color-scheme: dark' in one


def test_latencies() -> None:
    """Percentiles are in milliseconds; an unknown maximum is a dash."""
    seconds = np.arange(1, 101) / 1e3
    rows = latency_table([Latency.of('all', seconds), Latency('reported', 1, 2, 3)]).rows
    assert rows == [
        ['all', '50.50', '95.05', '99.01', '100.00'],
        ['reported', '1.00', '2.00', '3.00', '-'],
    ]
    page = Page(render_page(Report('x', latencies=[Latency('nothing', 0, 0, 0, 0)])))
    assert ['nothing', '0.00', '0.00', '0.00', '0.00'] in page.rows


def test_pictures() -> None:
    """The media type follows the data."""
    still = Picture.encode(np.full((90, 1000, 3), 50, np.uint8), 'still')
    assert still.media_type == 'image/jpeg'
    page = Page(render_page(Report('x', pictures=[still])))
    assert page.alternatives == ['still']


def test_animations() -> None:
    """An animation has about ten images a second."""
    image = np.full((90, 1000, 3), 50, np.uint8)
    assert [animation_stride(rate) for rate in (5, 10, 14, 25, 30)] == [1, 1, 1, 2, 3]
    moving = animation([image, 255 - image], 10, 'moving')
    assert moving.media_type == 'image/webp'
    assert b'ANMF' in moving.data


def test_charts_seek_the_video() -> None:
    """Charts have their frames, switches theirs, and links lead to the player."""
    video = Video.beside(Path('out') / 'tracks 1.webm', Path('out') / 'page.html', 12.5, 7)
    report = Report('x', before=recorded(exchanged()), image=grey, video=video)
    page = Page(render_page(report))
    (player,) = [attributes for tag, attributes in page.elements if tag == 'video']
    assert player['src'] == 'tracks%201.webm'
    assert (player['data-first'], player['data-rate']) == ('7', '12.5')
    charts = [a for tag, a in page.elements if tag == 'svg' and 'data-start' in a]
    assert [(a['data-start'], a['data-frames']) for a in charts] == [('1', '20')] * 2
    marks = [a['data-frame'] for _, a in page.elements if a.get('class') == 'switch']
    assert marks == ['11', '11']
    assert page.links.count('#player') == 2
    # What needs the script is hidden without it.
    assert [a for _, a in page.elements if 'data-script' in a and 'hidden' not in a] == []
    steps = {a['data-step'] for _, a in page.elements if 'data-step' in a}
    assert steps == {'previous-switch', 'previous-frame', 'next-frame', 'next-switch'}
    assert all(f"'{step}':" in page.words for step in steps)
    without = render_page(Report('x', before=recorded(exchanged()), image=grey))
    assert '#player' not in Page(without).links
    assert 'script' not in Page(without).names


def test_an_embedded_video_is_part_of_the_page(tmp_path: Path) -> None:
    file = tmp_path / 'a.mp4'
    file.write_bytes(b'content')
    video = Video.embedded(file, 25)
    assert video.source == 'data:video/mp4;base64,Y29udGVudA=='
    sequence = ScoredSequence('walk', GroundTruth.empty(), as_tracks(walk(3)), range(1, 21))
    page = render_page(Report('x', before=EvaluatedTracks([sequence]), video=video))
    assert page == render_page(Report('x', before=EvaluatedTracks([sequence]), video=video))
    assert video.source in [a.get('src') for _, a in Page(page).elements]


def test_scores_by_class() -> None:
    """Classes have a table of their own if both sides have one."""
    truth = walk(2)
    tracks = as_tracks(truth)
    truth = dataclasses.replace(truth, classes=np.where(truth.ids == 1, 1, 3))
    cars = dataclasses.replace(tracks, class_ids=np.where(tracks.ids == 1, 'person', 'car'))
    sequences = [ScoredSequence('walk', truth, cars, range(1, 21))]
    one = EvaluatedTracks(sequences, score(sequences), score_classes(sequences))
    page = Page(render_page(Report('x', before=one)))
    assert [row[:2] for row in page.rows if row[0] in ('person', 'car')] == [
        ['person', '100.00'], ['car', '100.00'],
    ]  # fmt: skip
    both = Page(render_page(Report('x', before=one, after=one)))
    assert ['person', 'before', '100.00'] in [row[:3] for row in both.rows]
    assert 'Scores by class' not in render_page(Report('x', before=one, after=recorded(perfect())))
