"""Gallery of embeddings: the moving average of each track (EMA), or its last embeddings."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.types import BoolArray, Float32Array, IntArray

_MIN_NORM = np.float32(1e-12)


def normalise(embeddings: Float32Array) -> tuple[Float32Array, BoolArray | None]:
    """Return embeddings of unit norm, and which rows are usable (None: all).

    Rows that are zero or not finite are returned as zeros.
    """
    embeddings = embeddings.astype(np.float32, copy=False)
    norms = np.sqrt(np.einsum('ij,ij->i', embeddings, embeddings))[:, None]
    usable = (norms > _MIN_NORM) & (norms < np.inf)
    # For few rows count_nonzero() is several times as fast as all().
    if np.count_nonzero(usable) == len(usable):
        return embeddings / norms, None
    unit = np.divide(embeddings, norms, out=np.zeros_like(embeddings), where=usable)
    return unit, usable[:, 0]


class Gallery:
    """Embeddings of all tracks, each in a slot that its track allocates and releases.

    A slot holds the last `budget` embeddings, of unit norm. Slots with about as many embeddings
    share a pool, so memory is at most twice that of the embeddings, and is freed when slots are
    released.
    """

    def __init__(self, settings: TrackerSettings) -> None:
        self.budget = 1 if settings.ema else settings.nn_budget
        self._average = settings.ema
        self._alpha = np.float32(settings.ema_alpha)
        doubled = 2 ** np.arange((self.budget - 1).bit_length() + 1)
        self._capacities: IntArray = np.minimum(doubled, self.budget)
        # For each slot: number of embeddings added, and its place in its pool.
        self._seen = np.zeros(0, dtype=np.int64)
        self._place = np.zeros(0, dtype=np.int64)
        self._free = np.zeros(0, dtype=bool)
        self.forget()

    def forget(self, dimension: int = 0) -> None:
        """Remove all embeddings, and expect those of another dimension; slots stay allocated."""
        self.dimension = dimension
        self._pools = [_Pool(capacity, dimension) for capacity in self._capacities.tolist()]
        self._seen[:] = 0
        self._products: tuple[Float32Array, Float32Array] | None = None

    def allocate(self, count: int) -> IntArray:
        """Return `count` slots, the lowest free ones."""
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

    def release(self, slots: IntArray) -> None:
        """Free slots and their embeddings."""
        self._products = None
        used = slots[self.known(slots)]
        for pool, which in self._by_pool(self._seen[used]):
            self._remove(pool, self._place[used[which]])
        self._seen[slots] = 0
        self._free[slots] = True

    def add(self, slots: IntArray, embeddings: Float32Array) -> None:
        """Add one of N embeddings (N, D) of unit norm to each of N different slots."""
        self._products = None
        seen = self._seen[slots]
        self._seen[slots] = seen + 1
        new = seen == 0
        count = np.count_nonzero(new)
        if count:
            self._place[slots[new]] = self._pools[0].append(slots[new])
        if self.budget == 1:
            rows, places = self._pools[0].rows[:, 0], self._place[slots]
            if self._average and count < len(new):
                embeddings = self._averaged(rows.take(places, axis=0), new, embeddings)
            rows[places] = embeddings
            return
        self._grow(slots, seen)
        for pool, which in self._by_pool(seen + 1):
            pool.rows[self._place[slots[which]], seen[which] % self.budget] = embeddings[which]

    def cosine_similarity(
        self, slots: IntArray, columns: IntArray, embeddings: Float32Array
    ) -> Float32Array:
        """Return (K,) similarities of embeddings to the nearest embedding in a slot.

        Parameters
        ----------
        slots, columns
            (K,) pairs of a slot and a row of `embeddings`, grouped by slot. Each slot holds an
            embedding; see `known`.
        embeddings
            (M, D) embeddings of unit norm.

        """
        if self.budget == 1:
            # All products at once, which serve both stages of a frame. Indexing the flat matrix is
            # several times as fast as by row and column.
            if self._products is None or self._products[0] is not embeddings:
                stored = self._pools[0].used[:, 0]
                self._products = embeddings, stored @ embeddings.T
            similarity: Float32Array = self._products[1].take(
                self._place[slots] * len(embeddings) + columns
            )
            return similarity
        nearest = np.empty(len(slots), dtype=np.float32)
        held = np.minimum(self._seen[slots], self.budget)
        for pool, which in self._by_pool(held):
            places = self._place[slots[which]]
            nearest[which] = pool.nearest(places, held[which], columns[which], embeddings)
        return nearest

    def known(self, slots: IntArray) -> BoolArray:
        """Return which of the slots (N,) hold an embedding."""
        return self._seen[slots] > 0

    def _by_pool(self, seen: IntArray) -> Iterator[tuple[_Pool, IntArray | slice]]:
        """Yield each pool of slots with `seen` (N,) embeddings, with their row numbers."""
        if len(self._pools) == 1:
            yield self._pools[0], slice(None)
            return
        level = self._capacities.searchsorted(np.minimum(seen, self.budget))
        for number in np.flatnonzero(np.bincount(level)).tolist():
            yield self._pools[number], (level == number).nonzero()[0]

    def _grow(self, slots: IntArray, seen: IntArray) -> None:
        """Move slots whose `seen` (N,) embeddings fill their place to the next larger pool."""
        for pool, larger in zip(self._pools, self._pools[1:], strict=False):
            full = slots[seen == pool.capacity]
            if len(full):
                before = self._place[full]
                places = larger.append(full)
                larger.rows[places, : pool.capacity] = pool.rows[before]
                self._remove(pool, before)
                self._place[full] = places

    def _remove(self, pool: _Pool, places: IntArray) -> None:
        pool.remove(places)
        if 4 * pool.count < len(pool.rows):
            self._place[pool.shrink()] = np.arange(pool.count)

    def _averaged(
        self, averages: Float32Array, new: BoolArray, embeddings: Float32Array
    ) -> Float32Array:
        """Return updated moving averages, computed in place; the first embedding is itself."""
        averages *= self._alpha
        averages += (np.float32(1) - self._alpha) * embeddings
        norms = np.sqrt(np.einsum('ij,ij->i', averages, averages))
        averages /= np.maximum(norms, _MIN_NORM)[:, None]
        if np.count_nonzero(new):
            averages[new] = embeddings[new]
        return averages


class _Pool:
    """Places for slots, each for `capacity` embeddings: `rows` is (places, capacity, D)."""

    def __init__(self, capacity: int, dimension: int) -> None:
        self.capacity = capacity
        self.rows: Float32Array = np.zeros((0, capacity, dimension), dtype=np.float32)
        self.count = 0
        # The slot of each place.
        self._slots = np.zeros(0, dtype=np.int64)
        self._free = np.zeros(0, dtype=bool)

    @property
    def used(self) -> Float32Array:
        """The rows up to the last place that is not free."""
        places = (~self._free).nonzero()[0]
        return self.rows[: places[-1] + 1] if len(places) else self.rows[:0]

    def append(self, slots: IntArray) -> IntArray:
        """Return places for slots, the lowest free ones."""
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
        """Shrink to twice the places in use; return the slots of the first ones."""
        self._resize((~self._free).nonzero()[0], 2 * self.count)
        return self._slots[: self.count]

    def nearest(
        self, places: IntArray, held: IntArray, columns: IntArray, embeddings: Float32Array
    ) -> Float32Array:
        """Return (K,) similarities as `cosine_similarity`; `held` (K,) embeddings per place."""
        nearest = np.empty(len(places), dtype=np.float32)
        starts = np.flatnonzero(np.diff(places, prepend=-1)).tolist()
        for start, stop in zip(starts, [*starts[1:], len(places)], strict=True):
            stored = self.rows[places[start], : held[start]]
            partners = embeddings[columns[start:stop]]
            (stored @ partners.T).max(axis=0, out=nearest[start:stop])
        return nearest

    def _resize(self, kept: IntArray, places: int) -> None:
        """Keep some places, as the first ones, and add free ones up to `places`."""
        rows, free, slots = self.rows, self._free, self._slots
        self.rows = np.zeros((places, *rows.shape[1:]), dtype=np.float32)
        self.rows[: len(kept)] = rows[kept]
        self._free = np.ones(places, dtype=bool)
        self._free[: len(kept)] = free[kept]
        self._slots = np.zeros(places, dtype=np.int64)
        self._slots[: len(kept)] = slots[kept]
