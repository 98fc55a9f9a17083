"""One bag replayed, and refined where that is asked for: all of its outputs, or none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from strongsort_ros.cli.batch import Job
from strongsort_ros.types import ShareProgress

if TYPE_CHECKING:
    from strongsort_ros.online.config import TrackerNodeConfig
    from strongsort_ros.refinement.tracks import RefinementSteps
    from strongsort_ros.replay.replay import ReplayResult


TRACKED_WITHOUT = {
    'without_image': 'detections without an image (tracked by motion)',
    'unstamped_detections': 'detections without a stamp (tracked by motion)',
    'late_detections': 'detections out of order (dropped)',
    'duplicate_detections': 'second detections of a stamp (dropped)',
    'flushed_detections': 'detections that waited when stamps jumped back (dropped)',
    'unused_images': 'images without detections',
    'late_images': 'images that came after the deadline',
    'duplicate_images': 'second images of a stamp',
    'unstamped_images': 'images without a stamp',
    'frame_id_differs': 'pairs of different frame_id',
}
"""What is told of the messages that were no pairs; the other counts are told by their names."""
_AS_IT_SHOULD_BE = ('images', 'detections', 'matched', 'restarts')


@dataclass(frozen=True, slots=True)
class ReplayWork:
    """What is done with every bag; goes to the workers.

    Attributes
    ----------
    settings
        Of the tracker node.
    image_topic, detections_topic
        '': the only ones.
    carry
        Also write what else is in the bag.
    steps
        Of refinement; None: it is left out.
    csv
        Also write a table with scores and classes beside each bag of tracks.

    """

    settings: TrackerNodeConfig
    image_topic: str = ''
    detections_topic: str = ''
    carry: bool = False
    steps: RefinementSteps | None = None
    csv: bool = False

    def __call__(self, job: Job) -> str:
        """Replay a bag, and return what there is to say of it."""
        replayed, lines = self.replay(job, lambda _what, _share: None)
        return '\n'.join([*lines, *(f'{job.source}: {line}' for line in replay_warnings(replayed))])

    def replay(self, job: Job, show: ShareProgress) -> tuple[ReplayResult, list[str]]:
        """Replay a bag; also return a line about each output.

        Raises
        ------
        InputError
            The bag cannot be used, or an output is there already.
        ExtractorError, SettingError, OSError
            Weights cannot be used.

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
            frames = len(replayed.answered.frames)
            made = f'{replayed.tracks} tracks, {replayed.boxes} boxes in {frames} frames'
            lines = [f'{made}, {frames / replayed.elapsed:.0f} frames/s: {output}']
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
        from strongsort_ros.errors import InputError
        from strongsort_ros.refinement.bag import refine_bag

        assert self.steps is not None
        if replayed.counts['restarts']:
            raise InputError(
                f'{job.source}: stamps jump back {times(replayed.counts["restarts"])}, so it is '
                'not one recording to be refined; replay it without --aflink and --gsi'
            )
        refined = refine_bag(
            written, refined_beside(written), self.steps,
            topic='/tracks', frame_rate=self.settings.node.frame_rate, progress=show,
        )  # fmt: skip
        return (
            f'refined: {refined.links} links, {refined.interpolated} boxes interpolated, '
            f'{refined.tracks_out} tracks: {refined_beside(job.output)}'
        )


def csv_beside(bag: Path) -> Path:
    """Return the path of the table of a bag."""
    return bag.with_name(f'{bag.name}.csv')


def refined_beside(bag: Path) -> Path:
    """Return the path of the refined bag."""
    return bag.with_name(f'{bag.name}_refined')


def replay_warnings(replayed: ReplayResult) -> list[str]:
    """Return lines about what was not as it should be: one of all that was lost or left out."""
    lines = list(replayed.notes)
    if not replayed.topics.image:
        lines.append('no images in the bag: tracked by motion alone')
    counts = dict(replayed.counts)
    if not replayed.topics.image:
        counts.pop('without_image', None)
    lost = [
        f'{count} {TRACKED_WITHOUT.get(name, name.replace("_", " "))}'
        for name, count in counts.items()
        if name not in _AS_IT_SHOULD_BE
    ]
    lost += [f'{count} {name.replace("_", " ")}' for name, count in replayed.rejected.items()]
    if lost:
        lines.append(', '.join(lost))
    if restarts := replayed.counts['restarts']:
        lines.append(
            f'stamps jumped back {times(restarts)}: all tracks were forgotten there, and the '
            'numbers of frames go on'
        )
    return lines


def times(count: int) -> str:
    """Return how many times in words."""
    return 'once' if count == 1 else f'{count} times'
