"""Results of a recording that was played to the running tracker: texts, scores, report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from strongsort_ros.bags.camera import CameraTopics
from strongsort_ros.bags.tracks import read_tracks
from strongsort_ros.evaluation.images import bag_images
from strongsort_ros.evaluation.report.model import Latency, Report
from strongsort_ros.evaluation.score_table import Table
from strongsort_ros.evaluation.scores import EvaluatedTracks, save_scores
from strongsort_ros.evaluation.sequences import evaluate_recording
from strongsort_ros.files.motchallenge import save_tracks, text_beside
from strongsort_ros.replay.replay import number_frames
from strongsort_ros.types import FloatArray, IntArray

TRACKS_FOLDER: Final = 'tracks'
REFINED_FOLDER: Final = 'refined'
"""Names of the bags of tracks, before and after refinement, in the folder of results."""

FILES: Final = (
    (TRACKS_FOLDER, 'rosbag2 of what the tracker published'),
    (f'{TRACKS_FOLDER}.txt', 'its tracks, MOTChallenge text'),
    (REFINED_FOLDER, 'rosbag2 of the refined tracks'),
    (f'{REFINED_FOLDER}.txt', 'the refined tracks, MOTChallenge text'),
    ('scores.json', 'all scores, before and after refinement'),
)
_PREFIX, _SUFFIX = 'latency_', '_p50_ms'
_STAGES = {'total': 'pipeline', 'node': 'complete node'}
"""What some stages are called for who does not know the diagnostics."""


@dataclass(frozen=True, slots=True)
class PlaybackResult:
    """What came of playing a bag.

    Attributes
    ----------
    bag, topics
        What was played.
    tracks_topic
        On which the tracker answered with tracks.
    stamps
        (N,) of the N detection arrays sent, nanoseconds.
    tracked
        How many of them tracks came back for.
    seconds
        From the first message to the last answer.
    round_trips
        (tracked,) seconds from a frame sent to its tracks received.
    diagnostics
        The tracker's last report on /diagnostics, by name.
    """

    bag: Path
    topics: CameraTopics
    tracks_topic: str
    stamps: IntArray
    tracked: int
    seconds: float
    round_trips: FloatArray
    diagnostics: dict[str, str]

    def __str__(self) -> str:
        rate = self.tracked / max(self.seconds, 1e-9)
        return f'{self.tracked} of {len(self.stamps)} frames tracked, {rate:.0f} frames/s'


def write_results(
    folder: Path,
    played: PlaybackResult,
    truth: Path | None,
    frame_rate: float = 0.0,
    name: str = '',
) -> tuple[EvaluatedTracks, EvaluatedTracks | None]:
    """Write text and scores of the bags of tracks in a folder.

    Parameters
    ----------
    folder
        Holds the bag `TRACKS_FOLDER` and, if the tracks were refined, `REFINED_FOLDER` with its
        text.
    played
        What was tracked.
    truth
        A gt.txt, or None.
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
        A bag of tracks or the truth cannot be used, or a file cannot be written.

    """
    name = name or played.bag.stem
    frames = number_frames(played.stamps, frame_rate).numbers
    text = text_beside(folder / TRACKS_FOLDER)
    save_tracks(text, read_tracks(folder / TRACKS_FOLDER, played.tracks_topic, frame_rate))
    before, after = evaluate_recording(name, frames, truth, text), None
    if (folder / REFINED_FOLDER).exists():
        after = evaluate_recording(name, frames, truth, text_beside(folder / REFINED_FOLDER))
    if before.scores:
        save_scores(folder / 'scores.json', before.scores, after.scores if after else None)
    return before, after


def playback_report(
    folder: Path,
    played: PlaybackResult,
    before: EvaluatedTracks,
    after: EvaluatedTracks | None,
    frame_rate: float = 0.0,
) -> Report:
    """Return a report for the caller to add to, and to save in the folder of the results.

    Parameters
    ----------
    folder, played, frame_rate
        As for `write_results`.
    before, after
        What it returned.

    """
    stamps = number_frames(played.stamps, frame_rate).stamp_of()
    images = bag_images(played.bag, played.topics, stamps)
    return Report(
        title=f'{before.sequences[0].name}, tracked live',
        about=f'{played}, by the running tracker node.',
        before=before,
        after=after,
        image=lambda _name, frame: images(frame),
        latencies=latencies(played),
        tables=[Table('What the tracker reports', ('name', 'value'), _facts(played.diagnostics))],
        files=[(file, meaning) for file, meaning in FILES if (folder / file).exists()],
    )


def latencies(played: PlaybackResult) -> list[Latency]:
    """Return the latencies in the tracker's diagnostics, by stage, and that of the round trip."""
    stages = [
        key.removeprefix(_PREFIX).removesuffix(_SUFFIX)
        for key in played.diagnostics
        if key.startswith(_PREFIX) and key.endswith(_SUFFIX)
    ]
    found = []
    for stage in stages:
        keys = [f'{_PREFIX}{stage}_{name}_ms' for name in ('p50', 'p95', 'p99', 'max')]
        numbers = [float(played.diagnostics[key]) for key in keys]
        found.append(Latency(_STAGES.get(stage, stage.replace('_', ' ')), *numbers))
    return [*found, Latency.of('round trip over ROS', played.round_trips)]


def _facts(diagnostics: Mapping[str, str]) -> list[list[str]]:
    return [[n, value] for n, value in diagnostics.items() if not n.startswith(_PREFIX)]
