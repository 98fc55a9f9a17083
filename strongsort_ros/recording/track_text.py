"""MOTChallenge text of a recording that may be too long for memory."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from strongsort_ros.recording.atomic import replacing
from strongsort_ros.recording.motchallenge import TRACK_COLUMNS
from strongsort_ros.tracking.detections import FloatArray, IntArray


def text_beside(bag: Path) -> Path:
    """Return the path of the text of a bag."""
    return bag.with_name(f'{bag.name}.txt')


class TrackTextWriter:
    """Rows as `save_tracks` writes them, frame by frame; frames get their numbers at the end.

    Use it in a `with`: the file is there when that ends well.

    Parameters
    ----------
    path
        File to be; it must not exist.

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
        """Give the frames their numbers, in the order in which they were added."""
        self._rows.seek(0)
        with self._written.open('w', encoding='ascii') as text:
            for frame, count in zip(frames.tolist(), self._counts, strict=True):
                text.writelines(f'{frame},{self._rows.readline()}' for _ in range(count))
