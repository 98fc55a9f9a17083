"""Read and write MOTChallenge's text files: detections, tracks and ground truth.

The columns are `frame, id, left, top, width, height, ...` (https://motchallenge.net/instructions);
frames count from 1, and the columns after the height depend on the kind of file.

Detections and tracks can also be .csv files with a header, which add a class and a score:
`frame,id,left,top,width,height,score,class`, in any order.
"""

from __future__ import annotations

import csv
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from strongsort_ros.errors import InputError
from strongsort_ros.files.atomic import replacing
from strongsort_ros.files.rows import DetectionRows, GroundTruth, TrackRows
from strongsort_ros.files.text_table import (
    CLASS,
    COLUMNS,
    MAX_FRAME,
    STATE,
    STATES,
    TextTable,
)
from strongsort_ros.types import FloatArray, IntArray

PERSON = 'person'
"""Class of the boxes of a MOTChallenge file, which has no class names."""

TRACK_COLUMNS = '%d,%.2f,%.2f,%.2f,%.2f,1,-1,-1,-1'
"""Format of a row of tracks after the frame: id, left, top, width, height and constants."""
_TRACK_ROW = f'%d,{TRACK_COLUMNS}'
_SCORED_ROW = '%d,%d,%.2f,%.2f,%.2f,%.2f,%.6g,%d,-1,-1'

CLASS_NUMBERS: Final = {
    PERSON: 1, 'pedestrian': 1, 'car': 3, 'bicycle': 4, 'motorbike': 5, 'motorcycle': 5,
}  # fmt: skip
"""Class -> number of MOTChallenge's class, where there is one."""
_DETECTION: Final = tuple(name for name in COLUMNS if name not in ('id', 'score'))
_TRACK: Final = tuple(name for name in COLUMNS if name != 'score')


def load_detections(path: Path | str, class_id: str = PERSON) -> DetectionRows:
    """Read a det.txt: frame, -1, left, top, width, height, confidence; more columns are ignored.

    Alternatively, a header names the columns frame, left, top, width, height, score and class.
    Without a column of classes, all detections have the class `class_id`.

    Raises
    ------
    InputError
        The file is missing or has another format; the message names the line.

    """
    table = TextTable(path, min_columns=7, named=_DETECTION)
    frames = table.integers(0, 'frame', 0, MAX_FRAME)
    tlwh = _boxes(table)
    order = np.argsort(frames, kind='stable')
    class_ids = _classes(table, class_id)[order]
    return DetectionRows(frames[order], tlwh[order], table.values[order, 6], class_ids)


def load_tracks(
    path: Path | str, class_id: str = PERSON, *, with_states: bool = False
) -> TrackRows:
    """Read tracks, sorted by frame and id: frame, id, left, top, width, height, confidence.

    More columns are ignored. Alternatively, a header names the columns, as `save_csv` writes it;
    it must, `with_states`.

    Raises
    ------
    InputError
        The file is missing or has another format, or an id occurs twice in a frame.

    """
    table = TextTable(path, min_columns=7, named=(*_TRACK, STATE) if with_states else _TRACK)
    if with_states and table.states is None:
        raise InputError(f'{path}: no header with a column {STATE!r}')
    frames, ids, order = _frames_and_ids(table)
    tlwh = _boxes(table)
    class_ids = _classes(table, class_id)
    rows = TrackRows(frames, ids, tlwh, table.values[:, 6], class_ids, table.states)
    return rows.select(order)


def save_tracks(path: Path | str, tracks: TrackRows, *, with_scores: bool = False) -> None:
    """Write tracks in the given order, in the format of the published StrongSORT program.

    That has no scores and classes. `with_scores` writes the score, and the number of the class in
    MOTChallenge (-1: it has none), in the two columns after the box.

    Raises
    ------
    InputError
        The file cannot be written.

    """
    columns = [tracks.frames.tolist(), tracks.ids.tolist(), *tracks.tlwh.T.tolist()]
    row_format = _TRACK_ROW
    if with_scores:
        numbers = [CLASS_NUMBERS.get(name, -1) for name in tracks.class_ids.tolist()]
        columns += [tracks.scores.tolist(), numbers]
        row_format = _SCORED_ROW
    lines = [row_format % row for row in zip(*columns, strict=True)]
    with replacing(path) as written:
        written.write_text(''.join(f'{line}\n' for line in lines), encoding='ascii')


def save_csv(path: Path | str, tracks: TrackRows, *, with_states: bool = False) -> None:
    """Write tracks with score and class as .csv with a header.

    `with_states` writes the states as well, and all digits of boxes and scores.

    Raises
    ------
    InputError
        The file cannot be written.

    """
    box_format, score_format = ('%r', '%r') if with_states else ('%.2f', '%.6g')
    columns: tuple[list[Any], ...] = (
        tracks.frames.tolist(),
        tracks.ids.tolist(),
        *([box_format % value for value in side] for side in tracks.tlwh.T.tolist()),
        [score_format % score for score in tracks.scores.tolist()],
        # One line per row.
        [' '.join(name.splitlines()) for name in tracks.class_ids.tolist()],
    )
    names = [*COLUMNS, CLASS]
    if with_states:
        assert tracks.states is not None
        names.append(STATE)
        columns += ([STATES[state] for state in tracks.states.tolist()],)
    with replacing(path) as written, written.open('w', encoding='utf-8', newline='') as file:
        rows = csv.writer(file, lineterminator='\n')
        rows.writerow(names)
        rows.writerows(zip(*columns, strict=True))


def load_ground_truth(path: Path | str) -> GroundTruth:
    """Read a gt.txt of any year.

    Nine columns end in `considered, class, visibility` (MOT16 and later). Ten columns end in
    `considered, x, y, z`, world coordinates or -1 (MOT15). By default, a box is considered, a
    pedestrian and visible; a class of -1 means that none is given.

    Raises
    ------
    InputError
        The file is missing or has another format, or an id occurs twice in a frame.

    """
    table = TextTable(path, min_columns=6)
    frames, ids, order = _frames_and_ids(table)
    tlwh = _boxes(table)
    rows, columns = table.values.shape
    considered = table.values[:, 6] != 0 if columns > 6 else np.ones(rows, dtype=bool)
    classes = np.ones(rows, dtype=np.int64)
    if columns in (8, 9):
        classes = table.integers(7, 'class', -1, 13)
        table.refuse(classes == 0, 'the class is 0, expected 1..13 or -1')
        classes = np.where(classes < 0, 1, classes)
    visibility = table.values[:, 8] if columns == 9 else np.ones(rows)
    return GroundTruth(frames, ids, tlwh, considered, classes, visibility).select(order)


def _frames_and_ids(table: TextTable) -> tuple[IntArray, IntArray, IntArray]:
    """Return frames and ids in the order of the file, and the row order by frame and id."""
    frames = table.integers(0, 'frame', 0, MAX_FRAME)
    ids = table.integers(1, 'id', 0, 2**53)
    order = np.lexsort((ids, frames))
    repeated = np.zeros(len(order), dtype=bool)
    repeated[order[1:]] = (np.diff(frames[order]) == 0) & (np.diff(ids[order]) == 0)
    table.refuse(repeated, 'the id occurs twice in this frame')
    return frames, ids, order


def _classes(table: TextTable, class_id: str) -> npt.NDArray[Any]:
    """Return (N,) classes in the order of the file."""
    if table.classes is None:
        return np.full(len(table.values), class_id)
    return np.array(table.classes, dtype=np.str_)


def _boxes(table: TextTable) -> FloatArray:
    tlwh: FloatArray = table.values[:, 2:6]
    table.refuse(np.any(tlwh[:, 2:] < 0, axis=1), 'negative width or height')
    return tlwh


def text_beside(bag: Path) -> Path:
    """Return the path of the MOTChallenge text that belongs to a bag."""
    return bag.with_name(f'{bag.name}.txt')


class TrackTextWriter:
    """Context manager that writes the rows of `save_tracks` frame by frame.

    Frames get their numbers at the end. The file appears when the block ends without error.

    Parameters
    ----------
    path
        Output file; it must not exist.

    Raises
    ------
    InputError
        The file exists or cannot be written.

    """

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._stack = ExitStack()
        self._counts: list[int] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._written = stack.enter_context(replacing(self._path, overwrite=False))
            rows = self._written.with_suffix('.rows')
            self._rows = stack.enter_context(rows.open('w+', encoding='ascii'))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._stack.__exit__(*raised)

    def add(self, ids: IntArray, tlwh: FloatArray) -> None:
        """Add the next frame: N ids, and (N, 4) boxes."""
        columns = ids.tolist(), *tlwh.T.tolist()
        self._rows.writelines(f'{TRACK_COLUMNS % row}\n' for row in zip(*columns, strict=True))
        self._counts.append(len(ids))

    def finish(self, frames: IntArray) -> None:
        """Assign numbers to the frames, in the order in which they were added."""
        self._rows.seek(0)
        with self._written.open('w', encoding='ascii') as text:
            for frame, count in zip(frames.tolist(), self._counts, strict=True):
                text.writelines(f'{frame},{self._rows.readline()}' for _ in range(count))
