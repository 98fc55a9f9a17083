"""Load tracks with their ground truth and images: files, folders of sequences, and bags."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from strongsort_ros.errors import InputError, shorten
from strongsort_ros.evaluation.scores import EvaluatedTracks, ScoredSequence, score
from strongsort_ros.files.motchallenge import load_ground_truth, load_tracks
from strongsort_ros.files.rows import GroundTruth, TrackRows
from strongsort_ros.files.sequence import ImageFolder, has_images, load_sequence_info
from strongsort_ros.types import Image, IntArray

_log = logging.getLogger(__name__)

_SUFFIXES: Final = ('.csv', '.txt')
_NOTABLE_GAP: Final = 0.1
"""Share of a sequence without results at its start or end that is probably a mistake."""


def load_sequences(
    ground_truth: Path | str,
    results: Path | str,
    *,
    second_half: bool = False,
    frames: range | None = None,
    before: Sequence[ScoredSequence] = (),
) -> list[ScoredSequence]:
    """Load files of tracks with their ground truth, sorted by name.

    Parameters
    ----------
    ground_truth
        A gt.txt, a sequence folder (with gt/gt.txt), or a folder of sequence folders.
    results
        A file of tracks, or a folder of them, each named like its sequence; others are left out,
        see `unscored`.
    second_half
        Score the published validation half only: frames from length // 2 + 2.
    frames
        Score these frames only; None: all.
    before
        For refined tracks: the sequences before refinement, as this function returned them.

    Raises
    ------
    InputError
        A file is missing or invalid, no results have ground truth, or the sequences are not those
        before refinement.

    """
    truth, results = Path(ground_truth), Path(results)
    for path in (truth, results):
        if not path.exists():
            raise InputError(f'{path}: there is no such file or folder')
    files = _result_files(truth, results)
    loaded = [_load(find_ground_truth(truth, file.stem, file), file, second_half) for file in files]
    if frames is not None:
        loaded = [_select_frames(one, frames) for one in loaded]
    if before and single_ground_truth(truth):
        # Without seqinfo.ini a sequence is named after its file of tracks, and here are two.
        return [replace(loaded[0], name=before[0].name)]
    if before and (different := {s.name for s in before} ^ {s.name for s in loaded}):
        raise InputError(f'{results}: not the sequences before refinement: {min(different)}')
    return loaded


def load_recording(
    name: str, frames: IntArray, ground_truth: Path | None, tracks: Path
) -> ScoredSequence:
    """Load the tracks of a recording with the ground truth of its frames.

    Parameters
    ----------
    name
        Name of the recording.
    frames
        Numbers of its frames, at least one; ground truth of other frames is left out, and so are
        tracks where there is ground truth.
    ground_truth
        A gt.txt; None: not known.
    tracks
        MOTChallenge text.

    Raises
    ------
    InputError
        A file is invalid, or the ground truth has none of the frames.

    """
    truth = None if ground_truth is None else load_ground_truth(ground_truth)
    rows = load_tracks(tracks)
    if truth is not None:
        used = truth.select(np.isin(truth.frames, frames))
        if not len(used):
            raise InputError(
                f'{ground_truth}: has frames {_ends(truth.frames)}, the bag {_ends(frames)}: '
                'nothing to score; is --frame-rate that of the ground truth?'
            )
        truth, rows = used, rows.select(np.isin(rows.frames, frames))
    span = range(int(frames.min()), int(frames.max()) + 1)
    return ScoredSequence(name, GroundTruth.empty() if truth is None else truth, rows, span)


def _ends(frames: IntArray) -> str:
    return f'{frames.min()} to {frames.max()}' if len(frames) else 'nothing'


def evaluate_recording(
    name: str, frames: IntArray, ground_truth: Path | None, tracks: Path
) -> EvaluatedTracks:
    """Load the tracks of a recording and score them if the ground truth is known.

    Parameters and errors are those of `load_recording`.
    """
    sequences = [load_recording(name, frames, ground_truth, tracks)]
    return EvaluatedTracks(sequences, None if ground_truth is None else score(sequences))


def find_ground_truth(truth: Path, name: str, tracked: Path) -> Path:
    """Return the file of ground truth of a sequence.

    Parameters
    ----------
    truth
        A gt.txt, a sequence folder, or a folder of sequence folders or of files.
    name
        Name of the sequence.
    tracked
        Tracks to score; named in the error.

    Raises
    ------
    InputError
        The sequence has no ground truth.

    """
    if file := single_ground_truth(truth):
        return file
    if file := ground_truth_files(truth).get(name):
        return file
    raise InputError(f'{tracked}: no ground truth in {truth / name / "gt" / "gt.txt"}')


def single_ground_truth(truth: Path) -> Path | None:
    """Return the file if `truth` is a gt.txt or a sequence folder; None for many sequences."""
    if truth.is_file():
        return truth
    file = truth / 'gt' / 'gt.txt'
    return file if file.is_file() else None


def ground_truth_files(truth: Path) -> dict[str, Path]:
    """Return name -> file of the sequences in a folder: NAME/gt/gt.txt or NAME.txt."""
    flat = {path.stem: path for path in sorted(truth.glob('*.txt'))}
    return flat | {path.parent.parent.name: path for path in sorted(truth.glob('*/gt/gt.txt'))}


def unscored(ground_truth: Path | str, results: Path | str) -> list[str]:
    """Return a line with the sequences that have no results, and one with the reverse."""
    truth, results = Path(ground_truth), Path(results)
    if single_ground_truth(truth):
        return []
    known = set(ground_truth_files(truth))
    found = {file.stem for file in _track_files(results)}
    lacks = {'results': known - found, 'ground truth': found - known}
    return [
        f'not scored, no {what}: {", ".join(sorted(names))}'
        for what, names in lacks.items()
        if names
    ]


def folder_images(ground_truth: Path | str) -> Callable[[str, int], Image | None]:
    """Return a reader of the images beside the ground truth.

    Parameters
    ----------
    ground_truth
        A gt.txt, a sequence folder, or a folder of sequence folders.

    Returns
    -------
    (sequence name, frame number) -> (H, W, 3) uint8 BGR, or None where there is no readable image;
    a warning names the sequence or the frame.

    """
    truth = Path(ground_truth)

    @cache
    def folder(name: str) -> ImageFolder | None:
        try:
            return _image_folder(truth, name)
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


def first_image(ground_truth: Path | str, name: str) -> int:
    """Return the number of the first image beside the ground truth; without images 1.

    Raises
    ------
    InputError
        The images are not usable.

    """
    images = _image_folder(Path(ground_truth), name)
    return 1 if images is None else min(images.paths)


def _image_folder(truth: Path, name: str) -> ImageFolder | None:
    file = single_ground_truth(truth)
    sequence = truth / name if file is None else file.parent.parent
    if not ((sequence / 'seqinfo.ini').is_file() or (sequence / 'img1').is_dir()):
        return None
    return ImageFolder(sequence) if has_images(sequence) else None


def missing_results(sequence: ScoredSequence) -> str:
    """Return a warning about frames at either end with ground truth but no results, or ''.

    Tracks may rightly begin late or end early; less than a tenth of the frames is not reported.
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
    notable = _NOTABLE_GAP * len(sequence.frames)
    gaps = [f'{first}-{last}' for first, last in ends if last - first >= notable]
    if not gaps:
        return ''
    return (
        f'{sequence.name}: no results in frames {" and ".join(gaps)}: counted as missed; '
        f'exclude them by --frames {tracks[0]}-{tracks[-1]} or --second-half'
    )


def _track_files(results: Path) -> list[Path]:
    if not results.is_dir():
        return [results]
    files = sorted(path for path in results.iterdir() if path.suffix in _SUFFIXES)
    if not files:
        raise InputError(f'{results}: no {" or ".join(_SUFFIXES)} of tracks in this folder')
    return files


def _result_files(truth: Path, results: Path) -> list[Path]:
    files = _track_files(results)
    if not results.is_dir():
        return files
    if file := single_ground_truth(truth):
        name = load_sequence_info(file.parent.parent).name if _has_info(file) else truth.stem
        files = [file for file in files if file.stem == name] or [results / f'{name}.txt']
    else:
        known = ground_truth_files(truth)
        names = [file.name for file in files]
        files = [file for file in files if file.stem in known]
        if not files:
            raise InputError(
                f'{results}: no results have ground truth: files {shorten(", ".join(names), 200)}; '
                f'sequences in {truth}: {shorten(", ".join(known) or "none", 200)}'
            )
    for one, other in pairwise(files):
        if one.stem == other.stem:
            raise InputError(f'{one}: in two formats; keep one of them in {results}')
    return files


def _has_info(truth: Path) -> bool:
    return (truth.parent.parent / 'seqinfo.ini').is_file() and truth.parent.name == 'gt'


def _load(truth_file: Path, result_file: Path, second_half: bool) -> ScoredSequence:
    truth, tracks = load_ground_truth(truth_file), load_tracks(result_file)
    if not _has_info(truth_file):
        if second_half:
            raise InputError(
                f'{truth_file}: --second-half needs the length in {truth_file.parent.parent}'
                '/seqinfo.ini'
            )
        return ScoredSequence(result_file.stem, truth, tracks, _span(truth, tracks))
    info = load_sequence_info(truth_file.parent.parent)
    for file, rows in ((truth_file, truth), (result_file, tracks)):
        outside = (rows.frames < 1) | (rows.frames > info.length)
        if outside.any():
            frame = rows.frames[outside][0]
            raise InputError(f'{file}: frame {frame} is not in 1..{info.length} of {info.name}')
    first = info.second_half if second_half else 1
    return ScoredSequence(info.name, truth, tracks, range(first, info.length + 1))


def _span(truth: GroundTruth, tracks: TrackRows) -> range:
    """Return the frames from the first to the last of either file."""
    ends = [int(rows.frames[i]) for rows in (truth, tracks) if len(rows) for i in (0, -1)]
    return range(min(ends, default=1), max(ends, default=0) + 1)


def _select_frames(sequence: ScoredSequence, frames: range) -> ScoredSequence:
    first, last = frames.start, frames.stop - 1
    common = range(max(first, sequence.frames.start), min(last + 1, sequence.frames.stop))
    if not common:
        ends = f'{sequence.frames.start}-{sequence.frames.stop - 1}'
        raise InputError(f'{sequence.name}: has frames {ends}, none of {first}-{last}')
    return replace(sequence, frames=common)
