"""The online tracker: StrongSORT (arXiv 2202.13514) and DeepSORT (arXiv 1703.07402)."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping

import numpy as np

from strongsort_ros.arrays import number_array
from strongsort_ros.errors import InputError, SettingError
from strongsort_ros.settings import AUTO
from strongsort_ros.tracking.appearance_limits import AppearanceLimits
from strongsort_ros.tracking.association import Associator, Matches
from strongsort_ros.tracking.boxes import paired_iou, xyah_to_xyxy
from strongsort_ros.tracking.camera_compensation import compensate, is_usable
from strongsort_ros.tracking.detection_filter import (
    ClassCodes,
    FilteredDetections,
    filter_detections,
)
from strongsort_ros.tracking.detections import Detections, check_detections
from strongsort_ros.tracking.gallery import Gallery
from strongsort_ros.tracking.kalman_filter import KalmanFilter
from strongsort_ros.tracking.lifecycle import TrackLifecycle
from strongsort_ros.tracking.measurement_noise import AdaptiveNoise, nsa_scale
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.tracking.track_table import Rows, TrackTable
from strongsort_ros.tracking.tracks import CONFIRMED, Tracks
from strongsort_ros.types import BoolArray, FloatArray, IntArray

FRAME_RATE = 30.0
"""Frames per second where the rate is not known."""
_MAX_CLASSES = 1024
"""Class names kept before those that no track has are forgotten."""
_PREDICTABILITY_MEMORY = 0.9
_NEW_PREDICTABILITY = 0.5
_MAX_DT = 1e15
"""Frames between two calls; a track's age is counted in 64 bits."""


class Tracker:
    """Online multi-object tracker on detections, without images.

    Parameters
    ----------
    settings
        Settings of the algorithm; `max_cosine_distance` must be a number.
    frame_rate
        Nominal frames per second, for settings in seconds.

    Raises
    ------
    SettingError
        `max_cosine_distance` is 'auto', which only a `Pipeline` with an extractor can resolve, or
        the frame rate is not a number of at least 0.

    Examples
    --------
    A track that begins with a box at the left, and moves 10 pixels per frame:

    >>> from strongsort_ros import Detections, Tracker, TrackerSettings
    >>> tracker = Tracker(TrackerSettings(n_init=2))
    >>> for left in (0, 10, 20):
    ...     tracks = tracker.update(Detections([[left, 50, 40, 80]], [0.9], ['person']))
    ...     print(tracks.ids.tolist())
    []
    [1]
    [1]
    >>> tracks = tracker.update(Detections.empty())
    >>> tracks.ids.tolist(), tracks.time_since_update.tolist(), tracker.ids_given
    ([1], [1], 1)

    """

    def __init__(
        self, settings: TrackerSettings | None = None, frame_rate: float = FRAME_RATE
    ) -> None:
        self._table = TrackTable()
        self._next_id = 1
        self._settings = settings or TrackerSettings()
        self._frame_rate = frame_rate
        self.reset()

    @property
    def settings(self) -> TrackerSettings:
        """Settings in use.

        New settings apply from the next frame and tracks are kept. Their embeddings are kept, too,
        unless `ema`, `ema_alpha` or `nn_budget` change.
        """
        return self._settings

    @settings.setter
    def settings(self, settings: TrackerSettings) -> None:
        before, gallery = self._settings, self._gallery
        if any(getattr(before, name) != getattr(settings, name) for name in _GALLERY_SETTINGS):
            self._apply(settings, None)
            self._table.rows.slot[:] = self._gallery.allocate(len(self._table))
        else:
            self._apply(settings, gallery)

    @property
    def frame_rate(self) -> float:
        """Nominal frames per second. A new rate applies from the next frame."""
        return self._frame_rate

    @frame_rate.setter
    def frame_rate(self, frame_rate: float) -> None:
        if frame_rate != self._frame_rate:
            self._lifecycle.configure(self._settings, frame_rate)
            self._frame_rate = frame_rate

    @property
    def max_age(self) -> int:
        """Frames without a match after which a confirmed track is deleted."""
        return self._lifecycle.max_age

    def set_image_size(self, width: int, height: int) -> None:
        """Set the size of the image, pixels; otherwise it is estimated from the boxes so far."""
        self._lifecycle.set_image_size(width, height)

    @property
    def tracks(self) -> Tracks:
        """All live tracks after the last frame, tentative and lost ones included.

        A track is left out while its predicted box has no area.
        """
        return self._snapshot(self._has_area().nonzero()[0])

    @property
    def ids_given(self) -> int:
        """Number of tracks so far, tentative ones and those before a reset included."""
        return self._next_id - 1

    def update(
        self,
        detections: Detections,
        camera_motion: FloatArray | None = None,
        dt: float = 1.0,
        *,
        stamp: int = 0,
    ) -> Tracks:
        """Track one frame; return the confirmed tracks matched in it or in the frame before.

        With `coast_time` also those whose predicted box is reliable; `Tracks.states` marks
        predicted boxes as LOST.

        Parameters
        ----------
        detections
            Detections of the frame, or `Detections.empty()`. Those without embeddings are matched
            by position.
        camera_motion
            (3, 3) matrix from pixels of the previous frame to pixels of this one. It is ignored if
            it is not finite, differs by more than `max_camera_motion` from the identity, mirrors
            the image or collapses it to a line.
        dt
            Nominal frames since the previous call, > 0 and at most 1e15; more than 1 if frames were
            dropped.
        stamp
            `first_seen` of tracks that begin in this frame, a signed 64-bit number.

        Raises
        ------
        InputError
            `detections` are not `Detections`, `dt` or `stamp` is out of its range, or
            `camera_motion` is not a (3, 3) array of numbers. The tracker is as before.

        """
        check_detections(detections)
        frames = _whole_frames(dt)
        _check_stamp(stamp)
        if camera_motion is not None:
            camera_motion = _matrix(camera_motion)
        filtered = self._filter(detections)
        self._compensate(camera_motion)
        self._predict(dt, frames)
        self._lifecycle.observe(filtered.xyxy, filtered.scores)
        if self._settings.adaptive_noise:
            self._noise.add_scores(filtered.scores)
        tracks = self._table.rows
        predicted = xyah_to_xyxy(tracks.mean)
        matches = self._associator.match(tracks, predicted, filtered, frames)
        if filtered.low is not None:
            low = self._associator.match_low(tracks, predicted, filtered.low, matches[0], frames)
            self._update_low(low, filtered.low)
        self._update(matches, predicted, filtered, frames)
        self._drop(self._lifecycle.ended(tracks, self._gallery.known(tracks.slot)))
        self._spawn(matches, filtered, stamp)
        return self._report(frames)

    def rescale_time(self, ratio: float) -> None:
        """Adapt velocities, which are per frame, to frames that are `ratio` times as long.

        Without this, tracks would overshoot after a change of the frame rate.
        """
        rows = self._table.rows
        self._kalman.rescale_time(rows.mean, rows.covariance, ratio)

    def reset(self) -> None:
        """Forget all tracks and class names. Ids go on: none is used twice."""
        self._table.clear()
        self._classes = ClassCodes()
        self._rejected: Mapping[str, int] = {}
        self._lifecycle = TrackLifecycle(self._settings, self._frame_rate)
        self._noise = AdaptiveNoise()
        self._limits = AppearanceLimits()
        self._apply(self._settings, None)

    def _apply(self, settings: TrackerSettings, gallery: Gallery | None) -> None:
        if settings.max_cosine_distance == AUTO:
            raise SettingError(
                "max_cosine_distance: 'auto' needs an extractor: give a number, or use a Pipeline"
            )
        self._settings = settings
        self._lifecycle.configure(settings, self._frame_rate)
        self._uses_predictability = (
            settings.iou_weight > 0 or settings.coast_time > 0 or self._lifecycle.confirms_sooner
        )
        self._kalman = KalmanFilter(settings)
        self._gallery = gallery or Gallery(settings)
        self._associator = Associator(settings, self._kalman, self._gallery, self._limits)

    def _filter(self, detections: Detections) -> FilteredDetections:
        if len(self._classes) > _MAX_CLASSES:
            codes = self._table.rows.class_code
            codes[:] = self._classes.forget_others(codes)
        filtered, self._rejected = filter_detections(detections, self._settings, self._classes)
        embeddings = filtered.embeddings
        if embeddings is not None and embeddings.shape[1] != self._gallery.dimension:
            self._gallery.forget(embeddings.shape[1])
        return filtered

    def _compensate(self, camera_motion: FloatArray | None) -> None:
        if camera_motion is not None and is_usable(camera_motion, self._settings.max_camera_motion):
            compensate(self._table.rows.mean, camera_motion)

    def _predict(self, dt: float, frames: int) -> None:
        tracks = self._table.rows
        self._kalman.predict(tracks.mean, tracks.covariance, dt)
        tracks.age[:] += frames
        tracks.time_since_update[:] += frames
        tracks.detection_index[:] = -1
        if frames > 1:
            # Without the dropped frames these would have been deleted before this frame.
            self._drop(tracks.time_since_update > self._lifecycle.max_age + 1)

    def _update_low(self, matches: Matches, low: FilteredDetections) -> None:
        """Update tracks with detections of low score, weighted by their score."""
        rows, columns = matches
        if len(rows) == 0:
            return
        matched, scores = self._table.rows.take(rows), low.scores[columns]
        self._kalman.update(
            matched.mean,
            matched.covariance,
            low.xyah[columns],
            self._variance_scale(scores),
            weight=scores,
        )
        matched.score[:] = scores
        matched.hits[:] += 1
        matched.time_since_update[:] = 0
        matched.innovation[:] = 0.0
        matched.detection_index[:] = low.index[columns]
        self._table.write(rows, matched)

    def _update(
        self, matches: Matches, predicted: FloatArray, filtered: FilteredDetections, frames: int
    ) -> None:
        rows, columns = matches
        if len(rows) == 0:
            return
        matched = self._table.rows.take(rows)
        scores, xyah = filtered.scores[columns], filtered.xyah[columns]
        if self._settings.adaptive_noise:
            self._learn_noise(matched, xyah)
        if self._uses_predictability:
            recent = matched.time_since_update == frames
            overlap = paired_iou(predicted, filtered.xyxy, rows, columns)
            self._note_predictability(matched, overlap, recent)
        self._kalman.update(matched.mean, matched.covariance, xyah, self._variance_scale(scores))
        matched.score[:] = scores
        matched.score_sum[:] += scores
        matched.hits[:] += 1
        matched.time_since_update[:] = 0
        matched.class_code[:] = filtered.class_codes[columns]
        matched.detection_index[:] = filtered.index[columns]
        matched.state[self._lifecycle.confirms(matched.hits, matched.score_sum)] = CONFIRMED
        self._table.write(rows, matched)
        self._add_embeddings(matched.slot, filtered, columns)

    def _variance_scale(self, scores: FloatArray) -> FloatArray | None:
        """Return factors of the measurement variance for detections of these scores (N,)."""
        if self._settings.adaptive_noise:
            return self._noise.variance_scale(scores) if self._lifecycle.confidences else None
        return nsa_scale(scores) if self._settings.nsa else None

    def _learn_noise(self, matched: Rows, xyah: FloatArray) -> None:
        """Learn the measurement noise from predicted tracks and their matched boxes (N, 4)."""
        mean, previous = matched.mean, matched.innovation.copy()
        difference = xyah - mean[:, :4]
        innovation = difference / mean[:, 3:4]
        innovation[:, 2] = difference[:, 2]  # the aspect's is not in heights
        known = (matched.state == CONFIRMED) & previous.any(axis=1)
        self._noise.learn(innovation, previous, known)
        matched.innovation[:] = innovation

    def _note_predictability(self, matched: Rows, overlap: FloatArray, recent: BoolArray) -> None:
        """Add the IoU (N,) of predicted tracks and their matched boxes to its average."""
        count = np.count_nonzero(recent)
        if count:
            self._lifecycle.note_overlap(float(overlap @ recent) / count)
        average = matched.predictability
        change = (1 - _PREDICTABILITY_MEMORY) * (overlap - average)
        np.add(average, change, out=average, where=recent)

    def _spawn(self, matches: Matches, filtered: FilteredDetections, stamp: int) -> None:
        free = np.ones(len(filtered), dtype=bool)
        free[matches[1]] = False
        columns = free.nonzero()[0]
        count = len(columns)
        if count == 0:
            return
        scores, tracks = filtered.scores[columns], self._table.rows
        confirmed = self._lifecycle.confirms_at_once(filtered.xyxy[columns], scores, tracks)
        new = self._table.append(count)
        new.mean[:], new.covariance[:] = self._kalman.initiate(filtered.xyah[columns])
        new.score[:] = new.score_sum[:] = scores
        new.predictability[:] = _NEW_PREDICTABILITY
        new.id[:] = np.arange(self._next_id, self._next_id + count)
        new.age[:] = new.hits[:] = 1
        new.first_seen[:] = stamp
        new.class_code[:] = filtered.class_codes[columns]
        new.detection_index[:] = filtered.index[columns]
        new.slot[:] = self._gallery.allocate(count)
        new.state[confirmed] = CONFIRMED
        self._next_id += count
        self._add_embeddings(new.slot, filtered, columns)

    def _report(self, frames: int) -> Tracks:
        rows = self._table.rows
        rows.reported[:] = self._lifecycle.reported(rows, frames)
        live = self.tracks
        return live if live.reported.all() else live.select(live.reported)

    def _has_area(self) -> BoolArray:
        """Return which tracks have a box with area: a prediction can shrink it to none."""
        mean = self._table.rows.mean
        return (mean[:, 2] > 0) & (mean[:, 3] > 0)

    def _add_embeddings(
        self, slots: IntArray, filtered: FilteredDetections, columns: IntArray
    ) -> None:
        """Add the embeddings of matched detections to the gallery."""
        if filtered.embeddings is None:
            return
        if filtered.has_embedding is not None:
            has_embedding = filtered.has_embedding[columns]
            slots, columns = slots[has_embedding], columns[has_embedding]
        self._gallery.add(slots, filtered.embeddings.take(columns, axis=0))

    def _drop(self, which: BoolArray) -> None:
        if np.count_nonzero(which):
            self._gallery.release(self._table.rows.slot[which])
            self._table.keep(~which)

    def _snapshot(self, rows: IntArray) -> Tracks:
        tracks = self._table.rows.take(rows)
        return Tracks(
            ids=tracks.id,
            class_ids=self._classes.names(tracks.class_code),
            scores=tracks.score,
            # CONFIRMED + 1 is LOST. A tentative track that is not matched is deleted.
            states=tracks.state + (tracks.time_since_update > 0),
            mean=tracks.mean,
            variance=tracks.covariance[:, :8],
            age=tracks.age,
            hits=tracks.hits,
            time_since_update=tracks.time_since_update,
            first_seen=tracks.first_seen,
            detection_index=tracks.detection_index,
            reported=tracks.reported > 0,
            rejected=self._rejected,
        )


_GALLERY_SETTINGS = ('ema', 'ema_alpha', 'nn_budget')


def _whole_frames(dt: object) -> int:
    if not isinstance(dt, (int, float, np.number)) or not 0 < dt <= _MAX_DT:
        raise InputError(f'dt: {reprlib.repr(dt)}, expected frames, > 0 and at most 1e15')
    return max(1, round(float(dt)))


def _check_stamp(stamp: object) -> None:
    if not isinstance(stamp, (int, np.integer)) or not -(2**63) <= stamp < 2**63:
        raise InputError(f'stamp: {reprlib.repr(stamp)}, expected a signed 64-bit number')


def _matrix(camera_motion: object) -> FloatArray:
    matrix = number_array('camera_motion', camera_motion)
    if matrix.shape != (3, 3):
        raise InputError(f'camera_motion: shape {matrix.shape}, expected (3, 3)')
    return matrix
