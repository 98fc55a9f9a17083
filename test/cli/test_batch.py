"""Several inputs: in parallel, with failures, run again, and interrupted."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest

from strongsort_ros.cli.batch import BACKENDS, CLUSTERS, Job, add_batch_options, plan, run_many
from strongsort_ros.errors import InputError
from strongsort_ros.files.atomic import replacing

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).resolve().parents[2]


def shout(ending: str, job: Job) -> str:
    """Copy a text in capitals."""
    text = job.source.read_text()
    if text == 'bad':
        raise InputError(f'{job.source}: bad')
    if text == 'bug':
        raise ZeroDivisionError
    if text == 'die':
        os._exit(9)
    with replacing(job.output, overwrite=False) as written:
        written.write_text(text.upper() + ending)
        if text == 'wait':
            sys.stdout.write('waiting\n')
            sys.stdout.flush()
            threading.Event().wait(60)
    return f'{job.output}: {len(text)} letters'


WORK = partial(shout, '!')


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    """Five jobs, of which two fail."""
    folder = tmp_path / 'in'
    folder.mkdir()
    for name, text in zip('abcde', ('one', 'bad', 'three', 'bug', 'five'), strict=True):
        (folder / f'{name}.txt').write_text(text)
    return plan(sorted(folder.iterdir()), tmp_path / 'out')


@pytest.mark.parametrize('backend', [b for b in BACKENDS if b not in CLUSTERS])
def test_failures_are_reported_and_stop_nothing(
    jobs: list[Job], capsys: Capture, backend: str
) -> None:
    assert run_many(jobs, WORK, label='shout', n_jobs=2, backend=backend) == 1
    folder = jobs[0].output.parent
    texts = {path.name: path.read_text() for path in folder.iterdir()}
    assert texts == {'a.txt': 'ONE!', 'c.txt': 'THREE!', 'e.txt': 'FIVE!'}
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        f'{folder / "a.txt"}: 3 letters', f'{folder / "c.txt"}: 5 letters',
        f'{folder / "e.txt"}: 4 letters', '3 done, 0 skipped, 2 failed',
    ]  # fmt: skip
    reasons = [line for line in printed.err.splitlines() if '.txt' in line]
    assert [f'{jobs[1].source}: bad' in reasons[0], 'ZeroDivisionError' in reasons[1]] == [True] * 2
    assert len(reasons) == 2
    # Only a bug is printed with its traceback.
    assert printed.err.count('Traceback') == 1
    assert 'raise ZeroDivisionError' in printed.err


def test_finished_outputs_are_skipped(jobs: list[Job], capsys: Capture) -> None:
    assert run_many(jobs, WORK, label='shout', n_jobs=1) == 1
    before = jobs[0].output.stat().st_mtime_ns
    for job in jobs:
        job.source.write_text('fixed')
    capsys.readouterr()
    assert run_many(jobs, WORK, label='shout', n_jobs=1) == 0
    assert jobs[0].output.stat().st_mtime_ns == before
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f'{jobs[0].output}: exists already, skipped'
    assert out[-1] == '2 done, 3 skipped, 0 failed'
    assert jobs[1].output.read_text() == 'FIXED!'


def test_a_worker_that_dies_is_reported(jobs: list[Job], capsys: Capture) -> None:
    jobs[1].source.write_text('die')
    assert run_many(jobs, WORK, label='shout', n_jobs=2) == 1
    assert 'not finished, a worker died: TerminatedWorkerError' in capsys.readouterr().err
    assert not list(jobs[0].output.parent.glob('.*'))
    jobs[1].source.write_text('two')
    jobs[3].source.write_text('four')
    assert run_many(jobs, WORK, label='shout', n_jobs=2) == 0


@pytest.mark.parametrize('backend', ['loky', 'threading'])
def test_interrupted(tmp_path: Path, backend: str) -> None:
    """Finished outputs stay; no partial output does, even if workers are killed."""
    names = ('one', 'two', 'wait', 'wait')
    sources = [tmp_path / f'{number}.txt' for number in range(len(names))]
    for source, text in zip(sources, names, strict=True):
        source.write_text(text)
    program = (
        'import signal, sys\n'
        'from pathlib import Path\n'
        'from strongsort_ros.cli.batch import plan, run_many\n'
        'from test.cli.test_batch import WORK\n'
        'signal.signal(signal.SIGINT, signal.default_int_handler)\n'
        f'jobs = plan([Path(p) for p in sys.argv[1:]], Path({str(tmp_path / "out")!r}))\n'
        f'run_many(jobs, WORK, label="shout", n_jobs=2, backend={backend!r})\n'
    )
    with subprocess.Popen(
        [sys.executable, '-c', program, *map(str, sources)], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join([str(ROOT), *sys.path])},
    ) as running:  # fmt: skip
        assert running.stdout is not None
        assert running.stderr is not None
        for _ in range(2):
            assert running.stdout.readline() == 'waiting\n'
        running.send_signal(signal.SIGINT)
        error = running.stderr.read()
        running.wait(30)
    assert '2 of 4 done; run the same command again' in error
    assert sorted(p.name for p in (tmp_path / 'out').iterdir()) == ['0.txt', '1.txt']


def test_outputs_are_named_like_inputs(tmp_path: Path) -> None:
    sources = [tmp_path / name for name in ('a.txt', 'day.1', 'b.mcap')]
    outputs = [job.output for job in plan(sources, tmp_path / 'out')]
    assert [output.name for output in outputs] == ['a.txt', 'day.1', 'b']
    with pytest.raises(InputError, match='is already the output of'):
        plan([tmp_path / 'x' / 'a.txt', tmp_path / 'y' / 'a.txt'], tmp_path / 'out')
    with pytest.raises(InputError, match=r'a\.txt: is an input'):
        plan([tmp_path / 'a.txt', tmp_path / 'b.txt'], tmp_path)


def test_a_folder_that_cannot_be_written_to(jobs: list[Job], tmp_path: Path) -> None:
    (tmp_path / 'file').touch()
    jobs = plan([job.source for job in jobs], tmp_path / 'file' / 'out')
    with pytest.raises(InputError, match='cannot write there'):
        run_many(jobs, WORK, label='shout')


@pytest.mark.parametrize('backend', CLUSTERS)
def test_a_cluster(jobs: list[Job], capsys: Capture, backend: str) -> None:
    """A local cluster works; without the package the error says what to install."""
    package = CLUSTERS[backend]
    if find_spec(package) is None:
        with pytest.raises(InputError, match=f'pip install {package}'):
            run_many(jobs, WORK, label='shout', backend=backend)
        return
    assert run_many(jobs, WORK, label='shout', n_jobs=2, backend=backend) == 1
    assert '3 done, 0 skipped, 2 failed' in capsys.readouterr().out


def test_options() -> None:
    parser = argparse.ArgumentParser()
    add_batch_options(parser)
    assert vars(parser.parse_args([])) == {'jobs': None, 'backend': 'loky'}
    assert parser.parse_args(['--jobs', '3']).jobs == 3
    for wrong in (['--jobs', '0'], ['--jobs', 'many'], ['--backend', 'other']):
        with pytest.raises(SystemExit):
            parser.parse_args(wrong)
