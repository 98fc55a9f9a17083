"""Filter of detections: those that can be tracked, in descending order of score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from strongsort_ros.tracking.boxes import tlwh_to_xyah, xyah_to_xyxy
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.tracking.gallery import normalise
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.tracking.suppression import suppress
from strongsort_ros.types import BoolArray, Float32Array, FloatArray, IntArray, NameArray

MAX_COORDINATE: Final = 1e6
"""Pixels; a box that reaches further is in no image, and the arithmetic would overflow."""
MIN_SIDE: Final = 1e-6
"""Pixels; a box with a smaller side is empty, and its aspect could overflow."""

REASONS: Final = (
    'box_not_finite',
    'box_too_far',
    'box_empty',
    'score_not_finite',
    'class_too_long',
    'embedding_unusable',
)
"""Reasons to reject a detection; one with an unusable embedding is tracked by motion."""


@dataclass(frozen=True, slots=True)
class FilteredDetections:
    """Detections to track, in descending order of score.

    Attributes
    ----------
    index
        (M,) rows in the caller's arrays.
    xyah, xyxy
        (M, 4) boxes.
    scores, class_codes
        (M,) scores, and numbers of classes.
    embeddings
        (M, D) embeddings of unit norm, or None.
    has_embedding
        (M,) whether a row of `embeddings` is usable; None: every one is.
    low
        The detections with scores from `low_confidence` to `min_confidence`, without embeddings;
        None: there are none.

    """

    index: IntArray
    xyah: FloatArray
    xyxy: FloatArray
    scores: FloatArray
    class_codes: IntArray
    embeddings: Float32Array | None
    has_embedding: BoolArray | None
    low: FilteredDetections | None = None

    def __len__(self) -> int:
        return len(self.index)


class ClassCodes:
    """Numbers of class names, so that the classes of many boxes are compared at once."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        # Objects: an array of fixed width would be as wide as the longest name.
        self._names: NameArray = np.empty(0, dtype=object)

    def __len__(self) -> int:
        return len(self._codes)

    def names(self, codes: IntArray) -> NameArray:
        """Return the names (N,) of codes (N,)."""
        if len(self._names) != len(self._codes):
            self._names = np.array(list(self._codes), dtype=object)
        return self._names[codes]

    def forget_others(self, codes: IntArray) -> IntArray:
        """Keep only the names of `codes` (N,); return their new numbers (N,)."""
        kept, which = np.unique(codes, return_inverse=True)
        self._names = self.names(kept)
        self._codes = {name: code for code, name in enumerate(self._names.tolist())}
        return which

    def encode(self, names: list[str], different: list[str]) -> IntArray:
        """Return the numbers (N,) of N class names; a new name gets the next number.

        `different` are the distinct names among them.
        """
        for name in different:
            self._codes.setdefault(name, len(self._codes))
        if len(different) == 1:
            return np.full(len(names), self._codes[names[0]])
        return np.array([self._codes[name] for name in names], dtype=np.int64)


def filter_detections(
    detections: Detections, settings: TrackerSettings, classes: ClassCodes
) -> tuple[FilteredDetections, dict[str, int]]:
    """Return the detections to track, and the number of rejected ones by reason."""
    tlwh, scores = detections.tlwh, detections.scores
    used = scores >= min(settings.min_confidence, settings.low_confidence)
    rejected = {}
    # Most frames are valid, so check them as a whole first. NaN fails every comparison.
    if not (
        np.abs(tlwh).max(initial=0.0) <= MAX_COORDINATE
        and tlwh[:, 2:].min(initial=1.0) > MIN_SIDE
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
    codes = classes.encode(names, different)
    if settings.nms_max_overlap < 1:
        groups = None if settings.class_agnostic else codes
        kept = suppress(tlwh[index], groups, settings.nms_max_overlap)
        index, codes = index[kept], codes[kept]
    scores, xyah = scores[index], tlwh_to_xyah(tlwh[index])
    xyxy = xyah_to_xyxy(xyah)
    # Scores descend, so those of low confidence are the last.
    high = int(np.count_nonzero(scores >= settings.min_confidence))
    low = None
    if high < len(index):
        low = FilteredDetections(
            index[high:], xyah[high:], xyxy[high:], scores[high:], codes[high:], None, None
        )
        index, xyah, xyxy = index[:high], xyah[:high], xyxy[:high]
        scores, codes = scores[:high], codes[:high]
    embeddings, has_embedding = None, None
    if detections.embeddings is not None and detections.embeddings.shape[1] > 0:
        embeddings, has_embedding = normalise(detections.embeddings[index])
        if has_embedding is not None:
            rejected['embedding_unusable'] = int(np.count_nonzero(~has_embedding))
    chosen = FilteredDetections(index, xyah, xyxy, scores, codes, embeddings, has_embedding, low)
    return chosen, rejected


def _different(names: list[str]) -> list[str]:
    """Return the distinct names, in order; fast where all are equal."""
    same = bool(names) and names.count(names[0]) == len(names)
    return names[:1] if same else list(dict.fromkeys(names))


def _reasons(tlwh: FloatArray, scores: FloatArray) -> list[BoolArray]:
    """Return a mask of detections for each of the first four `REASONS`, without overlap."""
    every = np.logical_and.reduce
    finite: BoolArray = every(np.isfinite(tlwh), axis=1)
    near: BoolArray = every(np.abs(tlwh) <= MAX_COORDINATE, axis=1)
    has_area: BoolArray = every(tlwh[:, 2:] > MIN_SIDE, axis=1)
    valid = finite & near & has_area
    return [~finite, finite & ~near, finite & near & ~has_area, valid & ~np.isfinite(scores)]
