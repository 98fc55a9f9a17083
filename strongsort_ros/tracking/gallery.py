"""The embeddings by which tracks are known again: one average each (EMA), or the last few."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.types import BoolArray, Float32Array, IntArray

_TINY = np.float32(1e-12)


def normalise(embeddings: Float32Array) -> tuple[Float32Array, BoolArray | None]:
    """Return embeddings of unit length, and which rows say something (None: all do).

    Rows of zeros or with NaN or infinity come back as zeros.
    """
    embeddings = embeddings.astype(np.float32, copy=False)
    norms = np.sqrt(np.einsum('ij,ij->i', embeddings, embeddings))[:, None]
    usable = (norms > _TINY) & (norms < np.inf)
    # For a few rows, this takes a fraction of the time of all() and any().
    if np.count_nonzero(usable) == len(usable):
        return embeddings / norms, None
    unit = np.divide(embeddings, norms, out=np.zeros_like(embeddings), where=usable)
    return unit, usable[:, 0]


class Gallery:
    """Storage of embeddings in slots that tracks take and give back.

    A slot holds the last `budget` embeddings, of unit length. Slots that hold about as many share
    a shelf, so that memory follows the embeddings that are held: at most twice as much, and it is
    freed when slots are given back.
    """

    def __init__(self, settings: TrackerSettings) -> None:
        self.budget = 1 if settings.ema else settings.nn_budget
        self._average = settings.ema
        self._alpha = np.float32(settings.ema_alpha)
        doubled = 2 ** np.arange((self.budget - 1).bit_length() + 1)
        self._rooms: IntArray = np.minimum(doubled, self.budget)
        # One entry for each slot: embeddings seen, and its place on its shelf.
        self._seen = np.zeros(0, dtype=np.int64)
        self._place = np.zeros(0, dtype=np.int64)
        self._free = np.zeros(0, dtype=bool)
        self.forget()

    def forget(self, dimension: int = 0) -> None:
        """Forget every embedding, and expect another length; tracks keep their slots."""
        self.dimension = dimension
        self._shelves = [_Shelf(room, dimension) for room in self._rooms.tolist()]
        self._seen[:] = 0

    def take(self, count: int) -> IntArray:
        """Return `count` free slots, the lowest ones, marked as taken."""
        free = self._free.nonzero()[0]
        if len(free) < count:
            more = max(len(self._free), count - len(free), 16)
            self._seen = np.pad(self._seen, (0, more))
            self._place = np.pad(self._place, (0, more))
            self._free = np.pad(self._free, (0, more), constant_values=True)
            free = self._free.nonzero()[0]
        slots = free[:count]
        self._free[slots] = False
        return slots

    def give_back(self, slots: IntArray) -> None:
        """Mark slots as free, and free what they hold."""
        used = slots[self.known(slots)]
        for shelf, which in self._by_shelf(self._seen[used]):
            self._remove(shelf, self._place[used[which]])
        self._seen[slots] = 0
        self._free[slots] = True

    def add(self, slots: IntArray, embeddings: Float32Array) -> None:
        """Add one embedding (N, D) of unit length to each of N different slots."""
        seen = self._seen[slots]
        self._seen[slots] = seen + 1
        new = seen == 0
        if np.count_nonzero(new):
            self._place[slots[new]] = self._shelves[0].append(slots[new])
        if self.budget == 1:
            rows, places = self._shelves[0].rows[:, 0], self._place[slots]
            if self._average:
                embeddings = self._averaged(rows.take(places, axis=0), new, embeddings)
            rows[places] = embeddings
            return
        self._make_room(slots, seen)
        for shelf, which in self._by_shelf(seen + 1):
            shelf.rows[self._place[slots[which]], seen[which] % self.budget] = embeddings[which]

    def cosine_similarity(
        self, slots: IntArray, columns: IntArray, embeddings: Float32Array
    ) -> Float32Array:
        """Return (K,): of the nearest embedding in each slot with a given one, all of unit length.

        Parameters
        ----------
        slots, columns
            (K,) pairs of a slot and a row of `embeddings`; those of one slot together. Each slot
            holds an embedding; see `known`.
        embeddings
            (M, D) of unit length.

        """
        if self.budget == 1:
            places = self._place[slots]
            stored = self._shelves[0].rows[: int(places.max(initial=-1)) + 1, 0]
            # One index into the flat matrix takes a fraction of the time of two.
            similarity: Float32Array = (stored @ embeddings.T).take(
                places * len(embeddings) + columns
            )
            return similarity
        nearest = np.empty(len(slots), dtype=np.float32)
        held = np.minimum(self._seen[slots], self.budget)
        for shelf, which in self._by_shelf(held):
            places = self._place[slots[which]]
            nearest[which] = shelf.nearest(places, held[which], columns[which], embeddings)
        return nearest

    def known(self, slots: IntArray) -> BoolArray:
        """Return which of the slots hold an embedding."""
        return self._seen[slots] > 0

    def _by_shelf(self, seen: IntArray) -> Iterator[tuple[_Shelf, IntArray | slice]]:
        """Yield the shelves of slots that have seen as many (N,), at least one, with their rows."""
        if len(self._shelves) == 1:
            yield self._shelves[0], slice(None)
            return
        level = self._rooms.searchsorted(np.minimum(seen, self.budget))
        for number in np.flatnonzero(np.bincount(level)).tolist():
            yield self._shelves[number], (level == number).nonzero()[0]

    def _make_room(self, slots: IntArray, seen: IntArray) -> None:
        """Move slots that are full, having seen as many (N,), to the shelf with more room."""
        for shelf, larger in zip(self._shelves, self._shelves[1:], strict=False):
            full = slots[seen == shelf.room]
            if len(full):
                before = self._place[full]
                places = larger.append(full)
                larger.rows[places, : shelf.room] = shelf.rows[before]
                self._remove(shelf, before)
                self._place[full] = places

    def _remove(self, shelf: _Shelf, places: IntArray) -> None:
        shelf.remove(places)
        if 4 * shelf.count < len(shelf.rows):
            self._place[shelf.shrink()] = np.arange(shelf.count)

    def _averaged(
        self, averages: Float32Array, new: BoolArray, embeddings: Float32Array
    ) -> Float32Array:
        """Return the next exponential moving averages, in place; a first embedding is its own."""
        averages *= self._alpha
        averages += (np.float32(1) - self._alpha) * embeddings
        norms = np.sqrt(np.einsum('ij,ij->i', averages, averages))
        averages /= np.maximum(norms, _TINY)[:, None]
        if np.count_nonzero(new):
            averages[new] = embeddings[new]
        return averages


class _Shelf:
    """Places with room for as many embeddings each: `rows` (places, room, D)."""

    def __init__(self, room: int, dimension: int) -> None:
        self.room = room
        self.rows: Float32Array = np.zeros((0, room, dimension), dtype=np.float32)
        self.count = 0
        # One entry for each place: whose it is.
        self._slots = np.zeros(0, dtype=np.int64)
        self._free = np.zeros(0, dtype=bool)

    def append(self, slots: IntArray) -> IntArray:
        """Return free places for slots, the lowest ones."""
        self.count += len(slots)
        if self.count > len(self.rows):
            self._resize(np.arange(len(self.rows)), max(self.count, 2 * len(self.rows)))
        places = self._free.nonzero()[0][: len(slots)]
        self._free[places] = False
        self._slots[places] = slots
        return places

    def remove(self, places: IntArray) -> None:
        """Mark places as free."""
        self._free[places] = True
        self.count -= len(places)

    def shrink(self) -> IntArray:
        """Keep twice the places that are in use; return whose the first ones are now."""
        self._resize((~self._free).nonzero()[0], 2 * self.count)
        return self._slots[: self.count]

    def nearest(
        self, places: IntArray, held: IntArray, columns: IntArray, embeddings: Float32Array
    ) -> Float32Array:
        """Compare each place with its own few partners; arguments as of `cosine_similarity`.

        `held` (K,) embeddings are in each place.
        """
        nearest = np.empty(len(places), dtype=np.float32)
        starts = np.flatnonzero(np.diff(places, prepend=-1)).tolist()
        for start, stop in zip(starts, [*starts[1:], len(places)], strict=True):
            stored = self.rows[places[start], : held[start]]
            partners = embeddings[columns[start:stop]]
            (stored @ partners.T).max(axis=0, out=nearest[start:stop])
        return nearest

    def _resize(self, kept: IntArray, places: int) -> None:
        """Go on with some places, now the first ones, and others that are free."""
        rows, free, slots = self.rows, self._free, self._slots
        self.rows = np.zeros((places, *rows.shape[1:]), dtype=np.float32)
        self.rows[: len(kept)] = rows[kept]
        self._free = np.ones(places, dtype=bool)
        self._free[: len(kept)] = free[kept]
        self._slots = np.zeros(places, dtype=np.int64)
        self._slots[: len(kept)] = slots[kept]
