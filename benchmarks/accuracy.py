"""Scores of the presets by sequence and distortion, the effect of each rule, and speed.

    python benchmarks/accuracy.py                                       all presets, all inputs
    python benchmarks/accuracy.py --only MOT17 clean --trackers robust  some
    python benchmarks/accuracy.py --ablation                            robust with each rule away
    python benchmarks/accuracy.py --speed                               frames per second
    python benchmarks/accuracy.py --links                               effect of AFLink
    python benchmarks/accuracy.py --peers .peers                        OccluBoost, too

Each distortion of `accuracy_distortions.py` is applied to each group of `accuracy_inputs.py`, and
the group is tracked and scored by `strongsort_ros.evaluation`. Random distortions are means over
seeds. Short recordings lose 2.5 % of their boxes at random in every row but `clean`, because one
identity decides there; the spread over these seeds is printed. The difference is to the better of
the two published presets, separately for HOTA and IDF1, and its spread is over the seeds.

Finished scores are kept in the cache folder, so a run that was interrupted goes on. Those of the
published presets are kept when the tracker changes: the tests hold them to published output.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import inspect
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault('OMP_NUM_THREADS', '1')  # before NumPy is loaded
os.environ.setdefault('OPENBLAS_NUM_THREADS', '1')

import joblib
import numpy as np
from accuracy_distortions import DISTORTIONS, Distortion, drop_boxes
from accuracy_inputs import DRAWN, GROUPS, SMALL, Recording, Source, load
from accuracy_peers import PEERS, track_with_peer
from rich.console import Console
from rich.progress import track as progress

from strongsort_ros.evaluation.scores import ScoredSequence, score
from strongsort_ros.experiments.ablation import RULES
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.settings import AUTO
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.tracking.tracker import Tracker

PUBLISHED = ('strongsort', 'deepsort')
ROBUST = 'robust'
CLEAN = 'clean'

TrackRun = Callable[[Recording], TrackRows]


@dataclass(frozen=True, slots=True)
class Contender:
    """Tracker to score.

    Attributes
    ----------
    name
        Name in the tables.
    run
        Tracks a recording.
    version
        Text that changes whenever the results may change.

    """

    name: str
    run: TrackRun
    version: str


class Result(NamedTuple):
    """Scores of a sequence, or of a group: percentages, and identity switches."""

    hota: float
    idf1: float
    mota: float
    idsw: float


class Job(NamedTuple):
    """Group with a distortion and a seed."""

    group: str
    distortion: str
    seed: int


Scores = dict[str, Result]
"""Name of a sequence, or 'combined' -> its result."""


def new_tracker(settings: TrackerSettings, recording: Recording) -> Tracker:
    """Return a tracker that has been told what is known of the recording."""
    if settings.max_cosine_distance == AUTO:
        settings = settings.replace(max_cosine_distance=recording.auto_distance)
    rate = recording.frame_rate
    tracker = Tracker(settings) if rate is None else Tracker(settings, rate)
    if recording.image_size:
        tracker.set_image_size(*recording.image_size)
    return tracker


def track(recording: Recording, settings: TrackerSettings, camera: bool) -> TrackRows:
    """Return the tracks of a recording; without `camera`, its camera motion is not used."""
    tracker = new_tracker(settings, recording)
    motion = recording.camera_motion if camera else {}
    return TrackRows.collect(
        (frame, tracker.update(recording.detections.at(frame), motion.get(frame)))
        for frame in recording.frames
    )


def presets() -> dict[str, tuple[TrackerSettings, bool]]:
    """Return name -> settings, and whether camera motion is used, of the presets."""
    return {
        'strongsort': (TrackerSettings.strongsort(), True),
        'deepsort': (TrackerSettings.deepsort(), False),
        ROBUST: (TrackerSettings.robust(), True),
    }


def contenders(names: Iterable[str], ablation: bool, peers: Path | None) -> list[Contender]:
    """Return the trackers of the command line.

    Raises
    ------
    SystemExit
        A name is unknown.

    """
    known = presets()
    chosen = {name: known[name] for name in names if name in known}
    if unknown := [name for name in names if name not in known]:
        sys.exit(f'unknown tracker {unknown[0]!r}: expected some of {", ".join(known)}')
    if ablation:
        full, camera = known[ROBUST]
        chosen |= {f'- {name}': (full.replace(**off), camera) for name, off in RULES.items()}
    found = [_preset(name, *setting) for name, setting in chosen.items()]
    if peers:
        found += [Contender(name, _peer_run(peers, name), name) for name in PEERS]
    return found


def _preset(name: str, settings: TrackerSettings, camera: bool) -> Contender:
    version = name if name in PUBLISHED else f'{settings}{camera}{_digest_of_code()}'
    return Contender(name, lambda recording: track(recording, settings, camera), version)


def _peer_run(peers: Path, name: str) -> TrackRun:
    return lambda recording: track_with_peer(peers / 'bin' / 'python', name, recording)


@lru_cache
def _digest_of_code() -> str:
    folder = Path(inspect.getfile(Tracker)).parent
    return _digest(*(path.read_bytes() for path in sorted(folder.glob('*.py'))))


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b'\0'.join(parts)).hexdigest()


def _digest_of(recording: Recording) -> str:
    """Return a text that differs for recordings that differ."""
    rows, truth, motion = recording.detections, recording.ground_truth, recording.camera_motion
    arrays = [
        rows.frames, rows.tlwh, rows.scores, rows.embeddings,
        truth.frames, truth.ids, truth.tlwh, truth.considered, truth.classes,
        np.array(list(motion)), np.array(list(motion.values())),
    ]  # fmt: skip
    known = recording.name, recording.frames, recording.frame_rate, recording.image_size
    content = (b'' if one is None else np.ascontiguousarray(one).tobytes() for one in arrays)
    return _digest(f'{known}{recording.auto_distance}'.encode(), *content)


def plan(only: Sequence[str], seeds: int, available: Iterable[str] = GROUPS) -> list[Job]:
    """Return the jobs of the groups and distortions in `only`; no name of a kind: all available.

    Raises
    ------
    SystemExit
        A name is unknown.

    """
    if unknown := [name for name in only if name not in GROUPS and name not in DISTORTIONS]:
        expected = ', '.join([*GROUPS, *DISTORTIONS])
        sys.exit(f'--only {unknown[0]!r}: expected some of {expected}')
    groups = [name for name in GROUPS if name in only] or list(available)
    distortions = [name for name in DISTORTIONS if name in only] or list(DISTORTIONS)
    return [
        Job(group, name, seed)
        for group in groups
        for name in distortions
        for seed in range(_runs(group, name, DISTORTIONS[name], seeds))
    ]


def _runs(group: str, name: str, distortion: Distortion, seeds: int) -> int:
    if name == CLEAN:
        return 1
    if group in SMALL or distortion.variants is None:
        return seeds
    return min(distortion.variants, seeds)


def distorted(job: Job, source: Source) -> list[Recording]:
    """Return the recordings of a job."""
    distortion = DISTORTIONS[job.distortion]
    recordings = [distortion.apply(one, job.seed) for one in load(job.group, source)]
    if job.group in SMALL and distortion.variants is not None and job.distortion != CLEAN:
        recordings = [drop_boxes(one, job.seed) for one in recordings]
    return recordings


def evaluate(job: Job, chosen: Sequence[Contender], source: Source) -> dict[str, Scores]:
    """Return the scores of each tracker by name, from the cache where they are there."""
    recordings = distorted(job, source)
    inputs = _digest(*(_digest_of(one).encode() for one in recordings))
    found = {}
    for contender in chosen:
        file = source.cache / f'{_digest(inputs.encode(), contender.version.encode())}.json'
        if not file.exists():
            content = json.dumps(_scores(contender, recordings))
            part = file.with_suffix(f'.{os.getpid()}')
            part.write_text(content, encoding='ascii')
            part.rename(file)
        stored = json.loads(file.read_text(encoding='ascii'))
        found[contender.name] = {name: Result(*values) for name, values in stored.items()}
    return found


def _scores(contender: Contender, recordings: Sequence[Recording]) -> Scores:
    evaluation = score([
        ScoredSequence(one.name, one.ground_truth, contender.run(one), one.frames)
        for one in recordings
    ])  # fmt: skip
    return {
        one.name: Result(one.hota, one.idf1, one.mota, one.idsw)
        for one in (*evaluation.sequences, evaluation.combined)
    }


class Row(NamedTuple):
    """Results of all trackers for an input, one for each seed."""

    group: str
    distortion: str
    sequence: str
    results: dict[str, list[Result]]


def rows_of(done: Iterable[tuple[Job, dict[str, Scores]]]) -> Iterator[Row]:
    """Yield the rows of the table; single sequences of a group for clean input only."""
    for (group, distortion), jobs in itertools.groupby(done, key=lambda item: item[0][:2]):
        runs = [scores for _, scores in jobs]
        names = list(next(iter(runs[0].values())))
        several = distortion == CLEAN and len(names) > 2
        for sequence in names if several else names[-1:]:
            results = {tracker: [run[tracker][sequence] for run in runs] for tracker in runs[0]}
            yield Row(group, distortion, sequence, results)


def print_row(row: Row) -> None:
    """Print a row: each tracker's scores, and those not published beside the published."""
    sequence = '' if row.sequence == 'combined' else f', {row.sequence}'
    print(f'{row.group}: {row.distortion}{sequence}')
    for name, results in row.results.items():
        mean, spread = _mean(results), _spread([one.hota for one in results])
        cells = f'{mean.hota:6.2f} {spread:5s} {mean.idf1:6.2f} {mean.mota:6.2f} {mean.idsw:6.1f}'
        print(f'  {name:24s} {cells}  {_difference(row, name)}', flush=True)


def _difference(row: Row, name: str) -> str:
    """Return the differences in HOTA and IDF1 to the better published preset, with spreads."""
    published = [row.results[one] for one in PUBLISHED if one in row.results]
    if name in PUBLISHED or not published:
        return ''
    cells = []
    for column in ('hota', 'idf1'):
        best = max(published, key=lambda results: getattr(_mean(results), column))
        pairs = zip(row.results[name], best, strict=True)
        gains = [getattr(ours, column) - getattr(theirs, column) for ours, theirs in pairs]
        cells.append(f'{statistics.fmean(gains):+6.2f} {_spread(gains):5s}')
    return ' '.join(cells)


def _mean(results: Sequence[Result]) -> Result:
    return Result(*(statistics.fmean(column) for column in zip(*results, strict=True)))


def _spread(values: Sequence[float]) -> str:
    return f'±{statistics.stdev(values):.2f}' if len(values) > 1 else ''


def print_ablation(rows: Sequence[Row]) -> None:
    """Print HOTA and IDF1 of robust without each rule, less those of robust."""
    titles = [f'{row.group}: {row.distortion}' for row in rows] + ['mean']
    print('\nChange of HOTA / IDF1 without a rule')
    for name in RULES:
        changes = [_change(row, f'- {name}') for row in rows]
        changes.append(tuple(statistics.fmean(column) for column in zip(*changes, strict=True)))
        print(f'- {name}')
        for title, (hota, idf1) in zip(titles, changes, strict=True):
            print(f'  {title:44s} {hota:+6.2f} {idf1:+6.2f}')


def _change(row: Row, name: str) -> tuple[float, float]:
    away, full = _mean(row.results[name]), _mean(row.results[ROBUST])
    return away.hota - full.hota, away.idf1 - full.idf1


def print_summary(rows: Sequence[Row]) -> None:
    """Print the difference to the better published preset, distortions by groups, HOTA / IDF1."""
    rows = [row for row in rows if row.sequence == 'combined']
    groups = list(dict.fromkeys(row.group for row in rows))
    distortions = list(dict.fromkeys(row.distortion for row in rows))
    for name in rows[0].results if rows else ():
        gains = {row[:2]: gain for row in rows if (gain := _gain(row, name))}
        if not gains:
            continue
        print(f'\n{name}, HOTA / IDF1 better than published')
        for words in itertools.zip_longest(*(group.split() for group in groups), fillvalue=''):
            print(f'{"":20s}', *(f'{word:>12s}' for word in words))
        for distortion in distortions:
            cells = (gains.get((group, distortion)) for group in groups)
            shown = (f'{cell[0]:+.2f}/{cell[1]:+.2f}' if cell else '' for cell in cells)
            print(f'{distortion:20s}', *(f'{cell:>12s}' for cell in shown))
        mean = statistics.fmean(hota for hota, _ in gains.values())
        lost = sum(hota < -0.2 for hota, _ in gains.values())
        print(f'HOTA {mean:+.2f} in the mean of {len(gains)} rows, {lost} of them below -0.2')


def _gain(row: Row, name: str) -> tuple[float, float] | None:
    """Return the differences in HOTA and IDF1 to the better published preset of each."""
    published = [_mean(row.results[one]) for one in PUBLISHED if one in row.results]
    if name in PUBLISHED or not published:
        return None
    ours = _mean(row.results[name])
    hota, idf1 = (max(getattr(p, key) for p in published) for key in ('hota', 'idf1'))
    return ours.hota - hota, ours.idf1 - idf1


def write_csv(path: Path, rows: Iterable[Row]) -> None:
    """Write one line for each input, tracker and seed."""
    with path.open('w', encoding='utf-8', newline='') as file:
        table = csv.writer(file)
        table.writerow(['group', 'distortion', 'sequence', 'tracker', 'seed', *Result._fields])
        for row in rows:
            for name, results in row.results.items():
                for seed, result in enumerate(results):
                    numbers = (f'{value:.4f}' for value in result)
                    table.writerow([*row[:3], name, seed, *numbers])


def print_speed(names: Sequence[str], source: Source, rounds: int = 7) -> None:
    """Print frames per second of processor time on MOT17-02 and -04, and ratios of the presets.

    The presets take turns; other processes have little influence on processor time.
    """
    known = presets()
    inputs = {
        'high scores only': [
            DISTORTIONS['no low scores'].apply(one, 0) for one in load('MOT17', source)[:2]
        ],
        'all scores': load('MOT17', source)[:2],
    }
    for title, recordings in inputs.items():
        seconds: dict[str, list[float]] = {name: [] for name in names}
        for _, name in itertools.product(range(rounds), names):
            seconds[name].append(sum(_seconds(known[name], one) for one in recordings))
        frames = sum(len(one.frames) for one in recordings)
        first = statistics.median(seconds[names[0]])
        for name, taken in seconds.items():
            median = statistics.median(taken)
            print(
                f'MOT17-02, -04, {title}: {name:12s} {frames / median:7.0f} frames/s, '
                f'{1e3 * median / frames:.3f} ms/frame, {median / first:.2f} x {names[0]}'
            )


def _seconds(preset: tuple[TrackerSettings, bool], recording: Recording) -> float:
    settings, camera = preset
    tracker = new_tracker(settings, recording)
    motion = recording.camera_motion if camera else {}
    steps: list[tuple[Any, Any]] = [
        (recording.detections.at(frame), motion.get(frame)) for frame in recording.frames
    ]
    start = time.process_time()
    for detections, matrix in steps:
        tracker.update(detections, matrix)
    return time.process_time() - start


def run(
    jobs: Sequence[Job], chosen: Sequence[Contender], source: Source, workers: int
) -> Iterator[Row]:
    """Yield the rows of the table as they are finished."""
    source.cache.mkdir(parents=True, exist_ok=True)
    os.environ['PYTHONPATH'] = os.pathsep.join(sys.path)  # of worker processes
    calls = (joblib.delayed(evaluate)(job, chosen, source) for job in jobs)
    parallel = joblib.Parallel(n_jobs=workers, return_as='generator', pre_dispatch='2*n_jobs')
    console = Console(stderr=True)
    done = progress(parallel(calls), 'inputs', total=len(jobs), console=console, transient=True)
    yield from rows_of(zip(jobs, done, strict=True))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    data = os.environ.get('STRONGSORT_DATA', '../shared/data')
    cache = Path(tempfile.gettempdir()) / 'strongsort-accuracy'
    parser.add_argument('--data', type=Path, default=Path(data))
    parser.add_argument('--cache', type=Path, default=cache, help='folder; deleting it is safe')
    parser.add_argument('--only', nargs='+', default=[], metavar='NAME',
                        help='groups and distortions')  # fmt: skip
    parser.add_argument('--trackers', nargs='+', default=list(presets()))
    parser.add_argument('--seeds', type=int, default=5)
    parser.add_argument('--frames', type=int, metavar='N', help='first N frames only')
    parser.add_argument('--jobs', type=int, default=1, help='processes')
    parser.add_argument('--ablation', action='store_true', help='robust with each rule away')
    parser.add_argument('--peers', type=Path, help='environment with boxmot')
    parser.add_argument('--speed', action='store_true', help='print the speed of the presets only')
    parser.add_argument('--links', action='store_true', help='print the effect of AFLink only')
    parser.add_argument('--csv', type=Path, metavar='FILE', help='write every run')
    options = parser.parse_args(arguments)
    source = Source(options.data, options.cache, options.frames)
    available = [name for name in GROUPS if options.data.is_dir() or name in DRAWN]
    if not options.data.is_dir():
        print(f'no folder {options.data}: drawn recordings only')
    if options.speed:
        print_speed(options.trackers, source)
        return
    chosen = contenders(options.trackers, options.ablation, options.peers)
    if options.links:
        from accuracy_links import print_links  # needs PyTorch

        print_links({one.name: one.run for one in chosen}, options.only, available, source)
        return
    print(f'{"":26s}   HOTA         IDF1   MOTA   IDSW  better than published: HOTA, IDF1')
    rows = []
    for row in run(plan(options.only, options.seeds, available), chosen, source, options.jobs):
        print_row(row)
        rows.append(row)
        if options.csv:
            write_csv(options.csv, rows)
    print_summary(rows)
    if options.ablation:
        print_ablation([row for row in rows if row.sequence == 'combined'])


if __name__ == '__main__':
    # Worker processes find functions of `accuracy`, but none of `__main__`.
    import accuracy

    accuracy.main()
