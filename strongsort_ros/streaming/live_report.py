"""Results of a recording that was played to the running tracker: texts, scores, report."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from strongsort_ros.evaluation.before_after import assess, save_scores, scores_of
from strongsort_ros.evaluation.report import Latency, Recorded, Report, Table
from strongsort_ros.messages.images import BGR, ImageError
from strongsort_ros.messages.serialised import MessageError
from strongsort_ros.recording.camera_bag import CameraTopics, read_image
from strongsort_ros.recording.frame_numbers import frame_numbers
from strongsort_ros.recording.motchallenge import save_tracks
from strongsort_ros.recording.rosbag_reader import read_tracks
from strongsort_ros.recording.rows import GroundTruth
from strongsort_ros.tracking.detections import FloatArray, IntArray

TRACKS: Final = 'tracks'
REFINED: Final = 'refined'
"""Names of the bags of tracks, before and after refinement, in the folder of results."""

FILES: Final = (
    (TRACKS, 'rosbag2 of what the tracker published'),
    (f'{TRACKS}.txt', 'its tracks, MOTChallenge text'),
    (REFINED, 'rosbag2 of the refined tracks'),
    (f'{REFINED}.txt', 'the refined tracks, MOTChallenge text'),
    ('scores.json', 'all scores, before and after refinement'),
)
_PREFIX = 'latency_'
_LATENCY = re.compile('p50 {0} ms, p95 {0} ms, p99 {0} ms, max {0} ms'.format(r'([\d.]+)'))


@dataclass(frozen=True, slots=True)
class Played:
    """What came of playing a bag.

    Attributes
    ----------
    bag, topics
        What was played.
    tracks_topic
        On which the tracker answered with tracks.
    stamps
        (N,) of the N detection arrays sent, nanoseconds.
    answered
        How many of them tracks came back for.
    seconds
        From the first message to the last answer.
    round_trips
        (answered,) seconds from a frame sent to its tracks received.
    diagnostics
        The tracker's last report on /diagnostics, by name.
    image_times
        Stamp of an image -> its time in the bag, nanoseconds both.

    """

    bag: Path
    topics: CameraTopics
    tracks_topic: str
    stamps: IntArray
    answered: int
    seconds: float
    round_trips: FloatArray
    diagnostics: dict[str, str]
    image_times: dict[int, int] = field(repr=False)

    def __str__(self) -> str:
        rate = self.answered / max(self.seconds, 1e-9)
        return f'{self.answered} of {len(self.stamps)} frames answered, {rate:.0f} frames/s'


def write_results(
    folder: Path, played: Played, truth: GroundTruth | None, frame_rate: float = 0.0, name: str = ''
) -> tuple[Recorded, Recorded | None]:
    """Write text and scores of the bags of tracks in a folder.

    Parameters
    ----------
    folder
        Holds the bag `TRACKS` and, if the tracks were refined, `REFINED`.
    played
        What was tracked.
    truth
        True boxes, or None.
    frame_rate
        Nominal frames a second, which number the frames; 0: estimated from the stamps.
    name
        Of the recording; '': that of its bag.

    Returns
    -------
    before, after
        Tracks before refinement and, if they were refined, after it, with their scores.

    Raises
    ------
    InputError
        A bag of tracks cannot be read, or a file cannot be written.

    """
    frames = frame_numbers(played.stamps, frame_rate).frames
    sides: dict[str, Recorded] = {}
    for side in (TRACKS, REFINED):
        if (folder / side).exists():
            tracks = read_tracks(folder / side, played.tracks_topic, frame_rate)
            if side == TRACKS:  # the refiner writes its text itself
                save_tracks(folder / f'{side}.txt', tracks)
            sides[side] = assess(name or played.bag.stem, frames, truth, tracks)
    before, after = sides[TRACKS], sides.get(REFINED)
    if scores := scores_of(before, after):
        save_scores(folder / 'scores.json', scores)
    return before, after


def live_report(
    folder: Path, played: Played, before: Recorded, after: Recorded | None, frame_rate: float = 0.0
) -> Report:
    """Return a report for the caller to add to, and to save in the folder of the results.

    Parameters
    ----------
    folder, played, frame_rate
        As for `write_results`.
    before, after
        What it returned.

    """
    frames = frame_numbers(played.stamps, frame_rate).frames
    stamps = zip(frames.tolist(), played.stamps.tolist(), strict=True)
    times = {frame: played.image_times.get(stamp) for frame, stamp in stamps}
    return Report(
        title=f'{before.sequences[0].name}, tracked live',
        about=f'{played}, by the running tracker node.',
        before=before,
        after=after,
        image=partial(_image, played, times),
        latencies=latencies(played),
        tables=[Table('What the tracker reports', ('name', 'value'), _facts(played.diagnostics))],
        files=[(file, meaning) for file, meaning in FILES if (folder / file).exists()],
    )


def latencies(played: Played) -> list[Latency]:
    """Return the tracker's latencies by stage, and that of the way there and back."""
    found = [
        Latency(name.removeprefix(_PREFIX), *map(float, numbers.groups()))
        for name, value in played.diagnostics.items()
        if name.startswith(_PREFIX) and (numbers := _LATENCY.fullmatch(value))
    ]
    return [*found, Latency.of('round trip', played.round_trips)]


def _facts(diagnostics: Mapping[str, str]) -> list[list[str]]:
    return [[n, value] for n, value in diagnostics.items() if not n.startswith(_PREFIX)]


def _image(played: Played, times: Mapping[int, int | None], _name: str, frame: int) -> BGR | None:
    time = times.get(frame)
    try:
        return None if time is None else read_image(played.bag, played.topics, time)
    except (MessageError, ImageError):
        return None
