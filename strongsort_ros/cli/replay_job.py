"""One job of `strongsort replay`: track a bag, refine the tracks, write all outputs or none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from strongsort_ros.cli.batch import Job
from strongsort_ros.cli.console import count, no_progress, tracks_and_boxes
from strongsort_ros.cli.refine import steps_summary
from strongsort_ros.errors import InputError

if TYPE_CHECKING:
    from strongsort_ros.online.config import TrackerNodeConfig
    from strongsort_ros.refinement.tracks import RefinementSteps
    from strongsort_ros.replay.replay import ReplayResult
    from strongsort_ros.types import ShareProgress

_MESSAGE_COUNTS: Final = {
    'without_image': ('detection array', 'without an image (tracked by motion)'),
    'unstamped_detections': ('detection array', 'without a stamp (tracked by motion)'),
    'late_detections': ('detection array', 'out of order (dropped)'),
    'duplicate_detections': ('detection array', 'with the stamp of an earlier one (dropped)'),
    'flushed_detections': ('detection array', 'waiting when the stamps jumped back (dropped)'),
    'unused_images': ('image', 'without detections'),
    'late_images': ('image', 'after the deadline'),
    'duplicate_images': ('image', 'with the stamp of an earlier one'),
    'unstamped_images': ('image', 'without a stamp'),
    'frame_id_differs': ('pair', 'with different frame_id'),
}
"""Noun and meaning of the counts of messages that could not be paired as they should."""
_NORMAL_COUNTS: Final = ('images', 'detections', 'matched', 'restarts')


@dataclass(frozen=True, slots=True)
class ReplayWork:
    """What to do with every bag; sent to the workers.

    Attributes
    ----------
    settings
        Settings of the tracker node.
    image_topic, detections_topic
        Topics to read; '': the only one of its type.
    carry
        Also copy all other topics of the bag.
    steps
        Steps of refinement; None: do not refine.
    csv
        Also write a .csv with scores and classes next to each bag of tracks.

    """

    settings: TrackerNodeConfig
    image_topic: str = ''
    detections_topic: str = ''
    carry: bool = False
    steps: RefinementSteps | None = None
    csv: bool = False

    def __call__(self, job: Job) -> str:
        """Replay a bag, and return its summary and its warnings as lines."""
        replayed, lines = self.replay(job, no_progress)
        return '\n'.join([*lines, *(f'{job.source}: {line}' for line in replay_warnings(replayed))])

    def replay(self, job: Job, show: ShareProgress) -> tuple[ReplayResult, list[str]]:
        """Replay a bag, and return a summary line for each bag written.

        Raises
        ------
        InputError
            The bag is not usable, or an output exists already.
        ExtractorError, SettingError, OSError
            The weights are not usable.

        """
        from strongsort_ros.files.atomic import replacing_together
        from strongsort_ros.files.motchallenge import text_beside
        from strongsort_ros.replay.replay import replay

        output = job.output
        bags = [output] if self.steps is None else [output, refined_beside(output)]
        beside = [*bags[1:], *map(text_beside, bags)]
        if self.csv:
            beside += map(csv_beside, bags)
        with replacing_together(output, *beside) as written:
            replayed = replay(
                job.source, written, self.settings,
                image_topic=self.image_topic, detections_topic=self.detections_topic,
                carry=self.carry,
                progress=lambda done, total: show(f'{done} of {total} frames', done / total),
            )  # fmt: skip
            frames = len(replayed.frames.numbers)
            rate = f'{count(frames, "frame")}, {frames / replayed.elapsed:.0f} frames/s'
            lines = [f'{tracks_and_boxes(replayed.tracks, replayed.boxes)} in {rate}: {output}']
            if self.steps is not None:
                lines.append(self._refine(job, written, replayed, show))
            if self.csv:
                for bag in bags:
                    self._save_csv(written.with_name(bag.name))
        return replayed, lines

    def _save_csv(self, bag: Path) -> None:
        from strongsort_ros.bags.tracks import read_tracks
        from strongsort_ros.files.motchallenge import save_csv

        rate = self.settings.node.frame_rate
        save_csv(csv_beside(bag), read_tracks(bag, '/tracks', rate))

    def _refine(self, job: Job, written: Path, replayed: ReplayResult, show: ShareProgress) -> str:
        from strongsort_ros.refinement.bag import refine_bag

        assert self.steps is not None
        if replayed.counts['restarts']:
            raise InputError(
                f'{job.source}: the stamps jump back {_times(replayed.counts["restarts"])}; such a '
                'bag cannot be refined; replay it without --aflink, --gsi and --smooth'
            )
        refined = refine_bag(
            written, refined_beside(written), self.steps,
            topic='/tracks', frame_rate=self.settings.node.frame_rate, progress=show,
        )  # fmt: skip
        made = tracks_and_boxes(refined.tracks_out, refined.boxes_out)
        summary = steps_summary(self.steps, refined)
        return f'refined: {made}; {summary}: {refined_beside(job.output)}'


def csv_beside(bag: Path) -> Path:
    """Return the path of the .csv of a bag's tracks."""
    return bag.with_name(f'{bag.name}.csv')


def refined_beside(bag: Path) -> Path:
    """Return the path of the refined bag."""
    return bag.with_name(f'{bag.name}_refined')


def replay_warnings(replayed: ReplayResult) -> list[str]:
    """Return lines about messages that were dropped, unpaired or rejected."""
    lines = list(replayed.notes)
    if not replayed.topics.image:
        lines.append('no images in the bag: tracked by motion only')
    if problems := list(_problem_counts(replayed)):
        lines.append(', '.join(problems))
    if restarts := replayed.counts['restarts']:
        lines.append(
            f'the stamps jumped back {_times(restarts)}: all tracks were deleted there; frame '
            'numbers continue'
        )
    return lines


def _problem_counts(replayed: ReplayResult) -> Iterator[str]:
    for name, number in replayed.counts.items():
        if name in _NORMAL_COUNTS or (name == 'without_image' and not replayed.topics.image):
            continue
        if name in _MESSAGE_COUNTS:
            noun, meaning = _MESSAGE_COUNTS[name]
            yield f'{count(number, noun)} {meaning}'
        else:
            yield f'{number} {name.replace("_", " ")}'
    for name, number in replayed.rejected.items():
        yield f'{number} {name.replace("_", " ")}'


def _times(number: int) -> str:
    return 'once' if number == 1 else f'{number} times'
