"""Which detections of a frame can be tracked, in the order in which they enter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from strongsort_ros.tracking.boxes import tlwh_to_xyah
from strongsort_ros.tracking.detections import (
    BoolArray,
    Detections,
    Float32Array,
    FloatArray,
    IntArray,
)
from strongsort_ros.tracking.gallery import normalise
from strongsort_ros.tracking.settings import TrackerSettings

LARGEST_COORDINATE = 1e6
"""Pixels; a box that reaches further is not of any image, and would overflow the arithmetic."""

REASONS = (
    'box_not_finite',
    'box_too_far',
    'box_empty',
    'score_not_finite',
    'embedding_unusable',
)
"""Why a detection is refused or, the last one, tracked by motion alone."""


@dataclass(frozen=True, slots=True)
class Observed:
    """Detections admitted to a frame, in the order of descending confidence.

    `index` (M,) is their row in the caller's arrays, `xyah` (M, 4), `scores` (M,), `class_codes`
    (M,). `embeddings` (M, D) are of unit length, or None; `embedded` (M,) says which rows of
    them mean something, None: all.
    """

    index: IntArray
    xyah: FloatArray
    scores: FloatArray
    class_codes: IntArray
    embeddings: Float32Array | None
    embedded: BoolArray | None

    def __len__(self) -> int:
        return len(self.index)


class ClassCodes:
    """Numbers for class names, so that classes of many objects are compared at once."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self.names = np.empty(0, dtype=np.str_)

    def __len__(self) -> int:
        return len(self._codes)

    def forget_others(self, codes: IntArray) -> IntArray:
        """Forget all names but those of `codes` (N,), and return their new numbers (N,)."""
        names, which = np.unique(self.names[codes], return_inverse=True)
        self.names = names
        self._codes = {str(name): code for code, name in enumerate(names)}
        return which

    def encode(self, class_ids: npt.NDArray[Any]) -> IntArray:
        """Return (N,) the classes' numbers; an unknown class gets the next one."""
        if len(class_ids) and (class_ids == class_ids[0]).all():
            return np.full(len(class_ids), self._code(str(class_ids[0])))
        names, which = np.unique(class_ids, return_inverse=True)
        codes = np.array([self._code(str(name)) for name in names], dtype=np.int64)
        return codes[which]

    def _code(self, name: str) -> int:
        code = self._codes.get(name)
        if code is None:
            code = self._codes[name] = len(self._codes)
            self.names = np.array(list(self._codes))
        return code


def admit(
    detections: Detections, settings: TrackerSettings, classes: ClassCodes
) -> tuple[Observed, dict[str, int]]:
    """Return the detections to track, and how many others were refused, by reason."""
    tlwh, scores = detections.tlwh, detections.scores
    used = scores >= settings.min_confidence
    rejected = {}
    # NaN fails every comparison; frames are rarely anything but sound, so look at the whole first.
    if not (
        np.abs(tlwh).max(initial=0.0) <= LARGEST_COORDINATE
        and tlwh[:, 2:].min(initial=1.0) > 0
        and np.isfinite(scores).all()
    ):
        reasons = _reasons(tlwh, scores)
        used &= ~np.logical_or.reduce(reasons)
        counts = [int(np.count_nonzero(which)) for which in reasons]
        rejected = {reason: n for reason, n in zip(REASONS, counts, strict=False) if n}
    if settings.min_height > 0:
        used &= tlwh[:, 3] >= settings.min_height
    index = used.nonzero()[0]
    index = index[scores[index].argsort()[::-1]]
    embeddings, embedded = None, None
    if detections.embeddings is not None and detections.embeddings.shape[1] > 0:
        embeddings, embedded = normalise(detections.embeddings[index])
        if embedded is not None:
            rejected['embedding_unusable'] = int(np.count_nonzero(~embedded))
    codes = classes.encode(detections.class_ids[index])
    xyah = tlwh_to_xyah(tlwh[index])
    return Observed(index, xyah, scores[index], codes, embeddings, embedded), rejected


def _reasons(tlwh: FloatArray, scores: FloatArray) -> list[BoolArray]:
    """Return, for each of the first four `REASONS`, who is refused for it; each once."""
    every = np.logical_and.reduce
    finite: BoolArray = every(np.isfinite(tlwh), axis=1)
    near: BoolArray = every(np.abs(tlwh) <= LARGEST_COORDINATE, axis=1)
    solid: BoolArray = every(tlwh[:, 2:] > 0, axis=1)
    sound = finite & near & solid
    return [~finite, finite & ~near, finite & near & ~solid, sound & ~np.isfinite(scores)]
