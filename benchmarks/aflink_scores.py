"""Effect of AFLink on the scores of MOT17's second halves, and its upper bound.

    python benchmarks/aflink_scores.py --data ../shared/data              scores of all linkers
    python benchmarks/aflink_scores.py --data ../shared/data --held-out   choice of the threshold

The upper bound links tracks of the same person, by the ground truth, wherever a linker considers
them. With --held-out, a network is trained on the first halves of all recordings but one and links
the broken tracks of that one. Its gain is the number of boxes of the shorter track of each correct
link, less those of wrong links.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from strongsort_ros.evaluation.scores import ScoredSequence, score
from strongsort_ros.evaluation.sequences import load_sequences
from strongsort_ros.files.rows import GroundTruth, TrackRows
from strongsort_ros.refinement.aflink.candidates import Tracklets, find_candidates
from strongsort_ros.refinement.aflink.linking import Linker, best_links, link, load_linker
from strongsort_ros.refinement.aflink.motion import MotionLinker
from strongsort_ros.refinement.aflink.motion_training import break_tracks, train_motion
from strongsort_ros.refinement.aflink.published_training import load_pedestrians
from strongsort_ros.refinement.gsi import gsi
from strongsort_ros.refinement.settings import LinkWindow
from strongsort_ros.tracking.assignment import Pairs

PUBLISHED, OURS = LinkWindow(0, 30, 75.0, 0.5), MotionLinker.window
WINDOWS = {
    'upper bound, published window': PUBLISHED,
    'upper bound, window of motion': OURS,
    'upper bound, gaps up to 1000 frames': LinkWindow(0, 1000, 1e9, 0.5),
}
BREAKS = 20


class Oracle:
    """Linker that knows the ground truth: tracks mostly of the same person, nearest first."""

    prefer_more_links = True

    def __init__(self, window: LinkWindow, tracks: TrackRows, truth: GroundTruth) -> None:
        self.window = dataclasses.replace(window, max_cost=0.5)
        owners = [(i, person) for i, person in owned(tracks, truth) if person >= 0]
        self._owner = dict(owners)

    def costs(
        self, tracklets: Tracklets, earlier: np.ndarray, later: np.ndarray, _camera: object
    ) -> np.ndarray:
        """Return (K,) costs: small and growing with the gap for the same person, otherwise 1."""
        person = np.array([self._owner.get(i, -1 - i) for i in tracklets.ids.tolist()])
        ends, starts = tracklets.stops[earlier] - 1, tracklets.starts[later]
        gap = tracklets.frames[starts] - tracklets.frames[ends]
        return np.where(person[earlier] == person[later], gap * 1e-5, 1.0)


def owned(tracks: TrackRows, truth: GroundTruth) -> list[tuple[int, int]]:
    """Return the id of each track and the person on most of its boxes, or -1."""
    people = np.full(len(tracks), -1)
    truth = truth.select(truth.considered & (truth.classes == 1))
    for frame in np.unique(tracks.frames):
        tracked, true = tracks.frames == frame, truth.frames == frame
        if true.any():
            overlap = ious(tracks.tlwh[tracked], truth.tlwh[true])
            best = overlap.argmax(axis=1)
            people[tracked] = np.where(overlap.max(axis=1) >= 0.5, truth.ids[true][best], -1)
    found = []
    for track in np.unique(tracks.ids):
        ids, counts = np.unique(people[tracks.ids == track], return_counts=True)
        majority = 2 * counts.max() > counts.sum()
        found.append((int(track), int(ids[counts.argmax()]) if majority else -1))
    return found


def ious(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the (N, M) overlaps of boxes (N, 4) and (M, 4)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    ends = [boxes[:, :2] + boxes[:, 2:] for boxes in (first, second)]
    size = np.clip(np.minimum(ends[0][:, None], ends[1][None]) - low, 0, None).prod(axis=2)
    areas = [boxes[:, 2:].prod(axis=1) for boxes in (first, second)]
    return size / (areas[0][:, None] + areas[1][None] - size)


def scores(options: argparse.Namespace, console: Console) -> None:
    """Print scores of golden tracks with each linker."""
    official = load_linker(options.data / 'aflink' / 'aflink_official_recipe.pth')
    linkers: dict[str, Callable[[ScoredSequence], Linker | None]] = {
        'nothing': lambda _: None,
        "published recipe, program's own": lambda _: official,
        'published recipe, ours': lambda _: load_linker('published'),
        'motion': lambda _: load_linker('motion'),
    }
    for name, window in WINDOWS.items():
        linkers[name] = lambda s, w=window: Oracle(w, s.tracks, s.ground_truth)
    columns = ('tracks', 'links with', 'GSI', 'links', 'HOTA', 'AssA', 'IDF1', 'MOTA', 'IDSW')
    table = Table(*columns)
    for tracker in options.trackers:
        golden = load_sequences(options.data / 'mot17', options.data / 'golden' / tracker,
                            second_half=True)  # fmt: skip
        for name, linker_of in linkers.items():
            linked = [linked_tracks(sequence.tracks, linker_of(sequence)) for sequence in golden]
            for smooth in (False, True):
                done = [
                    dataclasses.replace(sequence, tracks=gsi(rows).tracks if smooth else rows)
                    for sequence, (rows, _) in zip(golden, linked, strict=True)
                ]
                s, links = score(done).combined, sum(count for _, count in linked)
                shares = (f'{share:.2f}' for share in (s.hota, s.assa, s.idf1, s.mota))
                table.add_row(
                    tracker, name, 'yes' if smooth else '', str(links), *shares, str(s.idsw)
                )
    console.print(table)


def linked_tracks(rows: TrackRows, linker: Linker | None) -> tuple[TrackRows, int]:
    """Return the tracks after linking, sorted, and the number of links."""
    if linker is None:
        return rows, 0
    done = link(rows.frames, rows.ids, rows.tlwh, rows.class_ids, linker)
    order = np.lexsort((done.ids, rows.frames))
    return dataclasses.replace(rows, ids=done.ids).select(order[done.keep[order]]), len(done.links)


def held_out(options: argparse.Namespace, console: Console) -> None:
    """Print the gain at several thresholds on recordings that were not used for training."""
    folders = sorted((options.data / 'mot17').glob('MOT17-*'))
    truths = [load_pedestrians(folder, 'first') for folder in folders]
    costs = (0.8, 0.75, 0.7, 0.65, 0.6, 0.5)
    found = np.zeros((len(costs), 3))
    for place, truth in enumerate(truths):
        network = train_motion(truths[:place] + truths[place + 1 :])
        linker = MotionLinker(network.state_dict(), Path('held out'))
        rng = np.random.default_rng(5)
        for _ in range(BREAKS):
            tracklets, people = break_tracks(truth, rng)
            pairs = find_candidates(tracklets, (OURS.min_gap, OURS.max_gap), OURS.max_distance)
            cost = linker.costs(tracklets, *pairs, None)
            rows = tracklets.stops - tracklets.starts
            for k, limit in enumerate(costs):
                below = cost < limit
                best = best_links(Pairs(pairs[0][below], pairs[1][below], cost[below]), limit)
                right = people[best.rows] == people[best.columns]
                boxes = np.minimum(rows[best.rows], rows[best.columns])
                found[k] += [right.sum(), (~right).sum(), (boxes * np.where(right, 1, -1)).sum()]
    table = Table('max_cost', 'correct links', 'wrong links', 'boxes gained')
    for limit, row in zip(costs, found / BREAKS, strict=True):
        table.add_row(str(limit), *(f'{value:.1f}' for value in row))
    console.print(table)


def main() -> None:
    """Run the benchmark with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--data', type=Path, default=Path('../shared/data'))
    parser.add_argument('--trackers', nargs='+', default=['deepsort', 'strongsort'])
    parser.add_argument('--held-out', action='store_true')
    options = parser.parse_args()
    (held_out if options.held_out else scores)(options, Console(width=120))


if __name__ == '__main__':
    main()
