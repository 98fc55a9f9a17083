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
