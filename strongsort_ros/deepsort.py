"""DeepSORT with the names of roboflow/trackers: only the import of a program changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from strongsort_ros.errors import InputError
from strongsort_ros.reid.factory import AUTO, TIMM, load_extractor
from strongsort_ros.reid.interfaces import Extractor
from strongsort_ros.strongsort import StrongSORT
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.tracking.tracks import Tracks
from strongsort_ros.types import Float32Array, Image

_BUFFER_RATE = 30.0
"""Frames per second for which `lost_track_buffer` is given."""


class ReIDModel:
    """Appearance model of `DeepSORTTracker`.

    Parameters
    ----------
    extractor
        Feature extractor, as `load_extractor` returns it.

    Examples
    --------
    >>> from strongsort_ros import ReIDModel
    >>> ReIDModel.from_weights('colour').extractor.card.dimension
    256

    """

    def __init__(self, extractor: Extractor) -> None:
        self.extractor = extractor

    @classmethod
    def from_timm(cls, model_name: str, weights: str | Path = '', device: str = AUTO) -> Self:
        """Return a timm backbone, with or without its tag: `resnetv2_50.a1h_in1k`.

        Parameters
        ----------
        model_name
            timm's name of the model.
        weights
            File of weights as timm saves them; '': timm downloads the published ones.
        device
            'auto' (a GPU if there is one), 'cpu', 'cuda' or 'cuda:N'.

        Raises
        ------
        ExtractorError
            There is no such model, or its weights or the device cannot be used.
        MissingPackageError
            timm or PyTorch is not installed.

        """
        return cls(
            load_extractor(f'{TIMM}{model_name}' + (f'@{weights}' if weights else ''), device)
        )

    @classmethod
    def from_weights(cls, weights: str | Path, device: str = AUTO) -> Self:
        """Return the network of a weights file, or 'colour'; see `load_extractor`."""
        return cls(load_extractor(weights, device))

    def extract_features(self, detections: Any, frame: Image) -> Float32Array:
        """Return (N, D) embeddings of detections, in any form that `StrongSORT.update` takes."""
        return self.extractor.extract(frame, Detections.from_boxes(detections).tlwh)


DeepSORTFeatureExtractor = ReIDModel
"""Name of `ReIDModel` in trackers 2.0."""


class DeepSORTTracker:
    """DeepSORT that sets `tracker_id` of `supervision.Detections`.

    The algorithm is the preset `deepsort`, not that of roboflow/trackers; parameters with their
    names mean the same. Parameters that are not given keep the values of the preset.

    Parameters
    ----------
    reid_model
        `ReIDModel`, an extractor, or what `StrongSORT` takes as `reid`: a weights file,
        'timm:NAME', 'colour', or None for motion alone.
    lost_track_buffer
        Frames without a match after which a track is deleted, at 30 frames per second.
    frame_rate
        Frames per second.
    track_activation_threshold
        Detections with a lower score start no track; the presets but 'robust' do not use them.
    minimum_consecutive_frames
        Matches that confirm a track.
    minimum_iou_threshold
        Smallest IoU of a match by position.
    appearance_threshold
        Largest cosine distance of a match by appearance.
    appearance_weight
        Weight of the cosine distance in the cost of a match; the Mahalanobis distance has the
        rest. None: the cosine distance alone.
    feature_extractor
        Name of `reid_model` in trackers 2.0.
    preset
        'deepsort', 'strongsort' or 'robust'.
    camera_motion
        'none', 'ecc' or 'published', as for `StrongSORT`.
    **changes
        Single settings by name; any field of `TrackerSettings`.

    Attributes
    ----------
    tracks
        `Tracks` of the last frame.

    Raises
    ------
    SettingError
        A setting, the preset or the camera motion is unknown or out of its range.
    InputError
        `reid_model` is none of these.

    Examples
    --------
    >>> from strongsort_ros import DeepSORTTracker, ReIDModel
    >>> tracker = DeepSORTTracker(ReIDModel.from_weights('colour'), lost_track_buffer=60)
    >>> tracker.tracker.pipeline.settings.max_age
    60

    """

    def __init__(
        self,
        reid_model: ReIDModel | Extractor | str | Path | None = None,
        lost_track_buffer: int | None = None,
        frame_rate: float = _BUFFER_RATE,
        track_activation_threshold: float | None = None,
        minimum_consecutive_frames: int | None = None,
        minimum_iou_threshold: float | None = None,
        appearance_threshold: float | None = None,
        appearance_weight: float | None = None,
        *,
        feature_extractor: ReIDModel | Extractor | None = None,
        preset: str = 'deepsort',
        camera_motion: str = 'none',
        **changes: Any,
    ) -> None:
        if lost_track_buffer is not None:
            max_age = int(frame_rate / _BUFFER_RATE * lost_track_buffer)
            changes = {'max_lost_time': 0.0, 'max_age': max_age} | changes
        if minimum_iou_threshold is not None:
            changes['max_iou_distance'] = 1 - minimum_iou_threshold
        if appearance_weight is not None:
            changes |= {'motion_cost': True, 'motion_lambda': appearance_weight}
        given = {
            'min_confidence': track_activation_threshold,
            'n_init': minimum_consecutive_frames,
            'max_cosine_distance': appearance_threshold,
        }
        changes |= {name: value for name, value in given.items() if value is not None}
        model = reid_model if feature_extractor is None else feature_extractor
        if isinstance(model, ReIDModel):
            model = model.extractor
        self.tracker = StrongSORT(
            model, frame_rate, camera_motion=camera_motion, preset=preset, **changes
        )
        self.tracks: Tracks = self.tracker.pipeline.tracker.tracks

    def update(self, detections: Any, frame: Image | None = None) -> Any:
        """Track one frame.

        Parameters
        ----------
        detections
            `supervision.Detections` of the frame, with or without rows.
        frame
            (H, W, 3) uint8 BGR image. None: this frame is tracked by motion alone.

        Returns
        -------
        detections
            A copy in the same order, with masks and data; `tracker_id` is -1 for detections without
            a confirmed track.

        Raises
        ------
        InputError
            An argument has a wrong shape, type or value; the message names it.

        """
        if not hasattr(detections, 'tracker_id'):
            raise InputError(
                f'detections: {type(detections).__name__}, expected supervision.Detections; '
                'StrongSORT takes other forms'
            )
        self.tracks = self.tracker.update(detections, frame)
        return self.tracks.assign_ids(detections)

    def reset(self) -> None:
        """Forget all tracks, for another video; ids go on, and none is used twice."""
        self.tracker.reset()
