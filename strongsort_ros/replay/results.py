"""Results of a bag that was played to the running tracker: text, scores and report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from strongsort_ros.bags.camera import CameraTopics, bag_images
from strongsort_ros.bags.tracks import read_tracks
from strongsort_ros.evaluation.report.model import Latency, Report
from strongsort_ros.evaluation.score_table import Table
from strongsort_ros.evaluation.scores import EvaluatedTracks, save_scores
from strongsort_ros.evaluation.sequences import evaluate_recording
from strongsort_ros.files.motchallenge import save_tracks, text_beside
from strongsort_ros.replay.replay import number_frames
from strongsort_ros.types import FloatArray, IntArray

TRACKS_FOLDER: Final = 'tracks'
REFINED_FOLDER: Final = 'refined'
"""Bags of tracks before and after refinement, in the folder of results."""

FILES: Final = (
    (TRACKS_FOLDER, 'rosbag2 of the tracks'),
    (f'{TRACKS_FOLDER}.txt', 'the tracks, MOTChallenge text'),
    (REFINED_FOLDER, 'rosbag2 of the refined tracks'),
    (f'{REFINED_FOLDER}.txt', 'the refined tracks, MOTChallenge text'),
    ('scores.json', 'all scores, before and after refinement'),
)
_PREFIX: Final = 'latency_'
_SUFFIX: Final = '_p50_ms'
_STAGES: Final = {'total': 'pipeline', 'node': 'complete node'}
"""Stage in the diagnostics -> its name in the report, where they differ."""


@dataclass(frozen=True, slots=True)
class PlaybackResult:
    """Result of a playback.

    Attributes
    ----------
    bag, topics
        Bag and topics that were played.
    tracks_topic
        Topic of the tracks.
    stamps
        (N,) stamps of the detection arrays sent, nanoseconds.
    tracked
        Number of frames whose tracks were received.
    seconds
        Seconds from the first message sent to the last one received.
    round_trips
        (tracked,) seconds from a frame sent to its tracks received.
    diagnostics
        Values by key of the tracker's last diagnostics report.

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
    """Write MOTChallenge text and scores of the bags of tracks in a folder.

    Parameters
    ----------
    folder
        Folder with the bag `TRACKS_FOLDER` and, if the tracks were refined, `REFINED_FOLDER` and
        its text.
    played
        Result of the playback.
    truth
        Ground truth, a gt.txt, or None.
    frame_rate
        Nominal frame rate by which frames are numbered, Hz; 0: estimated from the stamps.
    name
        Name of the sequence; '': that of the bag.

    Returns
    -------
    before, after
        Tracks before refinement, and after it or None, with their scores.

    Raises
    ------
    InputError
        A bag of tracks or the ground truth is not usable, or a file cannot be written.

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
    """Return a report, to be saved in the folder of the results.

    Parameters
    ----------
    folder, played, frame_rate
        As for `write_results`.
    before, after
        Tracks that `write_results` returned.

    """
    stamps = number_frames(played.stamps, frame_rate).stamp_of()
    images = bag_images(played.bag, played.topics, stamps)
    return Report(
        title=f'Tracks of {before.sequences[0].name}',
        about=f'{played}, by the tracker node.',
        before=before,
        after=after,
        image=lambda _name, frame: images(frame),
        latencies=latencies(played),
        tables=[
            Table('Diagnostics of the tracker', ('key', 'value'), _other_values(played.diagnostics))
        ],
        files=[(file, meaning) for file, meaning in FILES if (folder / file).exists()],
    )


def latencies(played: PlaybackResult) -> list[Latency]:
    """Return the latencies by stage from the tracker's diagnostics, and the round trip."""
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


def _other_values(diagnostics: Mapping[str, str]) -> list[list[str]]:
    return [[key, value] for key, value in diagnostics.items() if not key.startswith(_PREFIX)]
