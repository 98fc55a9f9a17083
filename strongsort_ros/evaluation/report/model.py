"""What a report of tracked recordings shows, before and after refinement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from strongsort_ros.evaluation.score_table import Table
from strongsort_ros.evaluation.scores import EvaluatedTracks
from strongsort_ros.files.atomic import replacing
from strongsort_ros.files.drawing import shrink
from strongsort_ros.types import Image

_QUALITY = 75  # of JPEG


@dataclass(frozen=True, slots=True)
class Latency:
    """How long a stage takes a frame, in milliseconds.

    Attributes
    ----------
    stage
        Its name.
    p50, p95, p99
        Percentiles.
    largest
        None where it is not known.

    """

    stage: str
    p50: float
    p95: float
    p99: float
    largest: float | None = None

    @classmethod
    def of(cls, stage: str, seconds: npt.ArrayLike) -> Latency:
        """Return what times in seconds, at least one, come to."""
        times = 1e3 * np.asarray(seconds, dtype=np.float64)
        p50, p95, p99 = np.percentile(times, [50, 95, 99]).tolist()
        return cls(stage, p50, p95, p99, float(times.max()))


def latency_table(latencies: Sequence[Latency]) -> Table:
    """Return the latencies as a table, in milliseconds."""
    rows = [
        [each.stage, *(_figure(ms) for ms in (each.p50, each.p95, each.p99, each.largest))]
        for each in latencies
    ]
    head = ('stage', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms')
    return Table('Time for a frame, by stage', head, rows)


def _figure(milliseconds: float | None) -> str:
    return '-' if milliseconds is None else f'{milliseconds:.2f}'


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded image and the words that stand for it.

    Attributes
    ----------
    data
        JPEG, PNG or WebP, moving or not.
    text
        What it shows.

    """

    data: bytes
    text: str

    @classmethod
    def load(cls, path: Path | str, text: str) -> Picture:
        """Read a file."""
        return cls(Path(path).read_bytes(), text)

    @classmethod
    def encode(cls, image: Image, text: str, width: int = 640) -> Picture:
        """Return an image, (H, W, 3) uint8 BGR, as a JPEG no wider than `width` pixels."""
        small = shrink(image, width)
        _, data = cv2.imencode('.jpg', small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        return cls(data.tobytes(), text)

    @property
    def media_type(self) -> str:
        """Kind of the data by its first bytes."""
        for start, name in ((b'\xff\xd8', 'jpeg'), (b'\x89PNG', 'png')):
            if self.data.startswith(start):
                return f'image/{name}'
        return 'image/webp'


@dataclass(frozen=True, slots=True)
class Report:
    """What a report shows; what is not given is left out.

    Attributes
    ----------
    title, about
        What was tracked, and how.
    before, after
        Tracks before and after refinement; sequences belong together by their names.
    image
        (name of the sequence, frame) -> (H, W, 3) uint8 BGR, or None where there is none; for
        the pictures of identity switches.
    latencies
        By stage, in the order of work.
    tables
        Whatever else is to be told: settings, counts, the node's last report.
    moving_picture, pictures
        Of the tracks.
    files
        What lies beside the report: path relative to it, and meaning.

    """

    title: str
    about: str = ''
    before: EvaluatedTracks | None = None
    after: EvaluatedTracks | None = None
    image: Callable[[str, int], Image | None] | None = None
    latencies: Sequence[Latency] = ()
    tables: Sequence[Table] = ()
    moving_picture: Picture | None = None
    pictures: Sequence[Picture] = ()
    files: Sequence[tuple[str, str]] = ()

    @property
    def sides(self) -> list[tuple[str, EvaluatedTracks]]:
        """Return what there is of before and after, named where both are."""
        both = self.before is not None and self.after is not None
        named = (('before', self.before), ('after', self.after))
        return [(name if both else '', side) for name, side in named if side is not None]


def save_report(path: Path | str, report: Report) -> None:
    """Write a report as one HTML file that opens without a network.

    The same report gives the same bytes.

    Raises
    ------
    InputError
        The file cannot be written.

    """
    from strongsort_ros.evaluation.report.page import render_page

    with replacing(path) as written:
        written.write_text(render_page(report), encoding='utf-8')
