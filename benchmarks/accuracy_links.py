"""Effect of AFLink's linkers on scenes that their training left out, for `accuracy.py --links`.

The network `motion` is trained on the first halves of all MOT17 scenes but the one that is scored.
Beside it stand the networks that come with the package, and links by the ground truth in the window
of `motion`, which no network can do better than.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from accuracy_inputs import DRAWN, GROUPS, Recording, Source, load
from aflink_scores import OURS, Oracle, linked_tracks

from strongsort_ros.evaluation.scores import ScoredSequence, score
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.refinement.aflink.linking import Linker, load_linker
from strongsort_ros.refinement.aflink.motion import MotionLinker
from strongsort_ros.refinement.aflink.motion_training import train_motion
from strongsort_ros.refinement.aflink.published_training import load_pedestrians

LINKED = ('MOT17', 'dance', 'TUD-Campus', 'KITTI-17', 'crowds')
"""Groups of scenes that are linked unless others are named."""
NOTHING = 'nothing'
LINKERS = ('`motion`, scene left out', '`motion`', '`published`', 'ground truth')

TrackRun = Callable[[Recording], TrackRows]


class Effect(NamedTuple):
    """HOTA and IDF1, percentages, and the number of links."""

    hota: float
    idf1: float
    links: int


class Row(NamedTuple):
    """Effects on the tracks of a scene, or of the scenes of a group combined, by linker."""

    tracker: str
    scene: str
    effects: dict[str, Effect]


@lru_cache
def motion_without(scene: str, folder: Path) -> Linker:
    """Return `motion` trained by its recipe on the first halves of MOT17, without a scene.

    Parameters
    ----------
    scene
        Name of the scene; '': all are used.
    folder
        Folder of MOT17's scenes, with ground truth.

    Raises
    ------
    SystemExit
        There are no scenes.

    """
    truths = [
        load_pedestrians(path, 'first')
        for path in sorted(folder.glob('MOT17-*'))
        if path.name != scene
    ]
    if not truths:
        sys.exit(f'--links: no other scene of MOT17 in {folder} to train on')
    return MotionLinker(train_motion(truths).state_dict(), Path(f'motion without {scene}'))


def _linkers(recording: Recording, rows: TrackRows, source: Source) -> Iterator[Linker]:
    """Yield the linkers in the order of `LINKERS`."""
    folder = source.data / 'mot17'
    yield motion_without(recording.name if (folder / recording.name).is_dir() else '', folder)
    yield load_linker('motion')
    yield load_linker('published')
    yield Oracle(OURS, rows, recording.ground_truth)


def rows_of(
    tracker: str, group: str, recordings: Sequence[Recording], run: TrackRun, source: Source
) -> Iterator[Row]:
    """Yield the row of each scene and, of several, the row of all of them combined."""
    tracked = [run(recording) for recording in recordings]
    by_linker = zip(
        *(_linkers(*scene, source) for scene in zip(recordings, tracked, strict=True)), strict=True
    )
    found = {NOTHING: _effects(recordings, [(rows, 0) for rows in tracked])}
    for name, linkers in zip(LINKERS, by_linker, strict=True):
        linked = [linked_tracks(*pair) for pair in zip(tracked, linkers, strict=True)]
        found[name] = _effects(recordings, linked)
    scenes = [f'{group}, {one.name}' if group in DRAWN else one.name for one in recordings]
    if len(scenes) > 1:
        scenes.append(f'**{group}, combined**')
    for place, scene in enumerate(scenes):
        yield Row(tracker, scene, {name: effects[place] for name, effects in found.items()})


def _effects(
    recordings: Sequence[Recording], linked: Sequence[tuple[TrackRows, int]]
) -> list[Effect]:
    """Return the effect on each scene, then on all combined."""
    done = score([
        ScoredSequence(one.name, one.ground_truth, rows, one.frames)
        for one, (rows, _) in zip(recordings, linked, strict=True)
    ])  # fmt: skip
    links = [count for _, count in linked]
    results = zip((*done.sequences, done.combined), (*links, sum(links)), strict=True)
    return [Effect(one.hota, one.idf1, count) for one, count in results]


def print_links(
    trackers: Mapping[str, TrackRun], only: Iterable[str], available: Iterable[str], source: Source
) -> None:
    """Print a table in Markdown: HOTA / IDF1 without links, and the change by each linker.

    Rows in which no linker links anything are left out. The means below it are over all scenes.
    """
    groups = [name for name in GROUPS if name in only] or [g for g in LINKED if g in available]
    columns = 'tracks', 'scene', NOTHING, *LINKERS
    print('| ' + ' | '.join(columns) + ' |', '---'.join('|' * (len(columns) + 1)), sep='\n')
    summary = []
    for tracker, run in trackers.items():
        scenes = []
        for group in groups:
            recordings = load(group, source)
            rows = list(rows_of(tracker, group, recordings, run, source))
            scenes += rows[: len(recordings)]
            for row in rows:
                if any(effect.links for effect in row.effects.values()):
                    print(_line(row), flush=True)
        summary += [f'{tracker}, {_summary(name, scenes)}' for name in LINKERS]
    print(*summary, sep='\n')


def _line(row: Row) -> str:
    before = row.effects[NOTHING]
    cells = [f'`{row.tracker}`', row.scene, f'{before.hota:.2f} / {before.idf1:.2f}']
    for name in LINKERS:
        after = row.effects[name]
        change = f'{after.hota - before.hota:+.2f} / {after.idf1 - before.idf1:+.2f}'
        cells.append(f'{change} ({after.links})' if after.links else '0')
    return '| ' + ' | '.join(cells) + ' |'


def _summary(name: str, scenes: Sequence[Row]) -> str:
    """Return the means of the changes by a linker, and how many scenes lose."""
    pairs = [(row.effects[name], row.effects[NOTHING]) for row in scenes]
    hota = [after.hota - before.hota for after, before in pairs]
    idf1 = [after.idf1 - before.idf1 for after, before in pairs]
    return (
        f'{name}: {statistics.fmean(hota):+.2f} HOTA, {statistics.fmean(idf1):+.2f} IDF1 in the '
        f'mean of {len(scenes)} scenes; HOTA falls in {sum(one < 0 for one in hota)}'
    )
