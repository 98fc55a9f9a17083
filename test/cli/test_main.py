"""Behaviour of all commands: errors in one line, exit status, pipes, interrupts."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from strongsort_ros.cli.main import build_parser, main

DETECTIONS = '1,-1,10,20,30,40,0.9,-1,-1,-1\n2,-1,11,20,30,40,0.9,-1,-1,-1\n'

ENV = {**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    'command', ['track', 'embed', 'refine', 'evaluate', 'bag', 'render', 'train']
)
def test_help(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert main([command, '--help']) == 0
    assert f'strongsort {command}' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['fly'], "invalid choice: 'fly'"),
        (['track'], 'required'),
        (['track', 'det.txt', '-o', 'out', '--preset', 'sort'], "invalid choice: 'sort'"),
        (
            ['track', 'det.txt', '-o', 'out', '--max-aeg', '5'],
            'did you mean --max-age',
        ),
        (['track', 'det.txt', '-o', 'det.txt'], r'det\.txt: is an input of this command'),
        (['track', 'det.txt', '-o', 'out', '--reid', 'timm:x', '--images', '.'], 'no numbered im'),
        (
            ['evaluate', '--ground-truth', 'a', '--results', 'b', '--json', 'c', '--html', 'c'],
            'two',
        ),
        (['track', 'det.txt', '-o', 'out', '--max-age', 'old'], "'old' is not an integer"),
        (['track', 'det.txt', '-o', 'out', '--max-age', '1.5'], "'1.5' is not an integer"),
        (['track', 'det.txt', '-o', 'out', '--min-confidence', 'nan'], 'min_confidence: nan'),
        (
            ['track', 'det.txt', '-o', 'out', '--min-confidence', '2'],
            '2.0, expected 0 to 1',
        ),
        (['track', 'det.txt', '-o', 'out', '--ema-alpha', 'auto'], "'auto' is not a number"),
        (['track', 'none.txt', '-o', 'out'], r'none\.txt: cannot read it: No such file'),
        (['track', 'none.npy', '-o', 'out'], r'none\.npy: cannot read it: No such file'),
        (['track', 'det.txt', '-o', 'det.txt/out'], r'det\.txt/out: cannot write there'),
        (['track', 'det.txt', '-o', '.'], 'exists already'),
        (['track', 'det.txt', '-o', 'out', '--images', 'no'], 'no: no such folder'),
        (['track', 'det.txt', '-o', 'out', '--ecc'], '--ecc: needs --images'),
        (['track', 'det.txt', '-o', 'out', '--ecc', 'no.json'], r'no\.json'),
        (['track', 'det.txt', '-o', 'out', '--reid', 'a.pth'], '--reid: needs --images'),
        (['track', 'bad.txt', '-o', 'out'], r'bad\.txt, line 2: a number that is not finite'),
        (
            ['embed', '.', '--reid', 'a.pth', '-o', 'out'],
            r'det: no det\.txt or other file; pass the file',
        ),
        (['refine', 'det.txt', '-o', 'out'], 'no step chosen; add --aflink, --gsi or --smooth rts'),
        (
            ['refine', 'det.txt', '-o', 'out', '--gsi', '--gsi-tau', '50'],
            '50.0, expected 1 to 20',
        ),
        (
            ['refine', 'det.txt', '-o', 'out', '--gsi-long-rows', '9'],
            '--gsi-long-rows: needs --gsi',
        ),
        (['refine', 'no.txt', '-o', 'out', '--gsi'], r'no\.txt: cannot read it'),
        (['track', 'det.txt', '-o', 'out', '--gsi-noise', '1'], '--gsi-noise: needs --gsi'),
        (['evaluate', '--ground-truth', 'a', '--results', 'det.txt'], 'a: there is no such'),
        (['bag', '.', '-o', 'out'], r'no seqinfo\.ini in it; set the rate with --frame-rate'),
        (['render', '.', '--results', 'det.txt', '-o', 'out.mp4'], r'no seqinfo\.ini in it'),
    ],
)
def test_errors_are_one_line_and_nothing_is_written(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    if arguments[:1] == ['evaluate']:
        pytest.importorskip('trackeval')
    monkeypatch.chdir(tmp_path)
    Path('det.txt').write_text(DETECTIONS)
    Path('bad.txt').write_text(DETECTIONS.replace('11,', 'nan,'))
    before = names(tmp_path)
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ''
    assert len(err.splitlines()) == 1
    assert re.search(message, err)
    assert names(tmp_path) == before


def test_starts_fast() -> None:
    """--help imports none of the large libraries."""
    code = (
        'import sys\nfrom strongsort_ros.cli.main import main\nmain(["track", "--help"])\n'
        'heavy = {"cv2", "matplotlib", "numpy", "rich", "rosbags", "torch", "trackeval"}\n'
        'sys.exit(" ".join(sorted(heavy & set(sys.modules))) or 0)'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], env=ENV, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, '')


def test_help_is_printed_without_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert 'track' in capsys.readouterr().out


def test_quiet_and_debug(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """-q works before and after the command; --debug adds the traceback to the error."""
    (tmp_path / 'det.txt').write_text(DETECTIONS)
    given = ['track', str(tmp_path / 'det.txt'), '-o', str(tmp_path / 'out.txt')]
    assert main(given) == 0
    assert '0 tracks' in capsys.readouterr().out
    for quiet in ([*given, '-q'], ['--quiet', *given]):
        assert main(quiet) == 0
        assert capsys.readouterr() == ('', '')
    wrong = ['track', str(tmp_path / 'none.txt'), '-o', str(tmp_path / 'out.txt')]
    assert main([*wrong, '--debug']) == 2
    err = capsys.readouterr().err.splitlines()
    assert err[0].startswith('Traceback')
    assert err[-1].startswith(f'strongsort: {tmp_path}/none.txt: cannot read it')
    assert main(wrong) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_args: object) -> int:
        raise ZeroDivisionError

    parser = build_parser()
    parser.set_defaults(run=broken)
    monkeypatch.setattr('strongsort_ros.cli.main.build_parser', lambda: parser)
    with pytest.raises(ZeroDivisionError):
        main([])


def strongsort(folder: Path, *arguments: str, given: str = '') -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, '-m', 'strongsort_ros', *arguments], cwd=folder, env=ENV, input=given,
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_a_pipe(tmp_path: Path) -> None:
    """With `-` the summary goes to the standard error."""
    (tmp_path / 'det.txt').write_text(DETECTIONS)
    options = ('--n-init', '1')
    done = strongsort(tmp_path, 'track', '-', *options, '-o', '-', given=DETECTIONS)
    assert done.returncode == 0
    assert done.stderr == '1 track, 2 boxes in 2 frames: /dev/stdout\n'
    strongsort(tmp_path, 'track', 'det.txt', *options, '-o', 'out.txt')
    assert done.stdout == (tmp_path / 'out.txt').read_text()
    again = strongsort(tmp_path, 'refine', '-', '--gsi', '-o', '-', given=done.stdout)
    assert again.stdout.count('\n') == 2
    assert names(tmp_path) == ['det.txt', 'out.txt', 'out.txt.states']


def test_shell_redirection(tmp_path: Path) -> None:
    """`-o - > file` and `>> file` write to the file that the shell opened."""
    (tmp_path / 'det.txt').write_text(DETECTIONS)
    command = f'{sys.executable} -m strongsort_ros track det.txt --n-init 1 -q -o -'
    script = f'{command} > out.txt; {command} >> out.txt; {command} | cat > other.txt'
    done = subprocess.run(
        ['/bin/sh', '-c', script], cwd=tmp_path, env=ENV, capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, '')
    assert (tmp_path / 'out.txt').read_text() == 2 * (tmp_path / 'other.txt').read_text()
    assert len((tmp_path / 'other.txt').read_text().splitlines()) == 2


def test_a_closed_pipe(tmp_path: Path) -> None:
    """No error is printed when the reader closes the pipe."""
    rows = ''.join(f'{frame},-1,10,20,30,40,0.9,-1,-1,-1\n' for frame in range(1, 5000))
    (tmp_path / 'det.txt').write_text(rows)
    done = subprocess.run(
        ['/bin/sh', '-c', f'{sys.executable} -m strongsort_ros track det.txt -q -o - | head -1'],
        cwd=tmp_path, env=ENV, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.stdout.startswith('3,1,')
    assert done.stderr == ''


@pytest.mark.parametrize('how', [signal.SIGINT, signal.SIGTERM])
def test_interrupted(tmp_path: Path, how: signal.Signals) -> None:
    """SIGINT and SIGTERM leave no partial output."""
    lines = [f'{frame},-1,10,20,30,40,0.9,-1,-1,-1\n' for frame in range(300_000)]
    (tmp_path / 'det.txt').write_text(''.join(lines))
    with subprocess.Popen(
        [sys.executable, '-m', 'strongsort_ros', 'track', 'det.txt', '-o', 'out.txt'],
        cwd=tmp_path,
        env=ENV,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        # Tracking has begun when the hidden folder exists.
        until = time.monotonic() + 60
        while len(names(tmp_path)) < 2 and time.monotonic() < until:
            time.sleep(0.05)
        assert len(names(tmp_path)) == 2
        process.send_signal(how)
        _, err = process.communicate(timeout=60)
    # Interrupted in an import, Python ends by the signal itself; shells show 130 for both.
    assert process.returncode in (130, -signal.SIGINT)
    assert err == 'strongsort: interrupted; no partial output is left\n'
    assert names(tmp_path) == ['det.txt']
