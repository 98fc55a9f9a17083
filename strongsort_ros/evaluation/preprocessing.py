"""What TrackEval compares: a sequence after its MOTChallenge preprocessing.

Results on distractors (reflections, static persons, ...) are neither right nor wrong and are
taken out.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from strongsort_ros.packages import require
from strongsort_ros.recording.rows import GroundTruth, TrackRows
from strongsort_ros.tracking.detections import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class ScoredSequence:
    """What is compared.

    Attributes
    ----------
    name
        Of the sequence; one that begins with MOT20 has that benchmark's distractors.
    ground_truth
        True boxes.
    tracks
        Boxes to score.
    frames
        Frame numbers that are scored; boxes of others are left out.

    """

    name: str
    ground_truth: GroundTruth
    tracks: TrackRows
    frames: range


def check_scoring() -> None:
    """Check that scores can be computed: call it before a long job that ends with them.

    Raises
    ------
    MissingPackageError
        TrackEval is not installed.

    """
    require('scoring', 'trackeval')


def preprocess(sequence: ScoredSequence) -> dict[str, Any]:
    """Return TrackEval's data of a sequence: boxes by frame, ids from 0, overlaps.

    TrackEval numbers ids anew. Its `tracker_confidences`, which no score uses, are the row
    numbers in `sequence.tracks` of the boxes that are left.
    """
    check_scoring()
    from trackeval.datasets import MotChallenge2DBox  # heavy: only who scores waits for it

    with tempfile.TemporaryDirectory(prefix='strongsort-scores-') as folder:
        _write_for_trackeval(sequence, Path(folder))
        layout = {
            'GT_FOLDER': folder,
            'TRACKERS_FOLDER': folder,
            'TRACKERS_TO_EVAL': ['tracks'],
            'TRACKER_SUB_FOLDER': '',
            'GT_LOC_FORMAT': '{gt_folder}/{seq}.txt',
            'SEQ_INFO': {'sequence': len(sequence.frames)},
            'BENCHMARK': 'MOT20' if sequence.name.startswith('MOT20') else 'MOT17',
            'SKIP_SPLIT_FOL': True,
            'PRINT_CONFIG': False,
        }
        dataset = MotChallenge2DBox(layout)
        raw = dataset.get_raw_seq_data('tracks', 'sequence')
    data: dict[str, Any] = dataset.get_preprocessed_seq_data(raw, 'pedestrian')
    return data


def _write_for_trackeval(sequence: ScoredSequence, folder: Path) -> None:
    """Write the frames that count, numbered from 1, where TrackEval looks for them."""
    first, last = sequence.frames.start, sequence.frames.stop - 1
    truth, tracks = sequence.ground_truth, sequence.tracks
    truth = truth.select((truth.frames >= first) & (truth.frames <= last))
    rows = np.flatnonzero((tracks.frames >= first) & (tracks.frames <= last))
    tracks = tracks.select(rows)
    columns = [truth.considered, truth.classes, truth.visibility]
    head = [truth.frames - first + 1, _small(truth.ids), truth.tlwh]
    _write_table(folder / 'sequence.txt', np.column_stack([*head, *columns]))
    head = [tracks.frames - first + 1, _small(tracks.ids), tracks.tlwh]
    (folder / 'tracks').mkdir()
    _write_table(folder / 'tracks' / 'sequence.txt', np.column_stack([*head, rows]))


def _small(ids: IntArray) -> IntArray:
    """Return ids numbered from 0, in the same order: TrackEval's memory grows with them."""
    return np.unique(ids, return_inverse=True)[1]


def _write_table(path: Path, table: FloatArray) -> None:
    # repr() of a float is exact: no score may change by a rounded box.
    lines = [','.join(map(repr, row)) for row in table.tolist()]
    path.write_text(''.join(f'{line}\n' for line in lines), encoding='ascii')
