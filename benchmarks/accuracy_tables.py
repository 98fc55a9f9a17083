"""Write the tables of README.md and docs/accuracy.md from scores of `accuracy.py`.

    python benchmarks/accuracy.py --csv scores.csv
    python benchmarks/accuracy.py --only clean --ablation --csv ablation.csv
    python benchmarks/accuracy.py --only clean --peers .peers --csv peers.csv
    python benchmarks/accuracy_tables.py scores.csv ablation.csv peers.csv

A score that several files have is that of the last. A table lies between comments such as
`<!-- presets -->` and `<!-- end of presets -->`; without scores for it, it stays as it is.
"""

from __future__ import annotations

import argparse
import csv
import re
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from accuracy import CLEAN, PUBLISHED, ROBUST
from accuracy_distortions import DISTORTIONS

from strongsort_ros.experiments.ablation import RULES

ROOT = Path(__file__).resolve().parent.parent
PAGES = (ROOT / 'README.md', ROOT / 'docs' / 'accuracy.md')
TRACKERS = {
    'strongsort': '`strongsort`', 'deepsort': '`deepsort`', 'occluboost': 'BoxMOT OccluBoost',
    ROBUST: '**`robust`**',
}  # fmt: skip
INPUTS = {
    'MOT17': 'MOT17-02, 04, 05, 09, second halves: YOLOX, 14 to 30 Hz',
    'dance': 'DanceTrack, six sequences: simulated detector, 20 Hz',
    'TUD-Campus': 'TUD-Campus: FRCNN, 25 Hz',
    'KITTI-17': 'KITTI-17: FRCNN, car that stands, 10 Hz',
    'MOT17-09 pixels': 'MOT17-09, 150 frames: YOLOX, OSNet, 30 Hz',
    'scenes': 'drawn scenes: colour histograms, 10 and 30 Hz',
    'crowds': 'simulated crowds: 5, 10 and 30 Hz',
    'TUD-Campus acf': 'TUD-Campus: ACF, a weak detector',
    'KITTI-17 acf': 'KITTI-17: ACF, a weak detector',
    'TUD-Campus acf raw': 'TUD-Campus: ACF, scores up to 118 as they are',
    'KITTI-17 acf raw': 'KITTI-17: ACF, scores up to 118 as they are',
    'TUD-Campus colour': 'TUD-Campus: colour histograms',
    'KITTI-17 colour': 'KITTI-17: colour histograms',
    'MOT17-09 pixels colour': 'MOT17-09, 150 frames: colour histograms',
}
"""Group of `accuracy_inputs.py` -> text of the table."""
MAIN = ('MOT17', 'dance', 'TUD-Campus', 'KITTI-17', 'MOT17-09 pixels', 'scenes', 'crowds')
"""Columns of the tables with a row for each distortion, or each rule."""
SHORT = (*MAIN, 'TUD-Campus acf', 'KITTI-17 acf')


class Score(NamedTuple):
    """Means over seeds, percentages."""

    hota: float
    idf1: float

    def __str__(self) -> str:
        return f'{self.hota:.2f} / {self.idf1:.2f}'


Scores = dict[tuple[str, str], dict[str, Score]]
"""Group and distortion -> tracker -> scores of the group's sequences combined."""


def read_scores(files: Iterable[Path]) -> Scores:
    """Return the scores of CSV files; later files replace scores of earlier ones."""
    scores: Scores = defaultdict(dict)
    for path in files:
        runs: dict[tuple[str, str, str], list[Score]] = defaultdict(list)
        with path.open(encoding='utf-8', newline='') as file:
            for row in csv.DictReader(file):
                if row['sequence'] == 'combined':
                    key = row['group'], row['distortion'], row['tracker']
                    runs[key].append(Score(float(row['hota']), float(row['idf1'])))
        for (group, distortion, tracker), found in runs.items():
            mean = Score(*(statistics.fmean(column) for column in zip(*found, strict=True)))
            scores[group, distortion][tracker] = mean
    return scores


def presets(scores: Scores, groups: Iterable[str] = INPUTS) -> list[list[str]]:
    """Return HOTA / IDF1 of each tracker on the inputs as they are."""
    found = {group: scores[group, CLEAN] for group in groups if ROBUST in scores[group, CLEAN]}
    trackers = [name for name in TRACKERS if any(name in by for by in found.values())]
    rows = [['input', *(TRACKERS[name] for name in trackers)]]
    for group, by in found.items():
        rows.append([INPUTS[group], *(str(by.get(name, '')) for name in trackers)])
    return rows


def distortions(scores: Scores) -> list[list[str]]:
    """Return by how much robust is better than the better published preset."""
    rows = [['', *MAIN]]
    for distortion in DISTORTIONS:
        gains = [_gain(scores[group, distortion]) for group in MAIN]
        if any(gains):
            rows.append([distortion, *gains])
    return rows


def ablation(scores: Scores) -> list[list[str]]:
    """Return the change of HOTA / IDF1 when one rule is taken away."""
    rows = [['without', *MAIN]]
    for rule in RULES:
        changes = []
        for group in MAIN:
            by = scores[group, CLEAN]
            known = f'- {rule}' in by and ROBUST in by
            changes.append(_difference(by[f'- {rule}'], [by[ROBUST]]) if known else '')
        if any(changes):
            rows.append([rule, *changes])
    return rows


def _gain(by: dict[str, Score]) -> str:
    published = [by[name] for name in PUBLISHED if name in by]
    return _difference(by[ROBUST], published) if published and ROBUST in by else ''


def _difference(score: Score, others: Sequence[Score]) -> str:
    """Return the difference to the best of others, for HOTA and IDF1 apart."""
    pairs = zip(score, zip(*others, strict=True), strict=True)
    hota, idf1 = (value - max(best) for value, best in pairs)
    return f'{hota:+.2f} / {idf1:+.2f}'


def replaced(text: str, name: str, rows: Sequence[Sequence[str]]) -> str:
    """Return a page with a table in place of that with this name, if the page has it."""
    if len(rows) < 2:
        return text
    lines = ['| ' + ' | '.join(row) + ' |' for row in rows]
    table = '\n'.join([lines[0], '|---' * len(rows[0]) + '|', *lines[1:]])
    pattern = rf'(<!-- {name} -->\n).*?(<!-- end of {name} -->)'
    return re.sub(pattern, lambda found: f'{found[1]}{table}\n{found[2]}', text, flags=re.DOTALL)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('csv', type=Path, nargs='+')
    parser.add_argument('--pages', type=Path, nargs='+', default=PAGES)
    options = parser.parse_args()
    scores = read_scores(options.csv)
    tables = {
        'presets': presets(scores), 'main presets': presets(scores, SHORT),
        'distortions': distortions(scores), 'ablation': ablation(scores),
    }  # fmt: skip
    for path in options.pages:
        text = path.read_text(encoding='utf-8')
        for name, rows in tables.items():
            text = replaced(text, name, rows)
        path.write_text(text, encoding='utf-8')


if __name__ == '__main__':
    main()
