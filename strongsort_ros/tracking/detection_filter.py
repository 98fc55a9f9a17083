"""Which detections of a frame can be tracked, in the order in which they enter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from strongsort_ros.tracking.boxes import tlwh_to_xyah
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.tracking.gallery import normalise
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.types import BoolArray, Float32Array, FloatArray, IntArray, NameArray

LARGEST_COORDINATE: Final = 1e6
"""Pixels; a box that reaches further is not of any image, and would overflow the arithmetic."""
SMALLEST_SIDE: Final = 1e-6
"""Pixels; a box of a smaller side is empty, and its aspect would overflow the arithmetic."""

REASONS: Final = (
    'box_not_finite',
    'box_too_far',
    'box_empty',
    'score_not_finite',
    'class_too_long',
    'embedding_unusable',
)
"""Why a detection is refused or, the last one, tracked by motion alone."""


@dataclass(frozen=True, slots=True)
class FilteredDetections:
    """Detections admitted to a frame, in the order of descending confidence.

    `index` (M,) is their row in the caller's arrays, `xyah` (M, 4), `scores` (M,), `class_codes`
    (M,). `embeddings` (M, D) are of unit length, or None; `has_embedding` (M,) says which rows of
    them mean something, None: all.
    """

    index: IntArray
    xyah: FloatArray
    scores: FloatArray
    class_codes: IntArray
    embeddings: Float32Array | None
    has_embedding: BoolArray | None

    def __len__(self) -> int:
        return len(self.index)


class ClassCodes:
    """Numbers for class names, so that classes of many objects are compared at once."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        # Objects, not a table of fixed width, which one long name would make wide for all.
        self._names: NameArray = np.empty(0, dtype=object)

    def __len__(self) -> int:
        return len(self._codes)

    def names(self, codes: IntArray) -> NameArray:
        """Return the names (N,) of codes (N,)."""
        if len(self._names) != len(self._codes):
            self._names = np.array(list(self._codes), dtype=object)
        return self._names[codes]

    def forget_others(self, codes: IntArray) -> IntArray:
        """Forget all names but those of `codes` (N,), and return their new numbers (N,)."""
        kept, which = np.unique(codes, return_inverse=True)
        self._names = self.names(kept)
        self._codes = {name: code for code, name in enumerate(self._names.tolist())}
        return which

    def encode(self, names: list[str], different: list[str]) -> IntArray:
        """Return the numbers (N,) of N classes; an unknown class gets the next one.

        `different` are the classes among them, each once.
        """
        for name in different:
            self._codes.setdefault(name, len(self._codes))
        if len(different) == 1:
            return np.full(len(names), self._codes[names[0]])
        return np.array([self._codes[name] for name in names], dtype=np.int64)


def filter_detections(
    detections: Detections, settings: TrackerSettings, classes: ClassCodes
) -> tuple[FilteredDetections, dict[str, int]]:
    """Return the detections to track, and how many others were refused, by reason."""
    tlwh, scores = detections.tlwh, detections.scores
    used = scores >= settings.min_confidence
    rejected = {}
    # NaN fails every comparison; frames are rarely anything but sound, so look at the whole first.
    if not (
        np.abs(tlwh).max(initial=0.0) <= LARGEST_COORDINATE
        and tlwh[:, 2:].min(initial=1.0) > SMALLEST_SIDE
        and np.count_nonzero(np.isfinite(scores)) == len(scores)
    ):
        reasons = _reasons(tlwh, scores)
        used &= ~np.logical_or.reduce(reasons)
        counts = [int(np.count_nonzero(which)) for which in reasons]
        rejected = {reason: n for reason, n in zip(REASONS, counts, strict=False) if n}
    if settings.min_height > 0:
        used &= tlwh[:, 3] >= settings.min_height
    index = used.nonzero()[0]
    index = index[scores[index].argsort()[::-1]]
    names = detections.class_ids[index].tolist()
    different = _different(names)
    if max(map(len, different), default=0) > settings.max_class_length:
        fits = np.array([len(name) <= settings.max_class_length for name in names])
        rejected['class_too_long'] = int(np.count_nonzero(~fits))
        index = index[fits]
        names = detections.class_ids[index].tolist()
        different = _different(names)
    embeddings, has_embedding = None, None
    if detections.embeddings is not None and detections.embeddings.shape[1] > 0:
        embeddings, has_embedding = normalise(detections.embeddings[index])
        if has_embedding is not None:
            rejected['embedding_unusable'] = int(np.count_nonzero(~has_embedding))
    xyah = tlwh_to_xyah(tlwh[index])
    codes = classes.encode(names, different)
    chosen = FilteredDetections(index, xyah, scores[index], codes, embeddings, has_embedding)
    return chosen, rejected


def _different(names: list[str]) -> list[str]:
    """Return each name once, in order; fast where all are the same."""
    same = bool(names) and names.count(names[0]) == len(names)
    return names[:1] if same else list(dict.fromkeys(names))


def _reasons(tlwh: FloatArray, scores: FloatArray) -> list[BoolArray]:
    """Return, for each of the first four `REASONS`, who is refused for it; each once."""
    every = np.logical_and.reduce
    finite: BoolArray = every(np.isfinite(tlwh), axis=1)
    near: BoolArray = every(np.abs(tlwh) <= LARGEST_COORDINATE, axis=1)
    solid: BoolArray = every(tlwh[:, 2:] > SMALLEST_SIDE, axis=1)
    sound = finite & near & solid
    return [~finite, finite & ~near, finite & near & ~solid, sound & ~np.isfinite(scores)]
