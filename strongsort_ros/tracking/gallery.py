"""The embeddings by which tracks are known again: one average each (EMA), or the last few."""

from __future__ import annotations

import numpy as np

from strongsort_ros.tracking.detections import BoolArray, Float32Array, IntArray
from strongsort_ros.tracking.settings import TrackerSettings

_TINY = np.float32(1e-12)
# Elements of a temporary table; a crowd in one place is compared in several steps.
_LARGEST_TABLE = 1 << 24


def normalise(embeddings: Float32Array) -> tuple[Float32Array, BoolArray | None]:
    """Return embeddings of unit length, and which rows say something (None: all do).

    Rows of zeros or with NaN or infinity come back as zeros.
    """
    embeddings = embeddings.astype(np.float32, copy=False)
    norms = np.sqrt(np.einsum('ij,ij->i', embeddings, embeddings))[:, None]
    usable = (norms > _TINY) & (norms < np.inf)
    if usable.all():
        return embeddings / norms, None
    unit = np.divide(embeddings, norms, out=np.zeros_like(embeddings), where=usable)
    return unit, usable[:, 0]


class Gallery:
    """Storage of embeddings in slots that tracks take and give back.

    A slot holds the last `budget` embeddings, of unit length. Both slots and places in a slot
    grow by doubling, as far as tracks need them.
    """

    def __init__(self, settings: TrackerSettings) -> None:
        self.budget = 1 if settings.ema else settings.nn_budget
        self._average = settings.ema
        self._alpha = np.float32(settings.ema_alpha)
        # (places, slots, D): an old track needs many places, a crowd of new ones but one each.
        self._storage: Float32Array = np.zeros((1, 0, 0), dtype=np.float32)
        self._seen = np.zeros(0, dtype=np.int64)
        self._free = np.zeros(0, dtype=bool)

    @property
    def dimension(self) -> int:
        """Length of the stored embeddings; 0 before the first."""
        return int(self._storage.shape[2])

    def forget(self, dimension: int = 0) -> None:
        """Forget every embedding, and expect another length; tracks keep their slots."""
        self._storage = np.zeros((1, len(self._seen), dimension), dtype=np.float32)
        self._seen[:] = 0

    def take(self, count: int) -> IntArray:
        """Return `count` free slots, the lowest ones, marked as taken."""
        free = self._free.nonzero()[0]
        if len(free) < count:
            self._grow_slots(len(self._free) + count - len(free))
            free = self._free.nonzero()[0]
        slots = free[:count]
        self._free[slots] = False
        self._seen[slots] = 0
        return slots

    def give_back(self, slots: IntArray) -> None:
        """Mark slots as free."""
        self._free[slots] = True

    def add(self, slots: IntArray, embeddings: Float32Array) -> None:
        """Add one embedding (N, D) of unit length to each of N different slots."""
        seen = self._seen[slots]
        self._seen[slots] = seen + 1
        if self.budget == 1:
            if self._average:
                embeddings = self._averaged(slots, seen, embeddings)
            self._storage[0, slots] = embeddings
            return
        place = seen % self.budget
        needed = int(place.max(initial=0)) + 1
        if needed > len(self._storage):
            self._grow_places(needed)
        self._storage[place, slots] = embeddings

    def cosine_similarity(
        self, slots: IntArray, columns: IntArray, embeddings: Float32Array
    ) -> Float32Array:
        """Return (K,): of the nearest embedding in each slot with a given one, all of unit length.

        Parameters
        ----------
        slots, columns
            (K,) pairs of a slot and a row of `embeddings`; those of one slot together. For a slot
            that holds nothing the result is without meaning; see `known`.
        embeddings
            (M, D) of unit length.

        """
        if self.budget > 1:
            places = min(self.budget, int(self._seen.max(initial=1)))
            return self._nearest(slots, columns, embeddings, places)
        used = int(slots.max(initial=-1)) + 1
        similarity: Float32Array = (self._storage[0, :used] @ embeddings.T)[slots, columns]
        return similarity

    def known(self, slots: IntArray) -> BoolArray:
        """Return which of the slots hold an embedding."""
        return self._seen[slots] > 0

    def _nearest(
        self, slots: IntArray, columns: IntArray, embeddings: Float32Array, places: int
    ) -> Float32Array:
        """Compare each slot with its own few partners: a product a slot, in one call."""
        nearest = np.empty(len(slots), dtype=np.float32)
        # Partners of a slot get places 0, 1, ... in its row of a table.
        start = np.flatnonzero(np.diff(slots, prepend=-1))
        widths = np.diff(start, append=len(slots))
        widest = int(widths.max(initial=0))
        partner = np.arange(len(slots)) - np.repeat(start, widths)
        step = max(1, _LARGEST_TABLE // max(1, widest * max(places, self.dimension)))
        for low in range(0, int(slots.max(initial=-1)) + 1, step):
            here = ((slots >= low) & (slots < low + step)).nonzero()[0]
            row, column = slots[here] - low, partner[here]
            stored = self._storage[:places, low : low + step].transpose(1, 0, 2)
            partners = np.zeros((len(stored), widest, self.dimension), dtype=np.float32)
            partners[row, column] = embeddings[columns[here]]
            similarity = (stored @ partners.transpose(0, 2, 1))[row, :, column]
            filled = np.arange(places) < self._seen[slots[here], None]
            nearest[here] = similarity.max(axis=1, where=filled, initial=-1.0)
        return nearest

    def _averaged(self, slots: IntArray, seen: IntArray, embeddings: Float32Array) -> Float32Array:
        """Return the new exponential moving averages; the first embedding is its own."""
        averages: Float32Array = self._storage[0, slots]
        averages *= self._alpha
        averages += (np.float32(1) - self._alpha) * embeddings
        norms = np.sqrt(np.einsum('ij,ij->i', averages, averages))
        averages /= np.maximum(norms, _TINY)[:, None]
        if not seen.all():
            averages[seen == 0] = embeddings[seen == 0]
        return averages

    def _grow_slots(self, at_least: int) -> None:
        more = max(len(self._free), at_least - len(self._free), 16)
        storage = np.pad(self._storage, ((0, 0), (0, more), (0, 0)))
        self._storage = storage
        self._seen = np.pad(self._seen, (0, more))
        self._free = np.pad(self._free, (0, more), constant_values=True)

    def _grow_places(self, at_least: int) -> None:
        more = min(max(len(self._storage), at_least - len(self._storage)), self.budget)
        self._storage = np.pad(self._storage, ((0, more), (0, 0), (0, 0)))
