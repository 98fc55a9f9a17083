"""Contents of a report about tracked sequences, before and after refinement."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np
import numpy.typing as npt

from strongsort_ros.evaluation.score_table import Table
from strongsort_ros.evaluation.scores import EvaluatedTracks
from strongsort_ros.files.atomic import replacing
from strongsort_ros.files.drawing import shrink
from strongsort_ros.packages import require
from strongsort_ros.types import Image

_JPEG_QUALITY = 75


@dataclass(frozen=True, slots=True)
class Latency:
    """Processing time of a stage for one frame, in milliseconds.

    Attributes
    ----------
    stage
        Name of the stage.
    p50, p95, p99
        Percentiles.
    largest
        Maximum; None if not known.

    """

    stage: str
    p50: float
    p95: float
    p99: float
    largest: float | None = None

    @classmethod
    def of(cls, stage: str, seconds: npt.ArrayLike) -> Latency:
        """Return the percentiles of times in seconds, at least one."""
        times = 1e3 * np.asarray(seconds, dtype=np.float64)
        p50, p95, p99 = np.percentile(times, [50, 95, 99]).tolist()
        return cls(stage, p50, p95, p99, float(times.max()))


def latency_table(latencies: Sequence[Latency]) -> Table:
    """Return the latencies as a table, in milliseconds."""
    rows = [
        [
            each.stage,
            *(f'{ms:.2f}' for ms in (each.p50, each.p95, each.p99)),
            '-' if each.largest is None else f'{each.largest:.2f}',
        ]
        for each in latencies
    ]
    head = ('stage', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms')
    return Table('Time for a frame, by stage', head, rows)


@dataclass(frozen=True, slots=True)
class Picture:
    """Encoded image and its alternative text.

    Attributes
    ----------
    data
        JPEG, PNG or WebP.
    text
        Alternative text.

    """

    data: bytes
    text: str

    @classmethod
    def encode(cls, image: Image, text: str, width: int = 640) -> Picture:
        """Encode an image, (H, W, 3) uint8 BGR, as a JPEG at most `width` pixels wide."""
        small = shrink(image, width)
        _, data = cv2.imencode('.jpg', small, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        return cls(data.tobytes(), text)

    @property
    def media_type(self) -> str:
        """Media type, from the first bytes."""
        for start, name in ((b'\xff\xd8', 'jpeg'), (b'\x89PNG', 'png')):
            if self.data.startswith(start):
                return f'image/{name}'
        return 'image/webp'

    @property
    def data_uri(self) -> str:
        """The image as a data URI."""
        return f'data:{self.media_type};base64,{base64.b64encode(self.data).decode("ascii")}'


@dataclass(frozen=True, slots=True)
class Drawing:
    """SVG drawing.

    Attributes
    ----------
    kind
        CSS class: 'timeline' or 'curves'.
    width, height
        Size of the view box.
    text
        Alternative text.
    body
        Elements, inserted as they are: only numbers and texts of this package.
    names
        Elements of a column to the left, which stays in sight when the drawing scrolls.
    frames
        Frames from the left edge to the right one, if that is the time; by them a click in the
        drawing finds its frame in the video.

    """

    kind: str
    width: int
    height: int
    text: str
    body: str
    names: str = ''
    frames: range = range(0)


@dataclass(frozen=True, slots=True)
class Video:
    """Video of the images of a sequence.

    Attributes
    ----------
    source
        Path relative to the report, or the content as a data URI.
    frame_rate
        Images per second.
    first_frame
        Number of the first image; the others follow without a gap.

    """

    source: str
    frame_rate: float
    first_frame: int = 1

    @classmethod
    def beside(cls, path: Path, page: Path, frame_rate: float, first_frame: int = 1) -> Video:
        """Return a video that the page links, relative to the page's folder."""
        relative = os.path.relpath(path.resolve(), page.resolve().parent)
        return cls(quote(Path(relative).as_posix()), frame_rate, first_frame)

    @classmethod
    def embedded(cls, path: Path, frame_rate: float, first_frame: int = 1) -> Video:
        """Return a video with its content, which makes the page a third larger than it."""
        kind = 'mp4' if path.suffix.lower() == '.mp4' else 'webm'
        content = base64.b64encode(path.read_bytes()).decode('ascii')
        return cls(f'data:video/{kind};base64,{content}', frame_rate, first_frame)


@dataclass(frozen=True, slots=True)
class Report:
    """Contents of a report; parts that are not given are left out.

    Attributes
    ----------
    title, about
        Heading, and a sentence below it.
    before, after
        Tracks before and after refinement; sequences are matched by name.
    image
        (sequence name, frame number) -> (H, W, 3) uint8 BGR, or None where there is no image; for
        the pictures of identity switches.
    latencies
        Latencies of the stages, in the order of processing.
    tables
        Further tables: settings, counts, diagnostics.
    pictures
        Pictures of the tracks.
    video
        Video of the tracks of the first sequence.
    files
        Files beside the report: path relative to it, and description.

    """

    title: str
    about: str = ''
    before: EvaluatedTracks | None = None
    after: EvaluatedTracks | None = None
    image: Callable[[str, int], Image | None] | None = None
    latencies: Sequence[Latency] = ()
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()
    files: Sequence[tuple[str, str]] = ()
    video: Video | None = None

    @property
    def sides(self) -> list[tuple[str, EvaluatedTracks]]:
        """('before', tracks) and ('after', tracks), or the only one with the name ''."""
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
    MissingPackageError
        Jinja2 is not installed.

    """
    require('reports', 'jinja2')
    from strongsort_ros.evaluation.report.page import render_page

    with replacing(path) as written:
        written.write_text(render_page(report), encoding='utf-8')
