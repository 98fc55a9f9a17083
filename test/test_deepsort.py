"""`DeepSORTTracker` and `ReIDModel`: the examples of roboflow/trackers with another import."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from strongsort_ros import DeepSORTTracker, ReIDModel, StrongSORT, TrackerSettings
from strongsort_ros.deepsort import DeepSORTFeatureExtractor
from strongsort_ros.errors import InputError, SettingError, StrongSortError
from strongsort_ros.reid.colour import ColourExtractor
from strongsort_ros.tracking.settings import PRESETS
from test.test_adapters import Supervised

FRAME = np.full((240, 320, 3), 127, np.uint8)


def walking(number: float, make: Callable[..., Any] = Supervised) -> Any:
    """Return two boxes that move, after one of low score."""
    left = 8.0 * number
    boxes = [[0, 0, 20, 40], [left, 20, left + 40, 100], [250 - left, 120, 290 - left, 200]]
    return make(
        xyxy=np.array(boxes), confidence=np.array([0.2, 0.9, 0.8]), class_id=np.zeros(3, int)
    )


def test_the_tracks_are_those_of_strongsort_with_the_preset() -> None:
    ours = StrongSORT(ColourExtractor(), 30, preset='deepsort', camera_motion='none')
    tracker = DeepSORTTracker(reid_model=ReIDModel(ColourExtractor()))
    for number in range(6):
        given = walking(number)
        expected = ours.update(given, FRAME).assign_ids(given).tracker_id
        found = tracker.update(given, FRAME)
        np.testing.assert_array_equal(found.tracker_id, expected)
        assert found.tracker_id.tolist() == ([-1, 1, 2] if number >= 2 else [-1, -1, -1])
    assert tracker.tracks.ids.tolist() == [1, 2]
    tracker.reset()
    found = tracker.update(walking(0), FRAME)
    assert found.tracker_id.tolist() == [-1, -1, -1]


def test_models_in_every_form() -> None:
    extractor = ColourExtractor()
    for tracker in (
        DeepSORTTracker(ReIDModel(extractor)),
        DeepSORTTracker(extractor),
        DeepSORTTracker(feature_extractor=DeepSORTFeatureExtractor(extractor)),
    ):
        assert tracker.tracker.pipeline.extractor is extractor
    assert DeepSORTTracker().tracker.pipeline.extractor is None
    features = ReIDModel(extractor).extract_features(walking(0), FRAME)
    assert features.shape == (3, 256)


def test_names_of_roboflow_trackers_set_our_values() -> None:
    given = DeepSORTTracker(
        lost_track_buffer=60,
        frame_rate=15.0,
        track_activation_threshold=0.25,
        minimum_consecutive_frames=2,
        minimum_iou_threshold=0.25,
        appearance_threshold=0.7,
        appearance_weight=0.5,
        ema=True,
    )
    assert given.tracker.pipeline.settings == TrackerSettings.deepsort().replace(
        max_age=30,
        min_confidence=0.25,
        n_init=2,
        max_iou_distance=0.75,
        max_cosine_distance=0.7,
        motion_cost=True,
        motion_lambda=0.5,
        ema=True,
    )
    assert DeepSORTTracker().tracker.pipeline.settings == TrackerSettings.deepsort()


@pytest.mark.parametrize('preset', PRESETS)
def test_tracks_end_after_the_buffer(preset: str) -> None:
    tracker = DeepSORTTracker(ColourExtractor(), lost_track_buffer=5, preset=preset)
    for number in range(24):  # robust keeps tracks of 20 matches for longer
        tracker.update(walking(number / 4), FRAME)
    alive = []
    for _ in range(6):
        tracker.update(Supervised(np.empty((0, 4))), FRAME)
        alive.append(len(tracker.tracks.all))
    assert alive == [2, 2, 2, 2, 2, 0]


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(SettingError, match="unknown setting 'distance_metric'"):
        DeepSORTTracker(distance_metric='cosine')
    with pytest.raises(InputError, match='reid: 7, expected a name'):
        DeepSORTTracker(7)
    tracker = DeepSORTTracker()
    with pytest.raises(InputError, match=r'detections: list, expected supervision\.Detections'):
        tracker.update([[10, 20, 50, 100]], FRAME)
    with pytest.raises(InputError, match=r"frame: 'image\.jpg', expected an array of BGR pixels"):
        tracker.update(walking(0), 'image.jpg')


@pytest.fixture
def timm_weights(tmp_path: Path) -> Path:
    with pytest.raises(StrongSortError) as error:  # also where torchvision has no operators
        ReIDModel.from_timm('no such network')
    if 'timm has no network' not in str(error.value):
        pytest.skip(str(error.value))
    import torch
    from timm import create_model

    torch.manual_seed(1)
    torch.save(create_model('resnet10t', num_classes=0).state_dict(), tmp_path / 'weights.pth')
    return tmp_path / 'weights.pth'


def test_timm_backbones(timm_weights: Path) -> None:
    model = ReIDModel.from_timm('resnet10t.c3_in1k', timm_weights, device='cpu')
    assert model.extractor.card.name == 'timm:resnet10t.c3_in1k'
    assert model.extract_features(walking(0), FRAME).shape == (3, 512)


def test_the_example_of_their_documentation(timm_weights: Path) -> None:
    """DeepSORT's page of roboflow/trackers, with a file of weights instead of a download."""
    sv = pytest.importorskip('supervision', reason='needs supervision')
    reid_model = ReIDModel.from_timm('resnet10t', timm_weights)
    tracker = DeepSORTTracker(reid_model=reid_model)
    annotator = sv.LabelAnnotator(text_position=sv.Position.CENTER)
    for number in range(4):
        detections = tracker.update(walking(number, sv.Detections), FRAME)
        annotated = annotator.annotate(FRAME.copy(), detections, labels=detections.tracker_id)
    assert detections.tracker_id.tolist() == [-1, 1, 2]
    assert (annotated != FRAME).any()
    kept = detections[detections.tracker_id != -1]
    assert kept.tracker_id.tolist() == [1, 2]
