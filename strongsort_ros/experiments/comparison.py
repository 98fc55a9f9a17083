"""Compare the presets with trackers of other libraries on the same detections and embeddings."""

from __future__ import annotations

import csv
import json
import os
import resource
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from strongsort_ros.errors import InputError, StrongSortError, did_you_mean
from strongsort_ros.evaluation.score_table import Table, format_score
from strongsort_ros.evaluation.scores import ScoredSequence, Scores, score
from strongsort_ros.experiments import peer_worker
from strongsort_ros.experiments.recordings import Recording, scored, track
from strongsort_ros.files.atomic import replacing
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.tracking.settings import PRESETS, TrackerSettings

OURS: Final = {f'strongsort_ros:{preset}': preset for preset in PRESETS}
"""Name in the table -> preset."""

_WARM_UP: Final = 30
"""Frames before the first measurement, so that it is not slowed by imports."""

_TIMEOUT: Final = 1800.0
"""Longest time of a tracker for one recording, s."""


class Contender(NamedTuple):
    """A tracker that can be run, its version, and the interpreter that has it ('': ours)."""

    name: str
    version: str
    python: str = ''


class Compared(NamedTuple):
    """Scores of a tracker, its frames per second, and what went wrong, if anything."""

    tracker: Contender
    scores: Scores | None
    frames_per_second: float
    memory: float
    error: str = ''


def find_trackers(pythons: Sequence[str], version: str = '') -> list[Contender]:
    """Return the presets, and the trackers of the libraries that environments have.

    Parameters
    ----------
    pythons
        Interpreters; the first that has a library is used for it.
    version
        Version of this package.

    Raises
    ------
    InputError
        An interpreter cannot be run.

    """
    found = {name: Contender(name, version) for name in OURS}
    for python in pythons:
        for name, version in _ask(python).items():
            found.setdefault(name, Contender(name, version, python))
    return list(found.values())


def _ask(python: str) -> dict[str, str]:
    command = [python, peer_worker.__file__, 'list']
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        answer: dict[str, str] = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise InputError(f'--python: {python}: cannot run it: {error}') from error
    return answer


def choose(trackers: Sequence[Contender], names: Sequence[str]) -> list[Contender]:
    """Return the trackers of these names; of none, all.

    Raises
    ------
    InputError
        A name is unknown.

    """
    known = {tracker.name: tracker for tracker in trackers}
    for name in names:
        if name not in known:
            raise InputError(f'--trackers: {name!r} is not one of {", ".join(known)}'
                             f'{did_you_mean(name, known)}')  # fmt: skip
    return [known[name] for name in names] or list(trackers)


def compare(recordings: Sequence[Recording], trackers: Sequence[Contender]) -> Iterator[Compared]:
    """Yield the result of each tracker on all recordings together.

    A tracker of another library runs in a process of its own, in one thread, one after another. One
    that fails gets no scores, and its error.
    """
    warm_up = replace(recordings[0], frames=recordings[0].frames[:_WARM_UP])
    track(warm_up, TrackerSettings())
    for tracker in trackers:
        try:
            yield _run(recordings, tracker)
        except StrongSortError as error:
            yield Compared(tracker, None, 0.0, 0.0, str(error))


def _run(recordings: Sequence[Recording], tracker: Contender) -> Compared:
    sequences: list[ScoredSequence] = []
    seconds, memory = 0.0, 0.0
    for recording in recordings:
        if tracker.name in OURS:
            settings = TrackerSettings.preset(OURS[tracker.name], network=True)
            camera = OURS[tracker.name] != 'deepsort'
            tracks, taken = track(recording, settings, camera_motion=camera)
            sequences.append(scored(recording, tracks))
            used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        else:
            tracks, taken, used = _run_peer(recording, tracker)
            truth = recording.ground_truth
            sequences.append(ScoredSequence(recording.name, truth, tracks, recording.frames))
        seconds += taken
        memory = max(memory, used / 1024)
    frames = sum(len(recording.frames) for recording in recordings)
    return Compared(tracker, score(sequences).combined, frames / max(seconds, 1e-9), memory)


def _run_peer(recording: Recording, tracker: Contender) -> tuple[TrackRows, float, int]:
    """Return the tracks of another library, the seconds of its updates, and peak memory in KiB."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / 'recording.npz', Path(folder) / 'tracks.npz'
        np.savez(source, **_arrays(recording))
        command = [
            tracker.python, peer_worker.__file__, 'track', tracker.name, str(source), str(target),
        ]  # fmt: skip
        one_thread = dict.fromkeys(('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS'), '1')
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=_TIMEOUT,
                env=os.environ | one_thread | {'PYTHONPATH': ''},
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise InputError(f'{recording.name}: no result in {_TIMEOUT:.0f} s') from None
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ['the process ended']
            raise InputError(f'{recording.name}: {lines[-1]}')
        with np.load(target, allow_pickle=False) as stored:
            found = dict(stored)
    count = len(found['frames'])
    rows = TrackRows(
        found['frames'].astype(np.int64), found['ids'], found['tlwh'], np.ones(count),
        np.full(count, 'person'),
    )  # fmt: skip
    return rows, float(found['seconds']), int(found['memory'])


def _arrays(recording: Recording) -> dict[str, Any]:
    rows = recording.detections
    motion = [recording.camera_motion.get(frame, np.eye(3)) for frame in recording.frames]
    corner = rows.tlwh[:, :2] + rows.tlwh[:, 2:]
    # Trackers clip boxes to the image: without one it holds all of them.
    size = recording.image_size or np.ceil(corner.max(axis=0, initial=64.0))
    arrays = {
        'frames': np.asarray(recording.frames), 'matrices': np.stack(motion),
        'detection_frames': rows.frames, 'xyxy': np.hstack([rows.tlwh[:, :2], corner]),
        'scores': rows.scores, 'frame_rate': recording.frame_rate, 'image_size': size,
    }  # fmt: skip
    if rows.embeddings is not None:
        norms = np.linalg.norm(rows.embeddings, axis=1, keepdims=True)
        arrays['embeddings'] = rows.embeddings / np.maximum(norms, 1e-12)
    return arrays


def table(results: Sequence[Compared]) -> Table:
    """Return the table, best HOTA first; failed trackers at the end."""
    ordered = sorted(results, key=lambda one: -one.scores.hota if one.scores else 1.0)
    rows = [
        [
            one.tracker.name, one.tracker.version,
            *(map(format_score, (one.scores.hota, one.scores.idf1, one.scores.mota))
              if one.scores else ('-', '-', '-')),
            format_score(one.scores.idsw) if one.scores else '-',
            f'{one.frames_per_second:.0f}' if one.scores else '-',
            f'{one.memory:.0f}' if one.scores else '-',
        ]
        for one in ordered
    ]  # fmt: skip
    head = ['tracker', 'version', 'HOTA', 'IDF1', 'MOTA', 'IDSW', 'frames/s', 'MiB']
    return Table('Comparison', head, rows)


def save_csv(path: Path, results: Sequence[Compared]) -> None:
    """Write the table with all digits, and the errors."""
    with replacing(path) as part, part.open('w', newline='', encoding='utf-8') as file:
        lines = csv.writer(file)
        head = 'tracker', 'version', 'hota', 'idf1', 'mota', 'idsw', 'frames_per_second', 'mib'
        lines.writerow([*head, 'error'])
        for one in results:
            s = one.scores
            values = (s.hota, s.idf1, s.mota, s.idsw) if s else ('',) * 4
            speed = (f'{one.frames_per_second:.1f}', f'{one.memory:.0f}') if s else ('', '')
            lines.writerow([one.tracker.name, one.tracker.version, *values, *speed, one.error])


def save_picture(path: Path, results: Sequence[Compared]) -> None:
    """Draw HOTA over frames per second; the suffix chooses the format."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout='constrained')
    diagram = figure.subplots()
    for one in results:
        if one.scores is None:
            continue
        colour = '#1f6fb4' if one.tracker.name in OURS else '#8a8f98'
        place = one.frames_per_second, one.scores.hota
        diagram.plot(*place, 'o', color=colour)
        diagram.annotate(
            one.tracker.name, place, xytext=(5, 4), textcoords='offset points', fontsize=8
        )
    diagram.set(xscale='log', xlabel='frames per second, association only', ylabel='HOTA')
    diagram.spines[['top', 'right']].set_visible(False)
    diagram.margins(x=0.2)
    with replacing(path) as part:
        figure.savefig(part, format=path.suffix.lstrip('.') or 'png', dpi=120)
