"""Pipeline: embeddings and camera motion reach the tracker."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest

from strongsort_ros.camera_motion.estimator import CameraMotion
from strongsort_ros.camera_motion.published import PublishedCameraMotion
from strongsort_ros.errors import InputError
from strongsort_ros.pipeline import Pipeline, resolve_settings
from strongsort_ros.reid.colour import ColourExtractor
from strongsort_ros.settings import AUTO
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.tracking.tracker import Tracker
from tools.simulation.scene import Scene, SceneFrame, SceneSettings

SETTINGS = TrackerSettings(max_cosine_distance=AUTO)


@pytest.fixture(scope='module')
def frames() -> list[SceneFrame]:
    scene = Scene(SceneSettings(width=320, height=240, frames=12, people=4, seed=3))
    return list(itertools.islice(scene, 12))


def test_auto_is_the_threshold_of_the_network() -> None:
    extractor = ColourExtractor()
    own = extractor.card.max_cosine_distance
    assert resolve_settings(SETTINGS, extractor).max_cosine_distance == own
    assert resolve_settings(TrackerSettings.deepsort(), extractor).max_cosine_distance == 0.3
    assert resolve_settings(SETTINGS, None).max_cosine_distance == 0.45
    pipeline = Pipeline(SETTINGS, extractor)
    pipeline.settings = SETTINGS.replace(max_age=7)
    assert pipeline.tracker.settings.max_cosine_distance == own
    assert pipeline.settings.max_cosine_distance == AUTO


def test_the_pipeline_equals_its_stages_one_by_one(frames: list[SceneFrame]) -> None:
    pipeline = Pipeline(SETTINGS, ColourExtractor(), PublishedCameraMotion())
    extractor, ecc = ColourExtractor(), PublishedCameraMotion()
    tracker = Tracker(pipeline.tracker.settings)
    for frame in frames:
        result = pipeline.step(frame.detections, frame.image)
        motion = ecc.estimate(frame.image, frame.detections.tlwh)
        embeddings = extractor.extract(frame.image, frame.detections.tlwh)
        expected = tracker.update(
            frame.detections.with_embeddings(embeddings),
            motion.matrix if motion.score > 0 else None,
        )
        np.testing.assert_array_equal(result.camera_motion.matrix, motion.matrix)
        np.testing.assert_array_equal(result.tracks.mean, expected.mean)
        assert {'camera_motion', 'embedding', 'association', 'total'} <= set(result.seconds)
    pipeline.close()


def test_a_missing_image_is_tracked_by_motion(frames: list[SceneFrame]) -> None:
    pipeline = Pipeline(SETTINGS, ColourExtractor(), PublishedCameraMotion())
    for number, frame in enumerate(frames):
        image = None if number % 3 == 2 else frame.image
        result = pipeline.step(frame.detections, image)
        assert (result.camera_motion.score > 0) == (image is not None and number > 0)
    assert len(result.tracks)
    pipeline.close()


def test_given_motion_and_embeddings_are_not_estimated(frames: list[SceneFrame]) -> None:
    pipeline = Pipeline(SETTINGS, ColourExtractor(), PublishedCameraMotion())
    known = CameraMotion(np.array([[1.0, 0, 5], [0, 1, 0], [0, 0, 1]]), 1.0)
    detections = frames[0].detections
    given = detections.with_embeddings(np.eye(len(detections), 5, dtype=np.float32))
    result = pipeline.step(given, frames[0].image, camera_motion=known)
    assert result.camera_motion is known
    assert set(result.seconds) == {'association', 'total'}
    assert pipeline.tracker._gallery.dimension == 5
    pipeline.close()


def test_only_detections_that_are_used_get_embeddings(frames: list[SceneFrame]) -> None:
    asked: list[int] = []

    class Counting(ColourExtractor):
        def extract(self, image: np.ndarray, tlwh: np.ndarray) -> np.ndarray:
            asked.append(len(tlwh))
            return super().extract(image, tlwh)

    tlwh = np.array([[10.0, 10, 20, 50], [50, 10, 20, 50], [90, 10, 20, 5]])
    detections = Detections(tlwh, np.array([0.9, 0.2, 0.9]), np.full(3, 'person'))
    pipeline = Pipeline(SETTINGS.replace(min_height=10.0, n_init=1), Counting())
    tracks = pipeline.step(detections, frames[0].image).tracks
    assert asked == [1]
    assert tracks.detection_index.tolist() == [0]
    assert tracks.rejected == {}


def test_an_extractor_that_fails_leaves_no_motion_estimate_behind(
    frames: list[SceneFrame],
) -> None:
    """The estimator has finished when the step raises."""
    at_work = threading.Event()

    class Slow(PublishedCameraMotion):
        def estimate(self, image: np.ndarray, tlwh: np.ndarray) -> CameraMotion:
            assert not at_work.is_set()
            at_work.set()
            for _ in range(20):
                motion = super().estimate(image, tlwh)
            at_work.clear()
            return motion

    class Failing(ColourExtractor):
        def extract(self, image: np.ndarray, tlwh: np.ndarray) -> np.ndarray:
            at_work.wait(10)
            super().extract(image[0], tlwh)
            raise AssertionError('an image of two dimensions is none')

    pipeline = Pipeline(SETTINGS, Failing(), Slow())
    for frame in frames[:4]:
        with pytest.raises(ValueError, match='expected an array of BGR pixels'):
            pipeline.step(frame.detections, frame.image)
        assert not at_work.is_set()
    pipeline.close()


def test_close_ends_the_worker_thread(frames: list[SceneFrame]) -> None:
    before = threading.active_count()
    pipeline = Pipeline(SETTINGS, ColourExtractor(), PublishedCameraMotion())
    pipeline.step(frames[0].detections, frames[0].image)
    pipeline.close()
    assert threading.active_count() == before


def test_a_wrong_image_is_named(frames: list[SceneFrame]) -> None:
    with Pipeline(SETTINGS, ColourExtractor()) as pipeline:
        for image in ('frame.jpg', [[1, 2], [3, 4]]):
            with pytest.raises(InputError, match=r'^image: .*expected an array of BGR pixels'):
                pipeline.step(frames[0].detections, image)
        assert len(pipeline.tracker.tracks) == 0
