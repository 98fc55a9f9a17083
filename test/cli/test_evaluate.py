"""`strongsort evaluate`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from test.cli.command import Capture, run


def test_evaluate(drawn: Path, tmp_path: Path, capsys: Capture) -> None:
    """A table, all scores as JSON, and a report without external resources."""
    pytest.importorskip('trackeval')
    truth = drawn / 'gt' / 'gt.txt'
    scores, page = tmp_path / 'scores.json', tmp_path / 'page.html'
    pair = ('--ground-truth', drawn, '--results', truth)
    assert run('evaluate', *pair, '--json', scores, '--html', page) == 0
    out = capsys.readouterr().out
    assert '100.00' in out
    assert out.splitlines()[-1] == f'report: {page}'
    read = json.loads(scores.read_text())
    assert read['combined']['hota'] == pytest.approx(100)
    assert [s['name'] for s in read['sequences']] == ['plaza']
    text = page.read_text()
    assert '<svg' in text
    assert '100.00' in text
    assert '<script' not in text
    for attribute in ('://', 'url(', '@import'):
        assert attribute not in text
    before = page.read_bytes()
    assert run('evaluate', *pair, '--html', page) == 0
    assert page.read_bytes() == before


def test_evaluate_before_and_after(drawn: Path, tmp_path: Path) -> None:
    """Scores before and after refinement are in the report and in the JSON."""
    pytest.importorskip('trackeval')
    truth = drawn / 'gt' / 'gt.txt'
    part = tmp_path / 'plaza.txt'
    part.write_text(''.join(f'{line}\n' for line in truth.read_text().splitlines()[::2]))
    scores, page = tmp_path / 'scores.json', tmp_path / 'page.html'
    pair = ('--ground-truth', drawn, '--results', part, '--refined', truth)
    assert run('evaluate', *pair, '--json', scores, '--html', page) == 0
    read = json.loads(scores.read_text())
    before, after = read['combined'], read['refined']['combined']
    assert before['misses'] > 0
    assert after['misses'] == 0
    text = page.read_text()
    for found in (before, after):
        assert f'{found["hota"]:.2f}' in text


def test_sequences_without_results_are_named(drawn: Path, tmp_path: Path, capsys: Capture) -> None:
    """A warning names what is missing in the combined scores."""
    pytest.importorskip('trackeval')
    for name in ('plaza', 'street'):
        shutil.copytree(drawn / 'gt', tmp_path / 'truth' / name / 'gt')
    (tmp_path / 'plaza.txt').write_bytes((drawn / 'gt' / 'gt.txt').read_bytes())
    pair = ('--ground-truth', tmp_path / 'truth', '--results', tmp_path / 'plaza.txt')
    assert run('evaluate', *pair) == 0
    assert capsys.readouterr().err == 'not scored, no results: street\n'


def test_a_video_in_the_report(drawn: Path, tmp_path: Path, capsys: Capture) -> None:
    """The video is linked by a relative path, or embedded; its rate and first frame are known."""
    pytest.importorskip('trackeval')
    tracks, video, page = drawn / 'gt' / 'gt.txt', tmp_path / 'a b.webm', tmp_path / 'p' / 'x.html'
    page.parent.mkdir()
    assert run('render', drawn, '--results', tracks, '--start', 3, '-o', video) == 0
    pair = ('evaluate', '--ground-truth', drawn, '--results', tracks, '--video', video)
    assert run(*pair, '--video-start', 3, '--title', 'SORT & more', '--html', page) == 0
    text = page.read_text()
    assert 'src="../a%20b.webm" data-first="3" data-rate="25.0"' in text
    assert '<h1>SORT &amp; more</h1>' in text
    assert run(*pair, '--embed-video', '--html', page) == 0
    text = page.read_text()
    assert 'src="data:video/webm;base64,' in text
    assert 'data-first="1"' in text
    capsys.readouterr()
    assert run(*pair) == 2
    assert '--video: needs --html' in capsys.readouterr().err
    assert run(*pair[:-1], drawn / 'seqinfo.ini', '--html', page) == 2
    assert 'seqinfo.ini' in capsys.readouterr().err


def test_scores_by_class(tmp_path: Path, capsys: Capture) -> None:
    """Where the ground truth and the tracks have several classes, each is scored."""
    pytest.importorskip('trackeval')
    truth, tracks = tmp_path / 'gt.txt', tmp_path / 'tracks.csv'
    rows = [(f, i, 100 * i + f, 50, 40, 90) for f in range(1, 9) for i in (1, 2)]
    truth.write_text(''.join(f'{",".join(map(str, r))},1,{2 * r[1] - 1},1\n' for r in rows))
    names = {1: 'person', 2: 'car'}
    head = 'frame,id,left,top,width,height,score,class\n'
    body = (f'{",".join(map(str, r))},0.5,{names[r[1]]}\n' for r in rows)
    tracks.write_text(head + ''.join(body))
    assert run('evaluate', '--ground-truth', truth, '--results', tracks) == 0
    printed = capsys.readouterr().out.split('Scores by class:\n')[1].splitlines()
    assert [line.split()[:2] for line in printed[2:4]] == [['person', '100.00'], ['car', '100.00']]
