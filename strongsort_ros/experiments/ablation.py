"""Ablation: the steps from DeepSORT to StrongSORT++, and the default with each rule away."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import joblib

from strongsort_ros.evaluation.score_table import Table, format_score
from strongsort_ros.evaluation.scores import Scores, score
from strongsort_ros.experiments.recordings import Recording, scored, track
from strongsort_ros.files.atomic import replacing
from strongsort_ros.refinement.settings import AflinkSettings, GsiSettings, RtsSettings
from strongsort_ros.refinement.tracks import RefinementSteps
from strongsort_ros.tracking.settings import SWITCHES, TrackerSettings

PAPER, DEFAULT = 'paper', 'robust'
"""The two parts of the table."""

RULES: Final[dict[str, dict[str, Any]]] = {
    'learnt noise, but NSA': {'adaptive_noise': False},
    'learnt noise': {'adaptive_noise': False, 'nsa': False},
    'low scores': {'low_confidence': 1.0},
    'veto': {'appearance_veto': False},
    'limits by the network': {'adaptive_distance': False},
    'longer memory': {'max_lost_time': 0.0},
    'late margin': {'late_margin': 0.0},
    'instant confirmation': {'instant_confirmation': 1.0},
    'early and instant': {'early_confirmation': 1.0, 'instant_confirmation': 1.0},
    'IoU in the cost': {'iou_weight': 0.0},
    'coasting': {'coast_time': 0.0},
    'predictability': {'min_predictability': 0.0},
}
"""Rule of the preset `robust` -> settings that take the rule away."""

_LABELS: Final = {
    'bot': 'BoT', 'ecc': 'ECC', 'nsa': 'NSA', 'ema': 'EMA', 'mc': 'MC', 'woc': 'woC',
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Variant:
    """A row of the table.

    Attributes
    ----------
    part
        `PAPER` or `DEFAULT`.
    name
        What the row adds or takes away.
    settings
        Settings of the tracker.
    camera_motion
        Whether camera motion is compensated.
    steps
        Refinement after tracking.

    """

    part: str
    name: str
    settings: TrackerSettings
    camera_motion: bool
    steps: RefinementSteps = field(default_factory=RefinementSteps)


class Result(NamedTuple):
    """Scores of a variant: of each recording and combined, and frames tracked per second."""

    variant: Variant
    scores: tuple[Scores, ...]
    frames_per_second: float

    @property
    def combined(self) -> Scores:
        """Scores of all recordings together."""
        return self.scores[-1]


def paper_variants() -> list[Variant]:
    """Return the rows of table 1 of StrongSORT (arXiv 2202.13514): each adds to the one before."""
    chosen: list[str] = []
    rows = [Variant(PAPER, 'DeepSORT', TrackerSettings.deepsort(), camera_motion=False)]
    for switch in SWITCHES:
        chosen.append(switch)
        settings = TrackerSettings.from_switches(chosen)
        rows.append(Variant(PAPER, f'+ {_LABELS[switch]}', settings, 'ecc' in chosen))
    full = rows[-1].settings
    aflink = RefinementSteps(aflink=AflinkSettings())
    both = RefinementSteps(aflink=AflinkSettings(), gsi=GsiSettings())
    return [
        *rows,
        Variant(PAPER, '+ AFLink', full, camera_motion=True, steps=aflink),
        Variant(PAPER, '+ GSI', full, camera_motion=True, steps=both),
    ]


def default_variants() -> list[Variant]:
    """Return the default, with RTS, and with each of its rules away."""
    full = TrackerSettings.preset('robust', network=True)
    return [
        Variant(DEFAULT, 'robust', full, camera_motion=True),
        Variant(
            DEFAULT, '+ RTS', full, camera_motion=True, steps=RefinementSteps(rts=RtsSettings())
        ),
        Variant(DEFAULT, '- camera motion', full, camera_motion=False),
        *(
            Variant(DEFAULT, f'- {name}', full.replace(**off), camera_motion=True)
            for name, off in RULES.items()
        ),
    ]


def run_variant(variant: Variant, recordings: Sequence[Recording]) -> Result:
    """Track and score all recordings with one variant."""
    sequences, seconds = [], 0.0
    for recording in recordings:
        tracks, taken = track(recording, variant.settings, camera_motion=variant.camera_motion)
        sequences.append(scored(recording, tracks, variant.steps))
        seconds += taken
    found = score(sequences)
    frames = sum(len(recording.frames) for recording in recordings)
    return Result(variant, (*found.sequences, found.combined), frames / max(seconds, 1e-9))


def ablate(
    recordings: Sequence[Recording], variants: Sequence[Variant], jobs: int
) -> Iterator[Result]:
    """Yield the result of each variant, in their order, as they are finished.

    Parameters
    ----------
    recordings
        At least one, with different names.
    variants
        Rows of the table.
    jobs
        Processes. With several, frames per second are lower than with one.

    """
    calls = (joblib.delayed(run_variant)(variant, recordings) for variant in variants)
    done: Iterable[Result] = joblib.Parallel(n_jobs=jobs, return_as='generator')(calls)
    yield from done


_COLUMNS: Final[dict[str, Callable[[Scores], float]]] = {
    'HOTA': lambda s: s.hota,
    'IDF1': lambda s: s.idf1,
    'MOTA': lambda s: s.mota,
    'IDSW': lambda s: s.idsw,
}


def table(results: Sequence[Result]) -> Table:
    """Return the table of the combined scores."""
    rows = [
        [
            result.variant.part, result.variant.name,
            *(format_score(value(result.combined)) for value in _COLUMNS.values()),
            f'{result.frames_per_second:.0f}',
        ]
        for result in results
    ]  # fmt: skip
    return Table('Ablation', ['part', 'variant', *_COLUMNS, 'frames/s'], rows, grouped=True)


def save_csv(path: Path, results: Sequence[Result]) -> None:
    """Write the scores of each recording, and combined."""
    with replacing(path) as part, part.open('w', newline='', encoding='utf-8') as file:
        lines = csv.writer(file)
        lines.writerow(['part', 'variant', 'sequence', *_COLUMNS, 'frames/s'])
        for result in results:
            for one in result.scores:
                values = [f'{value(one):.4f}' for value in _COLUMNS.values()]
                rate = f'{result.frames_per_second:.1f}'
                row = [result.variant.part, result.variant.name, one.name, *values, rate]
                lines.writerow(row)


def save_picture(path: Path, results: Sequence[Result]) -> None:
    """Draw HOTA and IDF1 of each variant as bars; the suffix chooses the format.

    Raises
    ------
    MissingPackageError
        Matplotlib is not installed.

    """
    from matplotlib.figure import Figure

    names = [result.variant.name for result in results]
    figure = Figure(figsize=(9, 0.32 * len(names) + 1.2), layout='constrained')
    parts = {PAPER: '#8a8f98', DEFAULT: '#1f6fb4'}
    colours = [parts[result.variant.part] for result in results]
    for diagram, name in zip(figure.subplots(1, 2, sharey=True), ('HOTA', 'IDF1'), strict=True):
        values = [_COLUMNS[name](result.combined) for result in results]
        bars = diagram.barh(names, values, color=colours)
        diagram.bar_label(bars, fmt='%.2f', padding=3, fontsize=8)
        span = max(values) - min(values) or 1.0
        diagram.set(title=name, xlim=(min(values) - 0.3 * span, max(values) + 0.3 * span))
        diagram.spines[['top', 'right']].set_visible(False)
    figure.axes[0].invert_yaxis()
    with replacing(path) as part:
        figure.savefig(part, format=path.suffix.lstrip('.') or 'png', dpi=120)
