"""Speed of AFLink: all pairs at once, beside one pair at a time as in the published program.

    python benchmarks/aflink.py --data ../shared/data       golden tracks of MOT17
    python benchmarks/aflink.py --tracklets 100000          time and memory on simulated tracks

Everything runs in one thread. Three methods alternate: that of the published program, this project
with the same checkpoint, and this project with its motion network, which considers other pairs. All
work on rows in memory, without reading or writing files. The shortest of all rounds counts, as
other work on the machine can only add to it.
"""

from __future__ import annotations

import argparse
import itertools
import os
import resource
import time
from pathlib import Path

os.environ.update(dict.fromkeys(('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS'), '1'))

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from scipy.optimize import linear_sum_assignment

from strongsort_ros.files.motchallenge import load_tracks
from strongsort_ros.files.rows import TrackRows
from strongsort_ros.refinement.aflink.candidates import Tracklets, find_candidates
from strongsort_ros.refinement.aflink.linking import Linker, link, load_linker
from strongsort_ros.refinement.aflink.published import PostLinker, PublishedLinker
from strongsort_ros.refinement.settings import AflinkSettings

SEQUENCES = tuple(f'MOT17-{number}-FRCNN' for number in ('02', '04', '05', '09'))
SETTINGS = AflinkSettings()
WINDOW = SETTINGS.window(PublishedLinker.window)


def one_pair_at_a_time(rows: TrackRows, network: PostLinker) -> int:
    """Return the number of links, found by a loop that scores one pair at a time."""
    table = np.column_stack([rows.frames, rows.ids, rows.tlwh])
    tracks: dict[float, list[list[float]]] = {}
    for row in table:
        tracks.setdefault(row[1], []).append([row[0], *row[2:6]])
    tracklets = [np.array(track) for track in tracks.values()]
    costs = np.full((len(tracklets), len(tracklets)), 1e5)
    for i, earlier in enumerate(tracklets):
        for j, later in enumerate(tracklets):
            gap = later[0, 0] - earlier[-1, 0]
            if i == j or not WINDOW.min_gap <= gap < WINDOW.max_gap:
                continue
            if np.hypot(*(earlier[-1, 1:3] - later[0, 1:3])) > WINDOW.max_distance:
                continue
            cost = score_one(earlier, later, network)
            if cost <= WINDOW.max_cost:
                costs[i, j] = cost
    row, column = linear_sum_assignment(costs)
    return int(np.count_nonzero(costs[row, column] < WINDOW.max_cost))


def score_one(earlier: np.ndarray, later: np.ndarray, network: PostLinker) -> float:
    """Return the cost of one pair.

    As in the published program, all columns are scaled although the network uses frame, x and y
    only, and gradients are enabled.
    """
    first = np.concatenate([np.zeros((max(30 - len(earlier), 0), 5)), earlier[-30:]])
    second = np.concatenate([later[:30], np.zeros((max(30 - len(later), 0), 5))])
    low = np.concatenate([first, second]).min(axis=0)
    high = np.concatenate([first, second]).max(axis=0)
    middle, half = (high + low) / 2, (high - low) / 2 + 1e-5
    pair = [
        torch.tensor((part - middle) / half, dtype=torch.float)[None, None, :, :3]
        for part in (first, second)
    ]
    return 1 - float(torch.softmax(published_forward(network, *pair), dim=1)[0, 1].detach())


def published_forward(
    network: PostLinker, earlier: torch.Tensor, later: torch.Tensor
) -> torch.Tensor:
    """Run the network by the operations of the published program."""
    features = []
    branches = (
        (earlier, network.TemporalModule_1, network.FusionBlock_1),
        (later, network.TemporalModule_2, network.FusionBlock_2),
    )
    for x, module, fusion in branches:
        for block in module:
            x = block.conv(x)
            for column, norm in enumerate((block.bnf, block.bnx, block.bny)):
                x[..., column] = norm(x[..., column])
            x = x.relu_()
        features.append(fusion.bn(fusion.conv(x)).relu_().mean(dim=(2, 3)))
    return network.classifier(torch.cat(features, dim=1))


def at_once(rows: TrackRows, linker: Linker) -> int:
    """Return the number of links that this project finds."""
    return len(link(rows.frames, rows.ids, rows.tlwh, rows.class_ids, linker, SETTINGS).links)


def compare(options: argparse.Namespace, console: Console) -> None:
    """Print frames of video per second of all methods on the golden tracks."""
    checkpoint = options.data / 'aflink' / 'aflink_official_recipe.pth'
    network = PostLinker().eval()
    network.load_state_dict(torch.load(checkpoint, weights_only=True))
    linker, motion = load_linker(checkpoint), load_linker('motion')
    for each in (linker, motion):  # warm up
        at_once(simulate(100), each)
    table = Table('tracks', 'sequence', 'pairs', 'links', title='AFLink, frames/s in one thread')
    for heading in ('one by one', 'published', 'ratio', 'motion', 'ratio'):
        table.add_column(heading, justify='right')
    ratios, total = [], np.zeros(4)
    for tracker, sequence in itertools.product(('deepsort', 'strongsort'), SEQUENCES):
        rows = load_tracks(options.data / 'golden' / tracker / f'{sequence}.txt')
        seconds = []
        for _ in range(options.rounds):
            start = time.perf_counter()
            one_pair_at_a_time(rows, network)
            between = time.perf_counter()
            links = at_once(rows, linker)
            end = time.perf_counter()
            at_once(rows, motion)
            seconds.append((between - start, end - between, time.perf_counter() - end))
        frames, (slow, fast, other) = np.ptp(rows.frames) + 1, np.min(seconds, axis=0)
        ratios.append((slow / fast, slow / other))
        total += frames, slow, fast, other
        table.add_row(
            tracker, sequence, str(pairs_of(rows)), str(links),
            *cells(frames, slow, fast, other),
        )  # fmt: skip
    table.add_section()
    table.add_row('all', '', '', '', *cells(*total))
    console.print(table)
    published, moving = np.exp(np.mean(np.log(ratios), axis=0))
    console.print(f'Geometric means of the ratios: {published:.1f}x, {moving:.1f}x')


def cells(frames: int, slow: float, fast: float, other: float) -> list[str]:
    """Return frames per second and ratios for the table."""
    return [
        f'{frames / slow:.0f}', f'{frames / fast:.0f}', f'{slow / fast:.1f}x',
        f'{frames / other:.0f}', f'{slow / other:.1f}x',
    ]  # fmt: skip


def pairs_of(rows: TrackRows) -> int:
    """Return the number of candidate pairs."""
    tracklets = Tracklets.gather(rows.frames, rows.ids, rows.tlwh, rows.class_ids)
    gap = (WINDOW.min_gap, WINDOW.max_gap)
    return len(find_candidates(tracklets, gap, WINDOW.max_distance)[0])


def simulate(tracklets: int) -> TrackRows:
    """Return people who walk in straight lines, 20 at a time, with two tracklets each."""
    rng = np.random.default_rng(0)
    people, length, gap = tracklets // 2, 40, 10
    steps = np.concatenate([np.arange(length), length + gap + np.arange(length)])
    births = rng.integers(0, max(people * len(steps) // 20, 1), people)
    start = rng.uniform(0, (1920, 1080), (people, 2))
    speed = rng.normal(0, 2, (people, 2))
    corners = start[:, None] + speed[:, None] * steps[:, None]
    corners += rng.normal(0, 1, corners.shape)
    frames = (births[:, None] + steps).ravel()
    ids = np.arange(2 * people).repeat(length)
    tlwh = np.concatenate([corners.reshape(-1, 2), np.full((len(ids), 2), 50.0)], axis=1)
    return TrackRows(frames, ids, tlwh, np.ones(len(ids)), np.full(len(ids), 'person'))


def stress(options: argparse.Namespace, console: Console) -> None:
    """Print duration and peak memory on simulated tracks."""
    rows = simulate(options.tracklets)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    linker = load_linker(options.linker)
    start = time.perf_counter()
    links = at_once(rows, linker)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    console.print(
        f'{options.tracklets} tracklets, {len(rows)} boxes: {links} links in {seconds:.1f} s, '
        f'peak memory {peak:.0f} MiB, {before:.0f} MiB before linking'
    )


def main() -> None:
    """Run the benchmark with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--data', type=Path, default=Path('../shared/data'))
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--tracklets', type=int, metavar='N', help='use simulated tracks instead')
    parser.add_argument('--linker', default='motion', help='motion or published')
    options = parser.parse_args()
    torch.set_num_threads(1)
    (stress if options.tracklets else compare)(options, Console(width=120))


if __name__ == '__main__':
    main()
