"""`StrongSORT`: forms of boxes, frames and times in, tracks out."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from strongsort_ros import Detections, Pipeline, StrongSORT, TrackerSettings
from strongsort_ros.camera_motion.ecc import EccCameraMotion
from strongsort_ros.errors import ExtractorError, InputError, SettingError
from strongsort_ros.reid.colour import ColourExtractor
from strongsort_ros.settings import AUTO
from strongsort_ros.tracking.tracks import CONFIRMED, LOST, TENTATIVE
from tools.simulation.scene import Scene, SceneFrame, SceneSettings

TABLE = np.array([[10.0, 20, 50, 100, 0.9, 2], [200, 20, 260, 120, 0.8, 0]])


def by_motion(**changes: Any) -> StrongSORT:
    return StrongSORT(reid=None, camera_motion='none', **changes)


def moving(frame: int) -> list[tuple[float, ...]]:
    return [(10.0 * frame, 20, 10.0 * frame + 40, 100, 0.9)]


@pytest.fixture(scope='module')
def scene() -> list[SceneFrame]:
    return list(itertools.islice(Scene(SceneSettings(width=320, height=240, people=4, seed=3)), 12))


def test_it_is_the_pipeline_of_the_node(scene: list[SceneFrame]) -> None:
    """With default arguments the same tracks come out as of a `Pipeline` made by hand."""
    settings = TrackerSettings(max_cosine_distance=AUTO)
    pipeline = Pipeline(settings, ColourExtractor(), EccCameraMotion())
    tracker = StrongSORT()
    for frame in scene:
        expected = pipeline.step(frame.detections, frame.image).tracks
        tracks = tracker.update(frame.detections, frame.image)
        seen = expected.select(expected.time_since_update == 0)
        np.testing.assert_array_equal(tracks.ids, seen.ids)
        np.testing.assert_array_equal(tracks.mean, seen.mean)
    assert len(tracks)
    pipeline.close()


def test_corners_and_sizes_are_the_same_boxes(scene: list[SceneFrame]) -> None:
    first, second = by_motion(), by_motion()
    for frame in scene:
        tlwh, scores = frame.detections.tlwh, frame.detections.scores
        table = np.column_stack([tlwh[:, :2], tlwh[:, :2] + tlwh[:, 2:], scores])
        expected, tracks = first.update(frame.detections), second.update(table)
        np.testing.assert_array_equal(tracks.ids, expected.ids)
        np.testing.assert_allclose(tracks.xyxy[:, 2:], expected.tlwh[:, :2] + expected.tlwh[:, 2:])


FORMS = {
    'array': TABLE,
    'lists': TABLE.tolist(),
    'float32': TABLE.astype(np.float32),
    'detections': Detections([[10, 20, 40, 80], [200, 20, 60, 100]], [0.9, 0.8], ['2', '0']),
    'dict': {'boxes': TABLE[:, :4], 'scores': TABLE[:, 4], 'labels': TABLE[:, 5].astype(int)},
}


@pytest.mark.parametrize('form', FORMS)
def test_forms_of_boxes(form: str) -> None:
    tracks = by_motion(n_init=1).update(FORMS[form])
    np.testing.assert_allclose(tracks.xyxy, TABLE[:, :4])
    np.testing.assert_allclose(tracks.scores, TABLE[:, 4], rtol=1e-6)
    assert tracks.class_ids.tolist() == ['2', '0']
    assert tracks.detection_index.tolist() == [0, 1]


@pytest.mark.parametrize('boxes', [None, [], np.empty((0, 6)), np.empty(0), Detections.empty()])
def test_no_detections_are_a_frame(boxes: Any) -> None:
    tracker = by_motion(n_init=1, max_age=2, max_lost_time=0.0)
    tracker.update(TABLE)
    for age in (1, 2):
        tracks = tracker.update(boxes)
        assert len(tracks) == 0
        assert tracks.all.states.tolist() == [LOST, LOST]
        assert tracks.all.time_since_update.tolist() == [age, age]
    assert len(tracker.update(boxes).all) == 0


def test_visible_tracks_and_all() -> None:
    tracker = by_motion()
    for frame in range(3):
        tracks = tracker.update(moving(frame))
    assert tracks.states.tolist() == [CONFIRMED]
    tracks = tracker.update([*moving(3), (200, 20, 260, 120, 0.8)])
    assert tracks.ids.tolist() == [1]
    assert tracks.all.states.tolist() == [CONFIRMED, TENTATIVE]
    tracks = tracker.update([(200, 20, 260, 120, 0.8)])
    assert tracks.ids.tolist() == []
    assert tracks.all.states.tolist() == [LOST, TENTATIVE]
    assert tracks.all.all is tracks.all


def test_a_frame_is_optional(scene: list[SceneFrame]) -> None:
    """Frames without an image are tracked by motion, between others with one."""
    tracker = StrongSORT()
    for number, frame in enumerate(scene):
        tracks = tracker.update(frame.detections, frame.image if number % 2 else None)
    assert len(tracks)


def test_timestamps_count_dropped_frames() -> None:
    """A track that was not seen for ten dropped frames is found where it went."""
    tracker, blind = by_motion(frame_rate=10), by_motion()
    times = [0.0, *(0.1 * n for n in (1, 2, 3, 4, 5, 15, 16))]
    for time in times:
        boxes = moving(round(10 * time))
        tracks = tracker.update(boxes, timestamp=time)
        without = blind.update(boxes)
    assert tracks.ids.tolist() == [1]
    assert tracks.age.tolist() == [17]
    assert without.ids.tolist() != [1]


def test_the_frame_rate_is_estimated() -> None:
    """Without a rate the median of the differences of the timestamps is a frame."""
    tracker = by_motion()
    for number in (0, 1, 2, 3, 4, 9):
        tracks = tracker.update(moving(number), timestamp=100 + 0.04 * number)
    assert tracks.age.tolist() == [10]
    assert tracks.first_seen.tolist() == [100_000_000_000]


def test_frames_without_a_timestamp_are_one_frame() -> None:
    tracker = by_motion(frame_rate=10)
    for number, time in enumerate((0.0, None, None, 0.9)):
        tracks = tracker.update(moving(number), timestamp=time)
    assert tracks.age.tolist() == [4]


def test_reset_forgets_tracks_and_times_and_keeps_counting_ids() -> None:
    tracker = by_motion(n_init=1)
    assert tracker.update(moving(0), timestamp=50.0).ids.tolist() == [1]
    tracker.reset()
    tracks = tracker.update(moving(0), timestamp=1.0)
    assert tracks.ids.tolist() == [2]
    assert len(tracks.all) == 1


@pytest.mark.parametrize(
    ('boxes', 'message'),
    [
        ([1, 2, 3, 4], r'boxes: shape \(4,\), expected \(N, 4 to 6\)'),
        ([[1, 2, 3, 4, 0.9, 1.5]], r'boxes: class 1\.5, expected a whole number'),
        ('boxes.txt', "boxes: 'boxes.txt', expected one of: "),
    ],
)
def test_wrong_boxes_are_named(boxes: Any, message: str) -> None:
    tracker = by_motion(n_init=1)
    tracker.update(TABLE)
    with pytest.raises(InputError, match=message):
        tracker.update(boxes)
    assert tracker.update(TABLE).age.tolist() == [2, 2]


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'frame': np.zeros((5, 6), np.uint8)}, r'frame: array of shape \(5, 6\), uint8, expected'),
        ({'frame': np.zeros((5, 6, 3))}, 'frame: .*float64, expected an array of BGR pixels'),
        ({'frame': 'image.jpg'}, "frame: 'image.jpg', expected an array of BGR pixels"),
        ({'timestamp': 'now'}, "timestamp: 'now', expected seconds"),
        ({'timestamp': np.nan}, 'timestamp: nan'),
        ({'timestamp': 1e10}, 'timestamp: '),
        ({'timestamp': 2.0}, r'timestamp: 2\.0 is not after 3\.0'),
    ],
)
def test_wrong_frames_and_times_are_named(arguments: Any, message: str) -> None:
    tracker = by_motion()
    tracker.update(TABLE, timestamp=3.0)
    with pytest.raises(InputError, match=message):
        tracker.update(TABLE, **arguments)
    assert tracker.pipeline.tracker.tracks.age.tolist() == [1, 1]


def test_settings_and_presets() -> None:
    settings = StrongSORT(max_age=7).pipeline.settings
    assert (settings.max_age, settings.ema, settings.max_cosine_distance) == (7, True, AUTO)
    deepsort = StrongSORT(preset='deepsort', max_cosine_distance=0.2).pipeline.settings
    assert deepsort == TrackerSettings.deepsort().replace(max_cosine_distance=0.2)
    given = TrackerSettings.strongsort()
    assert StrongSORT(settings=given).pipeline.settings == given


def test_extractors_and_camera_motion() -> None:
    extractor, motion = ColourExtractor(), EccCameraMotion()
    pipeline = StrongSORT(extractor, camera_motion=motion).pipeline
    assert pipeline.extractor is extractor
    assert pipeline.camera_motion is motion
    for off in (None, 'none'):
        pipeline = StrongSORT(off, camera_motion=off).pipeline
        assert pipeline.extractor is None
        assert pipeline.camera_motion is None


@pytest.mark.parametrize(
    ('arguments', 'error', 'message'),
    [
        ({'preset': 'sort'}, SettingError, "preset: 'sort' is not one of: robust, "),
        ({'max_aeg': 3}, SettingError, "unknown setting 'max_aeg'; did you mean max_age?"),
        ({'n_init': 0}, SettingError, 'n_init: 0, expected at least 1'),
        ({'frame_rate': -1}, SettingError, 'frame_rate: -1, expected 0 to 1000'),
        ({'frame_rate': '30'}, SettingError, "frame_rate: '30' is not a number"),
        ({'camera_motion': 'gmc'}, SettingError, "unknown mode 'gmc'"),
        ({'reid': 'osnet.pth'}, ExtractorError, r'no file osnet\.pth'),
        ({'reid': 5}, InputError, 'reid: 5, expected a name'),
    ],
)  # fmt: skip
def test_wrong_arguments_are_named(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        StrongSORT(**arguments)
