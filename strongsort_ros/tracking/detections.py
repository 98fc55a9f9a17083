"""What a detector saw in one frame, as a structure of arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from strongsort_ros.errors import InputError

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Detections:
    """One frame's detections; row i of every array belongs to detection i.

    Values are as the detector gave them: they may be NaN, empty boxes or outside the image.
    The tracker rejects and counts what cannot be tracked, and never changes these arrays.

    Attributes
    ----------
    tlwh
        (N, 4) float64, pixels: left, top, width, height. x right, y down, origin at the
        top-left corner of the image.
    scores
        (N,) float64 confidences, by convention in [0, 1].
    class_ids
        (N,) array of str.
    embeddings
        (N, D) float32 appearance, of any length, or None when the frame has no image. A row of
        zeros or with NaN says nothing about its detection, which is then tracked by motion.

    """

    tlwh: FloatArray
    scores: FloatArray
    class_ids: npt.NDArray[Any]
    embeddings: Float32Array | None = None

    def __post_init__(self) -> None:
        n = len(self.scores)
        if self.tlwh.shape != (n, 4):
            raise InputError(f'tlwh: shape {self.tlwh.shape}, expected ({n}, 4)')
        if self.class_ids.shape != (n,):
            raise InputError(f'class_ids: shape {self.class_ids.shape}, expected ({n},)')
        embeddings = self.embeddings
        if embeddings is not None and (embeddings.ndim != 2 or len(embeddings) != n):
            raise InputError(f'embeddings: shape {embeddings.shape}, expected ({n}, D)')

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def empty(cls) -> Detections:
        """Return a frame in which nothing was seen."""
        return cls(np.empty((0, 4)), np.empty(0), np.empty(0, dtype=np.str_))

    def with_embeddings(self, embeddings: Float32Array | None) -> Detections:
        """Return the same detections with other embeddings; arrays are shared, not copied."""
        return Detections(self.tlwh, self.scores, self.class_ids, embeddings)
