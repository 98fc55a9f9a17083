"""Files of tracks against files of ground truth: what belongs together, and its scores."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from strongsort_ros.errors import InputError
from strongsort_ros.evaluation.scores import Evaluation, ScoredSequence, score
from strongsort_ros.files.motchallenge import load_ground_truth, load_tracks
from strongsort_ros.files.rows import GroundTruth, TrackRows
from strongsort_ros.files.sequence import ImageFolder, has_images, load_sequence_info
from strongsort_ros.types import Image

_log = logging.getLogger(__name__)
_TRACKS: Final = ('.csv', '.txt')
_FEW: Final = 0.1
"""Share of a sequence without results at an end that is probably a mistake."""


def evaluate(
    ground_truth: Path | str,
    results: Path | str,
    *,
    second_half: bool = False,
    frames: range | None = None,
    progress: Callable[[Collection[ScoredSequence]], Iterable[ScoredSequence]] = iter,
) -> Evaluation:
    """Score files of tracks.

    Parameters
    ----------
    ground_truth
        A gt.txt, a sequence's folder (with gt/gt.txt), or a folder of such folders.
    results
        A file of tracks, or a folder of them, each named as its sequence.
    second_half
        Score the published validation half only: frames from length // 2 + 2.
    frames
        Score these frames only; None: all.
    progress
        Wraps the loop over the sequences, to show how far it is.

    Raises
    ------
    InputError
        A file is missing or not usable, or results have no ground truth.

    """
    pairs = load_pairs(ground_truth, results, second_half=second_half, frames=frames)
    return score(pairs, progress)


def load_pairs(
    ground_truth: Path | str,
    results: Path | str,
    *,
    second_half: bool = False,
    frames: range | None = None,
) -> list[ScoredSequence]:
    """Return what `evaluate` compares, by name; parameters and errors as there."""
    truth, results = Path(ground_truth), Path(results)
    for path in (truth, results):
        if not path.exists():
            raise InputError(f'{path}: there is no such file or folder')
    files = [results]
    if results.is_dir():
        files = sorted(path for path in results.iterdir() if path.suffix in _TRACKS)
    if not files:
        raise InputError(f'{results}: no {" or ".join(_TRACKS)} of tracks in this folder')
    if results.is_dir() and _is_one_sequence(truth):
        name = _name(_file_of_sequence(truth), truth.stem)
        files = [file for file in files if file.stem == name] or [results / f'{name}.txt']
    twice = [one for one, other in pairwise(files) if one.stem == other.stem]
    if twice:
        raise InputError(f'{twice[0]}: in two formats; keep one of them in {results}')
    pairs = [_load_pair(find_truth(truth, file.stem, file), file, second_half) for file in files]
    return pairs if frames is None else [_cut(pair, frames) for pair in pairs]


def missing_results(sequence: ScoredSequence) -> str:
    """Return a line about frames at either end that have truth but no results, or ''.

    Tracks may well have ended there; a few frames are not worth a line.
    """
    truth, tracks = (
        rows.frames[np.isin(rows.frames, sequence.frames)]
        for rows in (sequence.ground_truth, sequence.tracks)
    )
    if not len(truth):
        return ''
    if not len(tracks):
        return f'{sequence.name}: no results in frames {truth[0]}-{truth[-1]}: counted as missed'
    ends = ((truth[0], tracks[0] - 1), (tracks[-1] + 1, truth[-1]))
    few = _FEW * len(sequence.frames)
    gaps = [f'{first}-{last}' for first, last in ends if last - first >= few]
    if not gaps:
        return ''
    return (
        f'{sequence.name}: no results in frames {" and ".join(gaps)}: counted as missed; '
        f'--frames {tracks[0]}-{tracks[-1]} or --second-half leaves them out'
    )


def _cut(sequence: ScoredSequence, frames: range) -> ScoredSequence:
    first, last = frames.start, frames.stop - 1
    there = range(max(first, sequence.frames.start), min(last + 1, sequence.frames.stop))
    if not there:
        ends = f'{sequence.frames.start}-{sequence.frames.stop - 1}'
        raise InputError(f'{sequence.name}: has frames {ends}, none of {first}-{last}')
    return replace(sequence, frames=there)


def load_refined(
    before: Sequence[ScoredSequence],
    ground_truth: Path | str,
    results: Path | str,
    *,
    second_half: bool = False,
    frames: range | None = None,
) -> list[ScoredSequence]:
    """Return the same sequences with their tracks after refinement.

    Parameters
    ----------
    before
        What `load_pairs` returned for the tracks before refinement.
    ground_truth, results, second_half, frames
        As for `load_pairs`.

    Raises
    ------
    InputError
        As there, or the sequences are others.

    """
    after = load_pairs(ground_truth, results, second_half=second_half, frames=frames)
    if _is_one_sequence(Path(ground_truth)):
        # Where nothing names the sequence its name is the file's, and there are two files.
        return [replace(after[0], name=before[0].name)]
    missing = {s.name for s in before} ^ {s.name for s in after}
    if missing:
        raise InputError(f'{results}: not the sequences before refinement: {min(missing)}')
    return after


def find_images(ground_truth: Path | str) -> Callable[[str, int], Image | None]:
    """Return what reads the images beside the ground truth.

    Parameters
    ----------
    ground_truth
        As for `evaluate`.

    Returns
    -------
    (name of the sequence, frame) -> (H, W, 3) uint8 BGR, or None where there is no image.

    """
    truth = Path(ground_truth)

    @cache
    def folder(name: str) -> ImageFolder | None:
        if _is_one_sequence(truth):
            sequence = _file_of_sequence(truth).parent.parent
        else:
            sequence = truth / name
        if not ((sequence / 'seqinfo.ini').is_file() or (sequence / 'img1').is_dir()):
            return None
        try:
            return ImageFolder(sequence) if has_images(sequence) else None
        except InputError as error:
            _log.warning('no pictures of %s: %s', name, error)
            return None

    def image(name: str, frame: int) -> Image | None:
        found = folder(name)
        try:
            return None if found is None else found.read(frame)
        except InputError as error:
            _log.warning('no picture of %s, frame %d: %s', name, frame, error)
            return None

    return image


def _is_one_sequence(truth: Path) -> bool:
    return truth.is_file() or (truth / 'gt' / 'gt.txt').is_file()


def _file_of_sequence(truth: Path) -> Path:
    return truth if truth.is_file() else truth / 'gt' / 'gt.txt'


def find_truth(truth: Path, name: str, tracked: Path) -> Path:
    """Return the file of ground truth of a sequence.

    Parameters
    ----------
    truth
        A gt.txt, a sequence's folder, or a folder of such folders or of files.
    name
        Of the sequence, where there are several.
    tracked
        What is to be scored, to name it where there is none.

    Raises
    ------
    InputError
        There is none.

    """
    if _is_one_sequence(truth):
        return _file_of_sequence(truth)
    for file in (truth / name / 'gt' / 'gt.txt', truth / f'{name}.txt'):
        if file.is_file():
            return file
    raise InputError(f'{tracked}: no ground truth in {truth / name / "gt" / "gt.txt"}')


def _has_info(truth: Path) -> bool:
    return (truth.parent.parent / 'seqinfo.ini').is_file() and truth.parent.name == 'gt'


def _name(truth: Path, otherwise: str) -> str:
    return load_sequence_info(truth.parent.parent).name if _has_info(truth) else otherwise


def _load_pair(truth_file: Path, result_file: Path, second_half: bool) -> ScoredSequence:
    truth, tracks = load_ground_truth(truth_file), load_tracks(result_file)
    if not _has_info(truth_file):
        if second_half:
            raise InputError(
                f'{truth_file}: --second-half needs the length in {truth_file.parent.parent}'
                '/seqinfo.ini'
            )
        return ScoredSequence(result_file.stem, truth, tracks, _frames_of(truth, tracks))
    info = load_sequence_info(truth_file.parent.parent)
    for file, rows in ((truth_file, truth), (result_file, tracks)):
        outside = (rows.frames < 1) | (rows.frames > info.length)
        if outside.any():
            frame = rows.frames[outside][0]
            raise InputError(f'{file}: frame {frame} is not in 1..{info.length} of {info.name}')
    first = info.second_half if second_half else 1
    return ScoredSequence(info.name, truth, tracks, range(first, info.length + 1))


def _frames_of(truth: GroundTruth, tracks: TrackRows) -> range:
    """Return the frames from the first to the last that either file mentions."""
    ends = [int(rows.frames[i]) for rows in (truth, tracks) if len(rows) for i in (0, -1)]
    return range(min(ends, default=1), max(ends, default=0) + 1)
